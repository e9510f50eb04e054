#include "plugins/sinks/file/path_pattern.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace throng::plugins {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = "{part}";
constexpr std::string_view kSlice = "{slice}";
constexpr std::string_view kOf = "-of-";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits that a text begins with.
std::string_view Digits(std::string_view text) {
  return text.substr(
      0, static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin()));
}

// Bytes of a slice's name, as 0-of-4, that a text begins with; 0: none.
size_t SliceSize(std::string_view text) {
  const size_t index = Digits(text).size();
  if (index == 0 || text.substr(index, kOf.size()) != kOf) return 0;
  const size_t count = Digits(text.substr(index + kOf.size())).size();
  return count == 0 ? 0 : index + kOf.size() + count;
}

// Whether a name is one of a pattern's. Time is bounded by the product of their lengths: each rest
// of the pattern is tried with each rest of the name once.
class NamePattern {
 public:
  NamePattern(std::string_view pattern, std::string_view name) : pattern_(pattern), name_(name) {}

  bool Matches() {
    if (name_.starts_with('.') && !pattern_.starts_with('.')) return false;
    failed_.assign((pattern_.size() + 1) * (name_.size() + 1), false);
    return Matches(0, 0);
  }
  int64_t part() const { return part_; }

 private:
  bool Matches(size_t p, size_t n) {
    if (p == pattern_.size()) return n == name_.size();
    const size_t state = p * (name_.size() + 1) + n;
    if (failed_[state]) return false;
    const bool does = MatchesHere(p, n);
    failed_[state] = !does;
    return does;
  }

  bool MatchesHere(size_t p, size_t n) {
    const std::string_view pattern = pattern_.substr(p);
    const std::string_view name = name_.substr(n);
    if (pattern.starts_with(kPart)) {
      const std::string_view digits = Digits(name);
      int64_t part = 0;
      const bool is_number =
          std::from_chars(digits.data(), digits.data() + digits.size(), part).ec == std::errc();
      if (!is_number || !Matches(p + kPart.size(), n + digits.size())) return false;
      part_ = part;
      return true;
    }
    if (pattern.starts_with(kSlice)) {
      const size_t size = SliceSize(name);
      return size > 0 && Matches(p + kSlice.size(), n + size);
    }
    if (pattern.front() == '*') {
      return Matches(p + 1, n) || (!name.empty() && Matches(p, n + 1));
    }
    return !name.empty() && (pattern.front() == '?' || pattern.front() == name.front()) &&
           Matches(p + 1, n + 1);
  }

  const std::string_view pattern_;
  const std::string_view name_;
  std::vector<bool> failed_;
  int64_t part_ = -1;
};

// The entries of `folder` that the pattern's name at `part` stands for, and so on down to files.
void Walk(const fs::path& folder, fs::path::const_iterator part, const fs::path::const_iterator end,
          std::string_view suffix, int64_t number, std::vector<MatchedPath>* matched) {
  const bool is_last = std::next(part) == end;
  const std::string name = part->string() + (is_last ? std::string(suffix) : "");
  std::error_code error;
  const auto visit = [&](const fs::path& path, int64_t found) {
    const int64_t known = found >= 0 ? found : number;
    if (!is_last) return Walk(path, std::next(part), end, suffix, known, matched);
    std::string text = path.string();
    text.resize(text.size() - suffix.size());
    matched->push_back({std::move(text), known});
  };
  if (!IsPattern(name)) {
    const fs::path path = folder / name;
    if (!is_last || fs::exists(path, error)) visit(path, -1);
    return;
  }
  fs::directory_iterator entries(folder.empty() ? "." : folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string entry = entries->path().filename().string();
    NamePattern pattern(name, entry);
    if (pattern.Matches()) visit(folder / entry, pattern.part());
  }
}

}  // namespace

bool IsPattern(std::string_view path) {
  return path.find_first_of("*?") != std::string_view::npos ||
         path.find(kPart) != std::string_view::npos || path.find(kSlice) != std::string_view::npos;
}

std::vector<MatchedPath> PathsOf(const std::string& pattern, std::string_view suffix) {
  std::vector<MatchedPath> matched;
  const fs::path path(pattern);
  if (path.empty()) return matched;
  Walk("", path.begin(), path.end(), suffix, -1, &matched);
  std::sort(matched.begin(), matched.end(), [](const MatchedPath& a, const MatchedPath& b) {
    return IsNaturallyLess(a.path, b.path);
  });
  return matched;
}

bool IsNaturallyLess(std::string_view a, std::string_view b) {
  const std::string_view all_a = a;
  const std::string_view all_b = b;
  while (!a.empty() && !b.empty()) {
    std::string_view x = Digits(a);
    std::string_view y = Digits(b);
    if (x.empty() || y.empty()) {
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    a.remove_prefix(x.size());
    b.remove_prefix(y.size());
    x.remove_prefix(std::min(x.find_first_not_of('0'), x.size()));
    y.remove_prefix(std::min(y.find_first_not_of('0'), y.size()));
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  if (a.empty() != b.empty()) return a.empty();
  return all_a < all_b;  // 01 and 1
}

}  // namespace throng::plugins
