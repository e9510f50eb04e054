// The text of values as Throng's own csv and json have it: numbers, ratings, times and fixed texts,
// for formats that write text.
//
// Writers take the place to write at and return the text's end. They check no bounds and end no
// text with a NUL. Their stores have fixed sizes, so they may leave rubbish behind the end: make
// room for the longest text and, once, kTextSlack bytes more.
//
//   char* p = out.Reserve(rows * (prefix.size() + kMaxValueText + 1) + kTextSlack);
//   for (uint32_t i = 0; i < rows; ++i) {
//     p = WriteRating(rating[i], prefix.Write(p));
//     *p++ = '\n';
//   }
//   out.EndAt(p);
#ifndef THRONG_TEXT_HPP_
#define THRONG_TEXT_HPP_

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng {

// Bytes behind a text's end that its writer may write to.
inline constexpr size_t kTextSlack = 32;
// Bytes of every time, without a lead.
inline constexpr size_t kTimestampText = 20;
// Bytes of every UUID.
inline constexpr size_t kUuidText = 36;
// Most bytes of a number, rating, time or double, without a lead.
inline constexpr size_t kMaxValueText = 24;

namespace detail {

constexpr char Digit(uint32_t value) { return static_cast<char>('0' + value % 10); }

struct alignas(8) ShortText {
  std::array<char, 4> text;
  uint32_t size;
};

// All tables in one, so that the loop over rows needs one register to reach them.
struct TextTables {
  std::array<ShortText, 10000> number{};           // "0" to "9999"
  std::array<std::array<char, 4>, 1000> digits{};  // "000" to "999"
  std::array<std::array<char, 8>, 1440> minute{};  // "00:00:" to "23:59:"
  std::array<std::array<char, 4>, 60> second{};    // "00Z" to "59Z"
  std::array<std::array<char, 2>, 256> byte{};     // "00" to "ff"
};
inline constexpr TextTables kText = [] {
  TextTables tables;
  for (uint32_t i = 0; i < tables.number.size(); ++i) {
    ShortText& number = tables.number[i];
    for (const uint32_t power : {1000U, 100U, 10U, 1U}) {
      if (i >= power || power == 1) number.text[number.size++] = Digit(i / power);
    }
  }
  for (uint32_t i = 0; i < tables.digits.size(); ++i) {
    tables.digits[i] = {Digit(i / 100), Digit(i / 10), Digit(i)};
  }
  for (uint32_t i = 0; i < tables.minute.size(); ++i) {
    const uint32_t hour = i / 60;
    const uint32_t minute = i % 60;
    tables.minute[i] = {Digit(hour / 10), Digit(hour), ':', Digit(minute / 10), Digit(minute), ':'};
  }
  for (uint32_t i = 0; i < tables.second.size(); ++i) {
    tables.second[i] = {Digit(i / 10), Digit(i), 'Z'};
  }
  for (uint32_t i = 0; i < tables.byte.size(); ++i) {
    tables.byte[i] = {"0123456789abcdef"[i / 16], "0123456789abcdef"[i % 16]};
  }
  return tables;
}();

}  // namespace detail

// An unsigned decimal number: 1 to 20 bytes. Fastest below 10 000; below a million its tables still
// stay in the nearest cache.
inline char* WriteNumber(uint64_t n, char* p);

namespace detail {

[[gnu::noinline]] inline char* WriteLongNumber(uint64_t n, char* p) {
  p = WriteNumber(n / 1000, p);
  std::memcpy(p, &kText.digits[n % 1000], 4);
  return p + 3;
}

}  // namespace detail

inline char* WriteNumber(uint64_t n, char* p) {
  if (n < 10000) {
    const detail::ShortText& number = detail::kText.number[n];
    std::memcpy(p, &number, 8);
    return p + number.size;
  }
  if (n >= 10000000) [[unlikely]] {
    return detail::WriteLongNumber(n, p);
  }
  const auto small = static_cast<uint32_t>(n);
  const uint32_t high = small / 1000;
  const detail::ShortText& number = detail::kText.number[high];
  std::memcpy(p, &number.text, 4);
  p += number.size;
  std::memcpy(p, &detail::kText.digits[small - high * 1000], 4);
  return p + 3;
}

namespace detail {

// Not inlined: loops over numbers that seldom are negative stay small.
[[gnu::noinline]] inline char* WriteNegative(int64_t n, char* p) {
  *p = '-';
  return WriteNumber(0 - static_cast<uint64_t>(n), p + 1);
}

}  // namespace detail

// A decimal number, with a sign if it is negative: 1 to 20 bytes.
inline char* WriteSigned(int64_t n, char* p) {
  if (n < 0) [[unlikely]] {
    return detail::WriteNegative(n, p);
  }
  return WriteNumber(static_cast<uint64_t>(n), p);
}

// Hundredths as a decimal number, exactly: one decimal, two where needed, as in 4.5 and 4.25. 3 to
// 12 bytes.
inline char* WriteRating(int32_t hundredths, char* p) {
  const int64_t value = hundredths;
  if (value < 0) *p++ = '-';
  const auto magnitude = static_cast<uint32_t>(value < 0 ? -value : value);
  p = WriteNumber(magnitude / 100, p);
  *p++ = '.';
  *p++ = detail::Digit(magnitude / 10);
  if (magnitude % 10 != 0) *p++ = detail::Digit(magnitude);
  return p;
}

// The shortest text that reads back as the same double, as 0.1 or 1e-300: at most kMaxValueText
// bytes. JSON has no text for infinities and NaN; here they are inf, -inf, nan and -nan.
inline char* WriteFloat(double value, char* p) {
  return std::to_chars(p, p + kMaxValueText, value).ptr;
}

// The text of an id whose style is THRONG_ID_UUID, from the column's id_key and the id's number:
// kUuidText bytes, as 0197a3c5-88d1-8f00-9c3e-5d7b21a64f90.
inline char* WriteUuid(uint64_t id_key, int64_t number, char* p) {
  const auto counter = static_cast<uint64_t>(number);
  constexpr uint64_t kVersion = 0xf000;
  const uint64_t high = (Hash(id_key, counter) & ~kVersion) | 0x8000;
  const uint64_t low = (Hash(~id_key, counter) & ~uint64_t{0} >> 2) | uint64_t{1} << 63;
  for (int byte = 0; byte < 16; ++byte) {
    const uint64_t half = byte < 8 ? high : low;
    if (byte == 4 || byte == 6 || byte == 8 || byte == 10) *p++ = '-';
    std::memcpy(p, &detail::kText.byte[half >> (56 - 8 * (byte % 8)) & 0xff], 2);
    p += 2;
  }
  return p;
}

// A text that is written often, of any size: up to 32 bytes cost one or two 16-byte stores.
class FixedText {
 public:
  // Empty.
  FixedText() = default;
  // Not inlined: under sanitizers GCC would warn of a way that no short text takes.
  [[gnu::noinline]] explicit FixedText(std::string_view text) : size_(text.size()) {
    std::memcpy(head_, text.data(), std::min(size_, sizeof head_));
    if (size_ <= sizeof head_) return;
    tail_ = std::make_unique<char[]>(size_ - sizeof head_);
    std::memcpy(tail_.get(), text.data() + sizeof head_, size_ - sizeof head_);
  }
  // Bytes that Write writes.
  size_t size() const { return size_; }
  char* Write(char* p) const {
    const size_t size = size_;  // once: for all the compiler knows, p may point here
    std::memcpy(p, head_, 16);
    if (size > 16) {
      std::memcpy(p + 16, head_ + 16, 16);
      if (size > 32) [[unlikely]] {
        std::memcpy(p + 32, tail_.get(), size - 32);
      }
    }
    return p + size;
  }

 private:
  char head_[32] = {};
  size_t size_ = 0;
  std::unique_ptr<char[]> tail_;
};

// Times as 2024-01-15T10:30:00Z, after a fixed text. The date is kept from value to value, since
// rows mostly come in the order of time, so that one writer is not for two threads.
class TimestampWriter {
 public:
  // `lead` stands before each time.
  explicit TimestampWriter(std::string lead = "") : lead_(std::move(lead)) { SetDay(0); }

  // A time in milliseconds since 1970 UTC, after the lead: kTimestampText bytes and the lead's.
  // What is beyond the second is dropped, toward the past. Throws OUT_OF_RANGE outside the years
  // 0000 to 9999, which this text cannot hold.
  char* Write(int64_t ms, char* p) {
    uint64_t of_day = static_cast<uint64_t>(ms) - static_cast<uint64_t>(midnight_);
    if (of_day >= 86400000) [[unlikely]] {
      SetDay(ms);
      of_day = static_cast<uint64_t>(ms) - static_cast<uint64_t>(midnight_);
    }
    // Minutes as a fixed-point number, 2^50 to one. Rounding up adds less than 10^-7 of a minute,
    // so both floors are exact.
    constexpr int kBits = 50;
    constexpr uint64_t kOne = uint64_t{1} << kBits;
    const uint64_t minutes = of_day * (kOne / 60000 + 1);
    const uint64_t minute = minutes >> kBits;
    const uint64_t second = (minutes & (kOne - 1)) * 60 >> kBits;
    p = date_.Write(p);
    std::memcpy(p, &detail::kText.minute[minute], 8);
    std::memcpy(p + 6, &detail::kText.second[second], 4);
    return p + 9;
  }

 private:
  [[gnu::noinline]] void SetDay(int64_t ms) {
    using std::chrono::milliseconds, std::chrono::sys_days;
    constexpr sys_days kFirst = std::chrono::January / 1 / 0;
    constexpr sys_days kLast = std::chrono::December / 31 / 9999;
    const std::chrono::sys_time<milliseconds> time{milliseconds(ms)};
    const sys_days day = std::chrono::floor<std::chrono::days>(time);
    if (day < kFirst || day > kLast) {
      throw Error(THRONG_OUT_OF_RANGE,
                  "A time of " + std::to_string(ms) +
                      " ms since 1970 is outside the years 0000 to 9999, which is all that its "
                      "text can hold; let the event times start elsewhere.");
    }
    const std::chrono::year_month_day date(day);
    const auto year = static_cast<uint32_t>(static_cast<int>(date.year()));
    const auto month = static_cast<unsigned>(date.month());
    const auto of_month = static_cast<unsigned>(date.day());
    using detail::Digit;
    std::string text = lead_;
    text += {Digit(year / 1000), Digit(year / 100), Digit(year / 10), Digit(year), '-'};
    text += {Digit(month / 10), Digit(month), '-', Digit(of_month / 10), Digit(of_month), 'T'};
    date_ = FixedText(text);
    midnight_ = std::chrono::time_point_cast<milliseconds>(day).time_since_epoch().count();
  }

  std::string lead_;
  FixedText date_;  // the lead and the date
  int64_t midnight_ = 0;
};

// A text as a JSON string, with its quotes. It is UTF-8 already; what JSON wants escaped is.
inline std::string JsonString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      quoted += "\\u00";
      quoted += {kHex[c >> 4], kHex[c & 15]};
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace throng

#endif  // THRONG_TEXT_HPP_
