// The texts of option values: times, durations, sizes, numbers and lists as users write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

// "2024-01-01T00:00:00Z", with milliseconds where there are any.
std::string TimestampText(int64_t ms);
// "30d": the largest unit that divides it, of ms, s, m, h, d.
std::string DurationText(int64_t ms);

// All return nothing for what they do not understand, and for what overflows.
std::optional<int64_t> ParseInt64(std::string_view text);     // -12
std::optional<double> ParseDouble(std::string_view text);     // 0.5, 1e-3; finite
std::optional<int64_t> ParseDuration(std::string_view text);  // 250ms, 0.5s, 1h30m, 2w -> ms
std::optional<int64_t> ParseSize(std::string_view text);      // 4096, 64KiB, 1MB -> bytes
std::optional<std::vector<double>> ParseList(std::string_view text);  // [0.1, 0.9] or 0.1,0.9

struct TimestampValue {
  int64_t ms = 0;
  bool is_relative = false;  // it said "now"
};
// 2024-01-01, a time as in RFC 3339 (2024-01-01T00:00:00.25+01:00; what is less than a millisecond
// is cut off), now, now-7d, now+1h.
std::optional<TimestampValue> ParseTimestamp(std::string_view text, int64_t now);

}  // namespace throng
