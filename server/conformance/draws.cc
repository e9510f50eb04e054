#include "server/conformance/draws.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "proto/option_text.h"
#include "throng/random.hpp"

namespace throng {
namespace {

class Draw {
 public:
  Draw(uint64_t seed, int index) : key_(Hash(seed, static_cast<uint64_t>(index))) {}
  // In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // In [0, end).
  uint64_t Below(uint64_t end) { return MultiplyHigh(Next(), end); }
  // In [low, high], half of the time of any order of magnitude.
  double Between(double low, double high) {
    const double span = high - low;
    const double part = Uniform();
    return Below(2) == 0 ? low + part * span
                         : std::min(high, low + std::expm1(part * std::log1p(span)));
  }

 private:
  uint64_t Next() { return Hash(key_, count_++); }

  uint64_t key_;
  uint64_t count_ = 0;
};

std::optional<double> Number(const throng_option& option, const char* text) {
  if (text == nullptr) return std::nullopt;
  std::optional<int64_t> whole;
  switch (option.type) {
    case THRONG_OPTION_DURATION:
      whole = ParseDuration(text);
      break;
    case THRONG_OPTION_SIZE:
      whole = ParseSize(text);
      break;
    case THRONG_OPTION_TIMESTAMP: {
      const auto time = ParseTimestamp(text, 0);
      if (time) whole = time->ms;
      break;
    }
    default:
      return ParseDouble(text);
  }
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<std::string> DrawText(const throng_option& option, Draw* draw) {
  constexpr double kYear2100 = 4.1e12;
  const bool is_time = option.type == THRONG_OPTION_TIMESTAMP;
  const auto usual = Number(option, option.default_text);
  const double low = Number(option, option.minimum).value_or(std::min(0.0, usual.value_or(0)));
  const double high = Number(option, option.maximum)
                          .value_or(is_time ? kYear2100 : low + 100 + 2 * usual.value_or(0));
  const double number = low < high ? draw->Between(low, high) : low;
  // Within its bounds, which may be no whole numbers, and exactly a double.
  const double whole = std::clamp(std::round(number), std::ceil(low), std::floor(high));
  switch (option.type) {
    case THRONG_OPTION_BOOL:
      return draw->Below(2) == 0 ? "false" : "true";
    case THRONG_OPTION_INT64:
    case THRONG_OPTION_SIZE:
      return fmt::format("{:.0f}", std::min(whole, 0x1p62));
    case THRONG_OPTION_FLOAT64:
      return fmt::format("{}", number);
    case THRONG_OPTION_DURATION:
      return fmt::format("{:.0f}ms", std::min(whole, 0x1p62));
    case THRONG_OPTION_TIMESTAMP:
      return TimestampText(static_cast<int64_t>(std::min(whole, kYear2100)));
    case THRONG_OPTION_ENUM: {
      uint64_t count = 0;
      while (option.choices[count] != nullptr) ++count;
      return count == 0 ? std::nullopt : std::optional(option.choices[draw->Below(count)]);
    }
    case THRONG_OPTION_LIST: {
      std::string text;
      for (uint64_t left = 1 + draw->Below(5); left > 0; --left) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", draw->Between(low, high));
      }
      return "[" + text + "]";
    }
    default:  // of a text or a map nobody knows what it may be
      return std::nullopt;
  }
}

}  // namespace

std::map<std::string, std::string> DrawOptions(const Component& component, uint64_t seed,
                                               int index) {
  Draw draw(seed, index);
  std::map<std::string, std::string> options;
  for (const throng_option& option : component.options) {
    const bool is_drawn = draw.Below(4) != 0;
    const auto text = DrawText(option, &draw);
    if (is_drawn && text) options[option.name] = *text;
  }
  return options;
}

}  // namespace throng
