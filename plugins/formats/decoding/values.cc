#include "plugins/formats/decoding/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

namespace throng::plugins {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr double kMostSeconds = 1e11;
constexpr double kMostMillis = 1e14;
// The years 1 to 9999, in ms.
constexpr int64_t kLeastTime = -62'135'596'800'000;
constexpr int64_t kMostTime = 253'402'300'799'999;
constexpr size_t kShownBytes = 40;
constexpr size_t kIsoBytes = 20;  // of 2024-01-15T10:30:00Z
// Whole numbers below 2^53 and these are exact doubles, so that one division rounds correctly.
constexpr std::array<double, 16> kPowersOfTen = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits that are a number of exactly `count` of them at p; -1: they are not.
int Number(const char* p, size_t count) {
  int number = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit(p[i])) return -1;
    number = 10 * number + (p[i] - '0');
  }
  return number;
}

int Pair(const char* p) {
  return IsDigit(p[0]) && IsDigit(p[1]) ? 10 * p[0] + p[1] - 11 * '0' : -1;
}

bool IsIn(int value, int most) { return value >= 0 && value <= most; }

// Reads the parts of a time from the front of a text.
class IsoText {
 public:
  explicit IsoText(std::string_view text) : text_(text) {}
  bool is_empty() const { return text_.empty(); }
  bool Skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Two digits up to `most`.
  bool Take(int most, int64_t unit, int64_t* ms) {
    const int value = text_.size() < 2 ? -1 : Pair(text_.data());
    if (!IsIn(value, most)) return false;
    text_.remove_prefix(2);
    *ms += value * unit;
    return true;
  }
  // The digits behind a decimal point, at least one.
  bool TakeFraction(int64_t* ms) {
    int64_t unit = kSecond;
    size_t digits = 0;
    for (; !text_.empty() && IsDigit(text_.front()); text_.remove_prefix(1), ++digits) {
      unit /= 10;
      *ms += unit * (text_.front() - '0');
    }
    return digits > 0;
  }
  // Z, +07:00, +0700, +07 or nothing.
  bool TakeOffset(int64_t* ms) {
    Skip(' ');
    if (text_.empty() || Skip('Z') || Skip('z')) return text_.empty();
    const int64_t sign = Skip('+') ? 1 : -1;
    if (sign < 0 && !Skip('-')) return false;
    int64_t offset = 0;
    if (!Take(23, kHour, &offset)) return false;
    if (!text_.empty()) {
      Skip(':');
      if (!Take(59, kMinute, &offset)) return false;
    }
    *ms -= sign * offset;
    return text_.empty();
  }

 private:
  std::string_view text_;
};

}  // namespace

bool IsAbsentText(std::string_view text) {
  return text.empty() || text == "null" || text == "NULL" || text == "NaN" || text == "nan";
}

bool ReadDouble(std::string_view text, double* value) {
  uint64_t digits = 0;
  size_t count = 0;
  size_t fraction = 0;
  bool has_point = false;
  for (const char c : text) {
    if (IsDigit(c)) {
      digits = 10 * digits + static_cast<uint64_t>(c - '0');
      ++count;
      fraction += has_point ? 1 : 0;
    } else if (c == '.' && !has_point) {
      has_point = true;
    } else {
      count = kPowersOfTen.size();
    }
    if (count >= kPowersOfTen.size()) break;
  }
  if (count > 0 && count < kPowersOfTen.size()) {
    *value = static_cast<double>(digits) / kPowersOfTen[fraction];
    return true;
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
         std::isfinite(*value);
}

bool ReadInt64(std::string_view text, int64_t* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) {
    return *value != kAbsentInt64;
  }
  double real = 0;  // as pandas writes whole numbers beside absent ones: 12.0
  if (!ReadDouble(text, &real) || std::trunc(real) != real || std::abs(real) > 9e15) return false;
  *value = static_cast<int64_t>(real);
  return true;
}

bool TimeOfNumber(double number, TimeForm form, int64_t* ms) {
  if (form == TimeForm::kAuto) {
    form = std::abs(number) < kMostSeconds  ? TimeForm::kEpochSeconds
           : std::abs(number) < kMostMillis ? TimeForm::kEpochMillis
                                            : TimeForm::kEpochMicros;
  }
  const double exact = form == TimeForm::kEpochSeconds  ? number * kSecond
                       : form == TimeForm::kEpochMicros ? number / kSecond
                                                        : number;
  // Doubles as 1705314600.123 are a little less or more.
  const double whole = std::round(exact);
  const double time = std::abs(exact - whole) < 1e-3 ? whole : std::floor(exact);
  if (form == TimeForm::kIso || !(time >= kLeastTime && time <= kMostTime)) return false;
  *ms = static_cast<int64_t>(time);
  return true;
}

bool TimeOfNumber(int64_t number, TimeForm form, int64_t* ms) {
  if (form == TimeForm::kAuto) {
    const auto size = std::abs(static_cast<double>(number));
    form = size < kMostSeconds  ? TimeForm::kEpochSeconds
           : size < kMostMillis ? TimeForm::kEpochMillis
                                : TimeForm::kEpochMicros;
  }
  if (number == kAbsentInt64 || form == TimeForm::kIso) return false;
  if (form == TimeForm::kEpochSeconds) return !__builtin_mul_overflow(number, kSecond, ms);
  *ms = form == TimeForm::kEpochMillis ? number : number / kSecond - (number % kSecond < 0 ? 1 : 0);
  return true;
}

bool TimeReader::Read(std::string_view text, int64_t* ms) {
  if (form_ == TimeForm::kIso ||
      (form_ == TimeForm::kAuto && text.size() >= 10 && text[4] == '-')) {
    return ReadIso(text, ms);
  }
  int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) {
    return TimeOfNumber(whole, form_, ms);
  }
  double real = 0;
  return ReadDouble(text, &real) && TimeOfNumber(real, form_, ms);
}

bool TimeReader::ReadDay(const char* text, int64_t* ms) {
  if (std::memcmp(text, day_, sizeof day_) != 0) {
    const int year = Number(text, 4);
    const int month = Pair(text + 5);
    const int day = Pair(text + 8);
    if (year < 0 || month < 0 || day < 0 || text[4] != '-' || text[7] != '-') return false;
    const std::chrono::year_month_day date(std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (!date.ok()) return false;
    day_ms_ = std::chrono::sys_days(date).time_since_epoch().count() * kDay;
    std::memcpy(day_, text, sizeof day_);
  }
  *ms = day_ms_;
  return true;
}

bool TimeReader::ReadIso(std::string_view text, int64_t* ms) {
  if (text.size() < sizeof day_ || !ReadDay(text.data(), ms)) return false;
  if (text.size() == kIsoBytes && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
      text[19] == 'Z') {
    const int hour = Pair(&text[11]);
    const int minute = Pair(&text[14]);
    const int second = Pair(&text[17]);
    *ms += hour * kHour + minute * kMinute + second * kSecond;
    return IsIn(hour, 23) && IsIn(minute, 59) && IsIn(second, 60);
  }
  IsoText rest(text.substr(sizeof day_));
  if (rest.is_empty()) return true;
  if (!rest.Skip('T') && !rest.Skip(' ') && !rest.Skip('t')) return false;
  if (!rest.Take(23, kHour, ms) || !rest.Skip(':') || !rest.Take(59, kMinute, ms)) return false;
  if (rest.Skip(':')) {
    if (!rest.Take(60, kSecond, ms)) return false;
    if ((rest.Skip('.') || rest.Skip(',')) && !rest.TakeFraction(ms)) return false;
  }
  return rest.TakeOffset(ms);
}

std::string Misread(const std::string& column, uint32_t type, std::string_view text) {
  if (IsAbsentText(text)) return column + " is missing";
  const char* const what = type == THRONG_FOUND_INT64     ? " is no whole number: "
                           : type == THRONG_FOUND_FLOAT64 ? " is no number: "
                                                          : " is no time: ";
  std::string sentence = column + what;
  sentence += text.substr(0, kShownBytes);
  return text.size() > kShownBytes ? sentence + " ..." : sentence;
}

void SetAbsent(uint32_t type, void* column, uint32_t row) {
  switch (type) {
    case THRONG_FOUND_FLOAT64:
      static_cast<double*>(column)[row] = std::numeric_limits<double>::quiet_NaN();
      break;
    case THRONG_FOUND_INT64:
    case THRONG_FOUND_TIMESTAMP:
      static_cast<int64_t*>(column)[row] = kAbsentInt64;
      break;
    default:
      static_cast<throng_bytes*>(column)[row] = {nullptr, 0};
  }
}

}  // namespace throng::plugins
