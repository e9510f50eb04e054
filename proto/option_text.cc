#include "proto/option_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>

namespace throng {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kDay = 86'400 * kSecond;

struct Unit {
  std::string_view name;
  int64_t value;
};
// Weeks are read, and written as days.
constexpr Unit kDurations[] = {{"w", 7 * kDay},     {"d", kDay},    {"h", 3600 * kSecond},
                               {"m", 60 * kSecond}, {"s", kSecond}, {"ms", 1}};
constexpr Unit kSizes[] = {
    {"", 1},          {"B", 1},         {"KB", 1000},    {"MB", 1000'000}, {"GB", 1000'000'000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
std::optional<Number> ParseAll(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number of exactly `digits` digits at the front of `text`, which it removes.
std::optional<int> TakeDigits(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool Take(std::string_view* text, std::string_view expected) {
  if (!text->starts_with(expected)) return false;
  text->remove_prefix(expected.size());
  return true;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits at the front of `text`, which it removes.
std::string_view TakeAllDigits(std::string_view* text) {
  const auto end = std::find_if_not(text->begin(), text->end(), IsDigit);
  const std::string_view digits(text->data(), static_cast<size_t>(end - text->begin()));
  text->remove_prefix(digits.size());
  return digits;
}

// 0.digits of `unit`; nothing if that is no whole number, or if there are more than nine digits.
std::optional<int64_t> FractionOf(int64_t unit, std::string_view digits) {
  if (digits.empty()) return 0;
  if (digits.size() > 9) return std::nullopt;
  int64_t scale = 1;
  for (size_t i = 0; i < digits.size(); ++i) scale *= 10;
  const int64_t product = *ParseAll<int64_t>(digits) * unit;
  return product % scale == 0 ? std::optional(product / scale) : std::nullopt;
}

// A number and one of `units` at the front of `text`, which it removes.
template <size_t N>
std::optional<int64_t> TakeQuantity(std::string_view* text, const Unit (&units)[N]) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  std::string_view fraction;
  if (Take(text, ".")) {
    fraction = TakeAllDigits(text);
    if (fraction.empty()) return std::nullopt;
  }
  const size_t length = std::min(text->find_first_of("0123456789"), text->size());
  const std::string_view name = Trim(text->substr(0, length));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    text->remove_prefix(length);
    const auto rest = FractionOf(unit.value, fraction);
    int64_t product = 0;
    if (!rest || __builtin_mul_overflow(number, unit.value, &product) ||
        __builtin_add_overflow(product, *rest, &product)) {
      return std::nullopt;
    }
    return product;
  }
  return std::nullopt;
}

bool TakeEither(std::string_view* text, std::string_view characters) {
  if (text->empty() || characters.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// "Z", or how far local time is ahead of UTC, as "+01:00", in ms.
std::optional<int64_t> TakeOffset(std::string_view* text) {
  if (TakeEither(text, "Zz")) return 0;
  const bool is_behind = text->starts_with('-');
  if (!TakeEither(text, "+-")) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !Take(text, ":")) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int64_t ms = (*hours * 60 + *minutes) * 60 * kSecond;
  return is_behind ? -ms : ms;
}

}  // namespace

std::string TimestampText(int64_t ms) {
  using std::chrono::days;
  const auto time = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(ms));
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) text += fmt::format(".{:03}", clock.subseconds().count());
  return text + "Z";
}

std::string DurationText(int64_t ms) {
  for (const Unit& unit : std::span(kDurations).subspan(1)) {
    if (ms != 0 && ms % unit.value == 0) return fmt::format("{}{}", ms / unit.value, unit.name);
  }
  return "0ms";
}

std::optional<int64_t> ParseInt64(std::string_view text) { return ParseAll<int64_t>(Trim(text)); }

std::optional<double> ParseDouble(std::string_view text) {
  const auto value = ParseAll<double>(Trim(text));
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  text = Trim(text);
  if (text.empty()) return std::nullopt;
  int64_t sum = 0;
  while (!text.empty()) {
    const auto part = TakeQuantity(&text, kDurations);
    if (!part || __builtin_add_overflow(sum, *part, &sum)) return std::nullopt;
  }
  return sum;
}

std::optional<int64_t> ParseSize(std::string_view text) {
  text = Trim(text);
  const auto size = TakeQuantity(&text, kSizes);
  return text.empty() ? size : std::nullopt;
}

std::optional<std::vector<double>> ParseList(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = Trim(text.substr(1, text.size() - 2));
  std::vector<double> list;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const auto value = ParseDouble(text.substr(0, comma));
    if (!value) return std::nullopt;
    list.push_back(*value);
    if (comma == text.size()) return list;
    text.remove_prefix(comma + 1);
    if (Trim(text).empty()) return std::nullopt;
  }
  return list;
}

std::optional<TimestampValue> ParseTimestamp(std::string_view text, int64_t now) {
  text = Trim(text);
  if (Take(&text, "now")) {
    if (text.empty()) return TimestampValue{now, true};
    const bool is_past = text.front() == '-';
    if (!is_past && text.front() != '+') return std::nullopt;
    const auto distance = ParseDuration(text.substr(1));
    int64_t ms = 0;
    if (!distance || __builtin_add_overflow(now, is_past ? -*distance : *distance, &ms)) {
      return std::nullopt;
    }
    return TimestampValue{ms, true};
  }
  const auto year = TakeDigits(&text, 4);
  if (!year || !Take(&text, "-")) return std::nullopt;
  const auto month = TakeDigits(&text, 2);
  if (!month || !Take(&text, "-")) return std::nullopt;
  const auto day = TakeDigits(&text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  int64_t ms = std::chrono::sys_days(date).time_since_epoch().count() * kDay;
  if (text.empty()) return TimestampValue{ms, false};
  if (!TakeEither(&text, "Tt ")) return std::nullopt;
  const auto hour = TakeDigits(&text, 2);
  if (!hour || *hour > 23 || !Take(&text, ":")) return std::nullopt;
  const auto minute = TakeDigits(&text, 2);
  if (!minute || *minute > 59 || !Take(&text, ":")) return std::nullopt;
  const auto second = TakeDigits(&text, 2);
  if (!second || *second > 59) return std::nullopt;
  ms += ((*hour * 60 + *minute) * 60 + *second) * kSecond;
  if (Take(&text, ".")) {
    const std::string_view digits = TakeAllDigits(&text);
    if (digits.empty()) return std::nullopt;
    for (size_t i = 0, unit = 100; i < std::min<size_t>(3, digits.size()); ++i, unit /= 10) {
      ms += static_cast<int64_t>(unit) * (digits[i] - '0');
    }
  }
  const auto offset = TakeOffset(&text);
  if (!offset || !text.empty()) return std::nullopt;
  return TimestampValue{ms - *offset, false};
}

}  // namespace throng
