#include "client/count_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace throng {
namespace {

constexpr size_t kGroup = 3;          // digits between commas or spaces
constexpr size_t kLargestPower = 30;  // of ten; what numbers may be is the daemon's to decide

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// What multiplies a number: a power of ten, and whether it is a letter or an exponent, if any.
struct Scale {
  size_t power = 0;
  bool is_letter = false;
  bool is_exponent = false;
};

// Takes `k`, `M`, `G` or an exponent off the end.
std::optional<Scale> TakeScale(std::string_view* text) {
  const size_t e = text->find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view digits = text->substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    size_t power = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), power);
    if (error != std::errc() || end != digits.end() || power > kLargestPower) return std::nullopt;
    text->remove_suffix(text->size() - e);
    return Scale{.power = power, .is_exponent = true};
  }
  constexpr std::string_view kSuffixes = "kmg";
  const size_t suffix = text->empty() ? std::string_view::npos
                                      : kSuffixes.find(static_cast<char>(std::tolower(
                                            static_cast<unsigned char>(text->back()))));
  if (suffix == std::string_view::npos) return Scale();
  text->remove_suffix(1);
  *text = Trim(*text);
  return Scale{.power = kGroup * (suffix + 1), .is_letter = true};
}

// The digits of a whole number whose groups `separator` divides; nothing if these are not complete.
std::optional<std::string> JoinGroups(std::string_view text, char separator) {
  std::string digits;
  for (bool is_first = true;; is_first = false) {
    const size_t end = text.find(separator);
    const std::string_view group = text.substr(0, end);
    const bool is_whole = is_first ? group.size() <= kGroup : group.size() == kGroup;
    // People group digits by underscores as they like.
    if (!IsDigits(group) || (separator != '_' && !is_whole)) return std::nullopt;
    digits += group;
    if (end == std::string_view::npos) return digits;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

absl::StatusOr<std::string> ParseCount(std::string_view text) {
  const auto no_number = absl::InvalidArgumentError(
      fmt::format("\"{}\" is no whole number; write one such as 500, 50k or 1M.", text));
  const auto ambiguous = absl::InvalidArgumentError(fmt::format(
      "\"{}\" may be read as more than one number; write it without points and commas, as 50000 or "
      "50k.",
      text));
  std::string_view rest = Trim(text);
  const auto scale = TakeScale(&rest);
  if (!scale) return no_number;

  const size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  const auto may_be_number = [](unsigned char c) {
    return std::isdigit(c) != 0 || c == '.' || c == ',' || c == '_' || c == ' ';
  };
  if (whole.empty() || !std::all_of(rest.begin(), rest.end(), may_be_number)) return no_number;
  if (point != std::string_view::npos && !IsDigits(fraction)) {
    return fraction.empty() ? no_number : ambiguous;
  }
  if (fraction.size() == kGroup && !scale->is_exponent) return ambiguous;

  std::string digits(whole);
  const size_t separator = whole.find_first_of(",_ ");
  if (separator != std::string_view::npos) {
    const auto joined = JoinGroups(whole, whole[separator]);
    if (!joined || (whole[separator] == ',' && scale->is_letter)) return ambiguous;
    digits = *joined;
  }
  digits += fraction;
  size_t decimals = fraction.size();
  while (decimals > scale->power && digits.back() == '0') {
    digits.pop_back();
    --decimals;
  }
  if (decimals > scale->power) return no_number;
  digits.append(scale->power - decimals, '0');
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return digits;
}

}  // namespace throng
