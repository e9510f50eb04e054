// Rows as text records: constant texts (separators, names, prefixes, quotes) with values between
// them. csv and json differ in the constant texts only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "plugins/formats/column_type.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/plugin.h"
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {

class Record {
 public:
  // Appends the value of schema column `index`, after the constant text `lead`.
  // `texts` are what its values stand for: of a LABEL "absent", then each label; of a BOOL false,
  // then true; of a FLOAT64 "absent", for what is not finite; else nothing.
  void Add(const throng_column& column, size_t index, const std::string& lead,
           std::vector<std::string> texts);
  // `end` stands after the last value.
  void End(const std::string& end);

  // Most bytes that writing n records takes.
  size_t MaxSize(size_t n) const { return n * max_size_ + start_.size() + kTextSlack; }

  // Writes rows [first, last) of the block at p and returns their end.
  char* Write(const throng_block& block, size_t first, size_t last, char* p);

 private:
  struct Field {
    Field(uint32_t type_of, size_t index, const std::string& text)
        : type(type_of), column(index), lead(text), timestamp(text) {}
    uint32_t type;
    size_t column;
    FixedText lead;
    std::vector<FixedText> texts;  // each after the lead
    TimestampWriter timestamp;     // after the lead
  };

  template <class Column>
  static char* WriteValue(Field& field, const void* column, size_t row, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p);
  template <bool kMore>
  char* WriteInteractions(const throng_block& block, size_t first, size_t last, char* p);

  std::string start_text_;  // the lead of the first field, whose own is empty
  FixedText start_;         // to be written
  std::vector<Field> fields_;
  FixedText turn_;  // the end of one record and the start of the next, in one go
  size_t max_size_ = 0;
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

inline void Record::Add(const throng_column& column, size_t index, const std::string& lead,
                        std::vector<std::string> texts) {
  if (!IsKnownType(column.type)) RefuseType(column);
  if (column.type == THRONG_COLUMN_RATING) {
    for (int32_t hundredths = 0; hundredths <= 500; ++hundredths) {
      char text[kMaxValueText + kTextSlack];
      texts.emplace_back(text, static_cast<size_t>(WriteRating(hundredths, text) - text));
    }
  }
  if (fields_.empty()) start_text_ = lead;
  const std::string own_lead = fields_.empty() ? "" : lead;
  Field& field = fields_.emplace_back(column.type, index, own_lead);
  size_t longest = kMaxValueText;
  for (const std::string& text : texts) {
    field.texts.emplace_back(own_lead + text);
    longest = std::max(longest, text.size());
  }
  max_size_ += lead.size() + longest;
}

inline void Record::End(const std::string& end) {
  start_ = FixedText(start_text_);
  turn_ = FixedText(end + start_text_);
  max_size_ += end.size();
  const auto is = [&](size_t i, uint32_t type) { return fields_[i].type == type; };
  is_interaction_ = fields_.size() >= 4 && is(0, THRONG_COLUMN_ID) && is(1, THRONG_COLUMN_ID) &&
                    is(2, THRONG_COLUMN_RATING) && is(3, THRONG_COLUMN_TIMESTAMP);
}

template <class Column>
char* Record::WriteValue(Field& field, const void* column, size_t row, char* p) {
  const auto value = Column::At(column, row);
  if constexpr (std::is_same_v<Column, IdColumn>) {
    return WriteNumber(static_cast<uint64_t>(value) + 1, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, Int64Column>) {
    return WriteSigned(value, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, RatingColumn>) {
    if (static_cast<uint32_t>(value) <= 500) [[likely]] {
      return field.texts[static_cast<uint32_t>(value)].Write(p);
    }
    return WriteRating(value, field.lead.Write(p));
  } else if constexpr (std::is_same_v<Column, TimestampColumn>) {
    return field.timestamp.Write(value, p);
  } else if constexpr (std::is_same_v<Column, LabelColumn>) {
    return field.texts[static_cast<size_t>(value + 1)].Write(p);
  } else if constexpr (std::is_same_v<Column, BoolColumn>) {
    return field.texts[value != 0].Write(p);
  } else {
    if (!std::isfinite(value)) return field.texts[0].Write(p);
    return WriteFloat(value, field.lead.Write(p));
  }
}

inline char* Record::WriteFields(const throng_block& block, size_t row, size_t from, char* p) {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    Field& field = fields[f];
    const void* const column = block.columns[field.column];
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
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
  const void* const item = block.columns[fields[1].column];
  const void* const rating = block.columns[fields[2].column];
  const void* const time = block.columns[fields[3].column];
  for (size_t row = first; row < last; ++row) {
    p = WriteNumber(static_cast<uint64_t>(user[row]) + 1, p);  // it has no lead of its own
    p = WriteValue<IdColumn>(fields[1], item, row, p);
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

// What a value stands for without any quotes: its prefix, and the texts for Record::Add.
inline std::string PlainPrefix(const throng_column& column) {
  return column.type == THRONG_COLUMN_ID ? column.prefix : "";
}
inline std::vector<std::string> PlainTexts(const throng_column& column) {
  std::vector<std::string> texts;
  if (column.type == THRONG_COLUMN_BOOL) texts = {"false", "true"};
  if (column.type == THRONG_COLUMN_FLOAT64) texts = {""};
  if (column.type == THRONG_COLUMN_LABEL) {
    texts = {""};
    texts.insert(texts.end(), column.labels, column.labels + column.labels_count);
  }
  return texts;
}

}  // namespace throng::plugins
