// Rows as text records: constant texts (separators, names, prefixes, quotes) with values between
// them. csv and json differ in the constant texts only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "plugins/formats/column_type.h"
#include "throng/plugin.h"
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {

// How times are written.
enum class TimeText { kIso, kIsoMillis, kEpochSeconds, kEpochMillis };

// Of ratings: none where they are whole, else one, and two where they are needed.
inline constexpr int kFewestDecimals = -2;

// What stands around the values of a column, or in their place.
struct ValueTexts {
  std::string start;   // before a value
  std::string end;     // after it
  std::string absent;  // in the place of start, value and end
  // What values stand for: of a LABEL each label; of a BOOL false, then true; else nothing.
  std::vector<std::string> texts;
  TimeText time = TimeText::kIso;
  // Of ratings, which need no more; -1: one, and two where they are needed; or kFewestDecimals.
  int decimals = -1;
};

// Without any quotes.
inline ValueTexts PlainTexts(const throng_column& column) {
  ValueTexts plain;
  const ColumnType type = TypeOf(column);
  if (type == ColumnType::kTextId) plain.start = column.prefix;
  if (type == ColumnType::kBool) plain.texts = {"false", "true"};
  if (type == ColumnType::kLabel) {
    plain.texts.assign(column.labels, column.labels + column.labels_count);
  }
  return plain;
}

class Record {
 public:
  // Appends the value of schema column `index`, after the constant text `lead`.
  void Add(const throng_column& column, size_t index, const std::string& lead,
           const ValueTexts& values);
  // `end` stands after the last value.
  void End(const std::string& end);

  // Most bytes that writing n records takes.
  size_t MaxSize(size_t n) const { return n * max_size_ + start_.size() + kTextSlack; }

  // Writes rows [first, last) of the block at p and returns their end.
  char* Write(const throng_block& block, size_t first, size_t last, char* p);

 private:
  // What each row needs comes first, so that it lies in few lines of the cache.
  struct alignas(64) Field {
    Field(const throng_column& from, size_t index, const std::string& text,
          const ValueTexts& values)
        : type(TypeOf(from)),
          is_checked(IsCheckedForAbsence(from)),
          time(values.time),
          decimals(static_cast<int8_t>(values.decimals)),
          column(index),
          lead(text),
          timestamp(text),
          id_first(from.id_first),
          id_key(from.id_key) {}
    ColumnType type;
    bool is_checked;  // for absence
    TimeText time;
    int8_t decimals;
    size_t column;
    FixedText lead;                // and what stands before a value
    TimestampWriter timestamp;     // after the lead
    std::vector<FixedText> texts;  // each after the lead
    int64_t id_first;
    uint64_t id_key;
    FixedText absent;  // if it is checked: the lead, and the text of absence,
    FixedText end;     // and what stands after a value
  };

  static char* WriteStars(int32_t hundredths, int decimals, char* p);
  static char* WriteOtherTime(Field& field, int64_t ms, char* p);
  template <class Column>
  static char* WriteValue(Field& field, const void* column, size_t row, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p) {
    return has_checked_ ? WriteEach<true>(block, row, from, p)
                        : WriteEach<false>(block, row, from, p);
  }
  template <bool kChecked>
  char* WriteEach(const throng_block& block, size_t row, size_t from, char* p);
  template <bool kMore>
  char* WriteInteractions(const throng_block& block, size_t first, size_t last, char* p);

  std::string start_text_;  // what stands before the first value, whose own lead is empty
  FixedText start_;         // to be written
  std::vector<Field> fields_;
  std::string end_text_;  // what stands after the last value so far
  FixedText turn_;        // the end of one record and the start of the next, in one go
  size_t max_size_ = 0;
  bool has_checked_ = false;     // has columns that are checked for absence
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

inline void Record::Add(const throng_column& column, size_t index, const std::string& lead,
                        const ValueTexts& values) {
  // What stands around each value is a part of the constant text, unless values may be absent.
  const bool is_checked = IsCheckedForAbsence(column);
  std::string before = end_text_ + lead + (is_checked ? "" : values.start);
  end_text_ = is_checked ? "" : values.end;
  max_size_ += before.size();
  if (fields_.empty()) {
    start_text_ = before;
    before.clear();
  }
  const std::string start = before + (is_checked ? values.start : "");
  Field& field = fields_.emplace_back(column, index, start, values);
  std::vector<std::string> texts = values.texts;
  if (field.type == ColumnType::kLabel) texts.insert(texts.begin(), values.absent);
  if (field.type == ColumnType::kRating) {
    for (int32_t hundredths = 0; hundredths <= 500; ++hundredths) {
      char text[kMaxValueText + kTextSlack];
      texts.emplace_back(text,
                         static_cast<size_t>(WriteStars(hundredths, values.decimals, text) - text));
    }
  }
  size_t longest = std::max({kMaxValueText, kUuidText, values.absent.size()});
  for (const std::string& text : texts) {
    field.texts.emplace_back(start + text);
    longest = std::max(longest, text.size());
  }
  max_size_ += values.start.size() + longest + values.end.size();
  if (!is_checked) return;
  has_checked_ = true;
  field.absent = FixedText(before + values.absent);
  field.end = FixedText(values.end);
}

inline void Record::End(const std::string& end) {
  start_ = FixedText(start_text_);
  turn_ = FixedText(end_text_ + end + start_text_);
  max_size_ += end_text_.size() + end.size();
  is_interaction_ = BeginsWithInteraction(fields_);
}

[[gnu::noinline]] inline char* Record::WriteStars(int32_t hundredths, int decimals, char* p) {
  constexpr int32_t kHundred = 100;
  const bool is_whole = decimals == kFewestDecimals && hundredths % kHundred == 0;
  if (decimals == 0 || is_whole) return WriteSigned(hundredths / kHundred, p);
  if (decimals < 0) return WriteRating(hundredths, p);
  char* const end = WriteRating(hundredths, p);
  const char* const point = std::find(p, end, '.');
  if (decimals == 1 || end - point > 2) return end;
  *end = '0';
  return end + 1;
}

[[gnu::noinline]] inline char* Record::WriteOtherTime(Field& field, int64_t ms, char* p) {
  constexpr int64_t kSecond = 1000;
  const int64_t rest = (ms % kSecond + kSecond) % kSecond;
  switch (field.time) {
    case TimeText::kEpochSeconds:
      return WriteSigned((ms - rest) / kSecond, field.lead.Write(p));
    case TimeText::kEpochMillis:
      return WriteSigned(ms, field.lead.Write(p));
    default:
      break;
  }
  p = field.timestamp.Write(ms, p) - 1;  // before the Z
  *p++ = '.';
  std::memcpy(p, &throng::detail::kText.digits[static_cast<size_t>(rest)], 3);
  p[3] = 'Z';
  return p + 4;
}

template <class Column>
char* Record::WriteValue(Field& field, const void* column, size_t row, char* p) {
  const auto value = Column::At(column, row);
  if constexpr (std::is_same_v<Column, TextIdColumn> || std::is_same_v<Column, IntegerIdColumn>) {
    return WriteSigned(value + field.id_first, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, UuidColumn>) {
    return WriteUuid(field.id_key, value, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, Int64Column>) {
    return WriteSigned(value, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, RatingColumn>) {
    if (static_cast<uint32_t>(value) <= 500) [[likely]] {
      return field.texts[static_cast<uint32_t>(value)].Write(p);
    }
    return WriteStars(value, field.decimals, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, TimestampColumn>) {
    if (field.time != TimeText::kIso) [[unlikely]] {
      return WriteOtherTime(field, value, p);
    }
    return field.timestamp.Write(value, p);
  } else if constexpr (std::is_same_v<Column, LabelColumn>) {
    return field.texts[static_cast<size_t>(value + 1)].Write(p);
  } else if constexpr (std::is_same_v<Column, BoolColumn>) {
    return field.texts[value != 0].Write(p);
  } else {
    return WriteFloat(value, field.lead.Write(p));
  }
}

template <bool kChecked>
char* Record::WriteEach(const throng_block& block, size_t row, size_t from, char* p) {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    Field& field = fields[f];
    const void* const column = block.columns[field.column];
    if constexpr (kChecked) {
      if (field.is_checked && IsAbsent(field.type, column, row)) {
        p = field.absent.Write(p);
        continue;
      }
    }
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
    if constexpr (kChecked) {
      if (field.is_checked) p = field.end.Write(p);
    }
  }
  return p;
}

// The four values of an interaction unrolled, in half the time of a loop, then what follows them
// (kMore). Not inlined, so that it has all registers to itself.
template <bool kMore>
[[gnu::noinline]] char* Record::WriteInteractions(const throng_block& block, size_t first,
                                                  size_t last, char* p) {
  Field* const fields = fields_.data();
  const auto* const user = static_cast<const int64_t*>(block.columns[fields[0].column]);
  const auto* const item = static_cast<const int64_t*>(block.columns[fields[1].column]);
  const void* const rating = block.columns[fields[2].column];
  const void* const time = block.columns[fields[3].column];
  for (size_t row = first; row < last; ++row) {
    p = WriteNumber(static_cast<uint64_t>(user[row] + kUsualFirstId),
                    p);  // it has no lead of its own
    p = WriteNumber(static_cast<uint64_t>(item[row] + kUsualFirstId), fields[1].lead.Write(p));
    p = WriteValue<RatingColumn>(fields[2], rating, row, p);
    p = WriteValue<TimestampColumn>(fields[3], time, row, p);
    if constexpr (kMore) p = WriteFields(block, row, 4, p);
    p = turn_.Write(p);
  }
  return p;
}

inline char* Record::Write(const throng_block& block, size_t first, size_t last, char* p) {
  p = start_.Write(p);
  if (is_interaction_) {
    p = fields_.size() > 4 ? WriteInteractions<true>(block, first, last, p)
                           : WriteInteractions<false>(block, first, last, p);
  } else {
    for (size_t row = first; row < last; ++row) p = turn_.Write(WriteFields(block, row, 0, p));
  }
  return p - start_.size();
}

}  // namespace throng::plugins
