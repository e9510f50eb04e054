// Values as other people's data have them: numbers and times as text -> what a decoder is asked
// for.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "throng/source.h"

namespace throng::plugins {

inline constexpr int64_t kAbsentInt64 = std::numeric_limits<int64_t>::min();

// How times are written; kAuto: as text of ISO 8601, or as a number whose size tells its unit:
// below 1e11 seconds, below 1e14 milliseconds, else microseconds since 1970 UTC.
enum class TimeForm { kAuto, kIso, kEpochSeconds, kEpochMillis, kEpochMicros };

// Whether a text stands for a value that is absent: empty, null or NaN.
bool IsAbsentText(std::string_view text);

// All return false for what they do not understand, and for what overflows.
bool ReadDouble(std::string_view text, double* value);
bool ReadInt64(std::string_view text, int64_t* value);
// A number of a unit since 1970 UTC -> ms.
bool TimeOfNumber(double number, TimeForm form, int64_t* ms);
bool TimeOfNumber(int64_t number, TimeForm form, int64_t* ms);

// Reads times, fast where many are of one day.
class TimeReader {
 public:
  explicit TimeReader(TimeForm form = TimeForm::kAuto) : form_(form) {}
  // 2024-01-15T10:30:00Z; also with a blank for T, a fraction (what is less than a millisecond is
  // cut off), an offset as +07:00, +0700 or +07, without one (UTC), or a day alone.
  bool Read(std::string_view text, int64_t* ms);
  TimeForm form() const { return form_; }

 private:
  bool ReadIso(std::string_view text, int64_t* ms);
  bool ReadDay(const char* text, int64_t* ms);

  TimeForm form_;
  char day_[10] = {};  // the text of the last one
  int64_t day_ms_ = 0;
};

// "rating is no number: abc", of a wanted column.
std::string Misread(const std::string& column, uint32_t type, std::string_view text);

// Writes the value that stands for an absent one.
void SetAbsent(uint32_t type, void* column, uint32_t row);

// Writes a text as a value of a type at `row`; false: it is none. What the text lies in outlives
// the row.
inline bool SetText(uint32_t type, void* column, uint32_t row, std::string_view text,
                    TimeReader* times) {
  switch (type) {
    case THRONG_FOUND_INT64:
      return ReadInt64(text, static_cast<int64_t*>(column) + row);
    case THRONG_FOUND_FLOAT64:
      return ReadDouble(text, static_cast<double*>(column) + row);
    case THRONG_FOUND_TIMESTAMP:
      return times->Read(text, static_cast<int64_t*>(column) + row);
    default:
      static_cast<throng_bytes*>(column)[row] = {text.data(), text.size()};
      return true;
  }
}

}  // namespace throng::plugins
