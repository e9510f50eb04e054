// Nearest names and the text of problems.
#include "server/spec/problem.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace throng {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours cost 1.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) &&
          Lower(a[i - 2]) == Lower(b[j - 1])) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string> NearestName(std::string_view name, std::span<const std::string> known) {
  constexpr size_t kLongestName = 256;  // beyond that nobody mistyped a name
  if (name.size() > kLongestName) return std::nullopt;
  const std::string* nearest = nullptr;
  size_t least = std::max<size_t>(1, (name.size() + 1) / 3) + 1;
  for (const std::string& candidate : known) {
    const size_t distance = Distance(name, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = &candidate;
    }
  }
  if (nearest != nullptr) return *nearest;
  constexpr size_t kShortestBeginning = 3;
  for (const std::string& candidate : known) {
    if (name.size() >= kShortestBeginning && candidate.starts_with(name)) return candidate;
  }
  return std::nullopt;
}

std::string DidYouMean(std::string_view name, std::span<const std::string> known) {
  if (const auto nearest = NearestName(name, known)) return " Did you mean \"" + *nearest + "\"?";
  if (known.empty()) return "";
  std::string text = " Known: ";
  for (size_t i = 0; i < known.size(); ++i) text += (i == 0 ? "" : ", ") + known[i];
  return text + ".";
}

std::string ToString(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!problem.field.empty()) text += problem.field + ": ";
    text += problem.message + "\n";
  }
  return text;
}

}  // namespace throng
