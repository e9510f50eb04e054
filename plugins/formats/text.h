// The text of single values as csv and json write it: numbers, ratings, times and constant pieces.
//
// Writers take the place to write at and return its end. They check no bounds: the caller has made
// room for the longest text and kTextSlack bytes more, since stores have fixed sizes and may leave
// rubbish behind the end.
#ifndef THRONG_FORMATS_TEXT_H_
#define THRONG_FORMATS_TEXT_H_

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "throng/sdk.hpp"

namespace throng {

inline constexpr size_t kTextSlack = 32;
inline constexpr size_t kMaxNumberText = 20;  // of any 64-bit integer, sign included
inline constexpr size_t kMaxRatingText = 12;
inline constexpr size_t kMaxFloatText = 24;
inline constexpr size_t kTimestampText = 20;

namespace detail {

constexpr char Digit(uint32_t value) { return static_cast<char>('0' + value % 10); }

// "0000" to "9999".
inline constexpr auto kFourDigits = [] {
  std::array<std::array<char, 4>, 10000> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = {Digit(i / 1000), Digit(i / 100), Digit(i / 10), Digit(i)};
  }
  return table;
}();

struct RatingText {
  std::array<char, 4> text;
  uint32_t size;
};

// "0.0", "0.01" to "5.0".
inline constexpr auto kRatings = [] {
  std::array<RatingText, 501> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = {{Digit(i / 100), '.', Digit(i / 10), Digit(i)}, i % 10 == 0 ? 3U : 4U};
  }
  return table;
}();

// "00:00:" to "23:59:", and "00Z" to "59Z".
inline constexpr auto kMinutes = [] {
  std::array<std::array<char, 8>, 24 * 60> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    const uint32_t hour = i / 60;
    const uint32_t minute = i % 60;
    table[i] = {Digit(hour / 10), Digit(hour), ':', Digit(minute / 10), Digit(minute), ':'};
  }
  return table;
}();
inline constexpr auto kSeconds = [] {
  std::array<std::array<char, 4>, 60> table{};
  for (uint32_t i = 0; i < table.size(); ++i) table[i] = {Digit(i / 10), Digit(i), 'Z'};
  return table;
}();

// Eight digits of n < 10^8, the first in the lowest byte.
inline uint64_t EightDigits(uint32_t n) {
  const uint32_t high = n / 10000;
  uint32_t digits[2];
  std::memcpy(&digits[0], &kFourDigits[high], 4);
  std::memcpy(&digits[1], &kFourDigits[n - high * 10000], 4);
  return digits[0] | static_cast<uint64_t>(digits[1]) << 32;
}

inline char* WriteShortNumber(uint32_t n, char* p) {
  uint64_t digits = EightDigits(n);
  // Bits of leading zeros; the last digit stays whatever it is.
  const uint64_t values = digits ^ 0x3030303030303030;
  const auto zeros = static_cast<uint32_t>(__builtin_ctzll(values | uint64_t{1} << 56)) & 56;
  digits >>= zeros;
  std::memcpy(p, &digits, 8);
  return p + 8 - zeros / 8;
}

[[gnu::noinline]] inline char* WriteLongNumber(uint64_t n, char* p) {
  constexpr uint64_t kLimit = 100000000;
  if (n >= kLimit * kLimit) return std::to_chars(p, p + kMaxNumberText, n).ptr;
  p = WriteShortNumber(static_cast<uint32_t>(n / kLimit), p);
  const uint64_t digits = EightDigits(static_cast<uint32_t>(n % kLimit));
  std::memcpy(p, &digits, 8);
  return p + 8;
}

}  // namespace detail

inline char* WriteNumber(uint64_t n, char* p) {
  if (n >= 100000000) [[unlikely]]
    return detail::WriteLongNumber(n, p);
  return detail::WriteShortNumber(static_cast<uint32_t>(n), p);
}

inline char* WriteSigned(int64_t n, char* p) {
  const auto magnitude = static_cast<uint64_t>(n);
  if (n >= 0) return WriteNumber(magnitude, p);
  *p = '-';
  return WriteNumber(0 - magnitude, p + 1);
}

// Of hundredths, exactly: one decimal, two where needed.
inline char* WriteRating(int32_t hundredths, char* p) {
  if (static_cast<uint32_t>(hundredths) < detail::kRatings.size()) [[likely]] {
    const detail::RatingText& rating = detail::kRatings[static_cast<uint32_t>(hundredths)];
    std::memcpy(p, &rating.text, 4);
    return p + rating.size;
  }
  const int64_t value = hundredths;
  if (value < 0) *p++ = '-';
  const auto magnitude = static_cast<uint32_t>(value < 0 ? -value : value);
  p = WriteNumber(magnitude / 100, p);
  *p++ = '.';
  *p++ = detail::Digit(magnitude / 10);
  if (magnitude % 10 != 0) *p++ = detail::Digit(magnitude);
  return p;
}

// The shortest text that reads back as the same double.
inline char* WriteFloat(double value, char* p) {
  return std::to_chars(p, p + kMaxFloatText, value).ptr;
}

// Constant text that is written often; up to 32 bytes cost one or two 16-byte stores.
class Piece {
 public:
  Piece() = default;
  explicit Piece(std::string_view text) : size_(text.size()) {
    std::memcpy(head_, text.data(), std::min(text.size(), sizeof head_));
    if (text.size() > sizeof head_) tail_ = text.substr(sizeof head_);
  }
  size_t size() const { return size_; }
  char* Write(char* p) const {
    std::memcpy(p, head_, 16);
    if (size_ > 16) {
      std::memcpy(p + 16, head_ + 16, 16);
      if (size_ > 32) [[unlikely]]
        std::memcpy(p + 32, tail_.data(), tail_.size());
    }
    return p + size_;
  }

 private:
  alignas(16) char head_[32] = {};
  size_t size_ = 0;
  std::string tail_;
};

// Times as 2024-01-15T10:30:00Z, after a constant text. Milliseconds are dropped, toward the past.
// The date is kept from value to value, since rows are mostly in time order.
class TimestampWriter {
 public:
  explicit TimestampWriter(std::string lead) : lead_(std::move(lead)) { SetDay(0); }

  // Throws OUT_OF_RANGE outside the years 0000 to 9999, which this text cannot hold.
  char* Write(int64_t ms, char* p) {
    uint64_t of_day = static_cast<uint64_t>(ms) - static_cast<uint64_t>(midnight_);
    if (of_day >= kDay) [[unlikely]] {
      SetDay(ms);
      of_day = static_cast<uint64_t>(ms) - static_cast<uint64_t>(midnight_);
    }
    const uint32_t minute = static_cast<uint32_t>(of_day) / 60000;
    const uint32_t second = (static_cast<uint32_t>(of_day) - minute * 60000) / 1000;
    p = date_.Write(p);
    std::memcpy(p, &detail::kMinutes[minute], 8);
    std::memcpy(p + 6, &detail::kSeconds[second], 4);
    return p + 9;
  }

 private:
  static constexpr uint64_t kDay = 86400000;

  [[gnu::noinline]] void SetDay(int64_t ms) {
    using std::chrono::floor, std::chrono::days, std::chrono::sys_days;
    constexpr sys_days kFirst = std::chrono::January / 1 / 0;
    constexpr sys_days kLast = std::chrono::December / 31 / 9999;
    const auto time =
        std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(ms));
    const sys_days day = floor<days>(time);
    if (day < kFirst || day > kLast) {
      throw Error(THRONG_OUT_OF_RANGE,
                  "A time of " + std::to_string(ms) +
                      " ms since 1970 lies outside the years 0000 to 9999 that its text can hold; "
                      "choose another start of the event times.");
    }
    const std::chrono::year_month_day date(day);
    const auto year = static_cast<uint32_t>(static_cast<int>(date.year()));
    const auto month = static_cast<unsigned>(date.month());
    const auto of_month = static_cast<unsigned>(date.day());
    std::string text = lead_;
    text.append(detail::kFourDigits[year].data(), 4);
    text += {'-', detail::Digit(month / 10),    detail::Digit(month),
             '-', detail::Digit(of_month / 10), detail::Digit(of_month),
             'T'};
    date_ = Piece(text);
    midnight_ = std::chrono::sys_time<std::chrono::milliseconds>(day).time_since_epoch().count();
  }

  std::string lead_;
  Piece date_;
  int64_t midnight_ = 0;
};

}  // namespace throng

#endif  // THRONG_FORMATS_TEXT_H_
