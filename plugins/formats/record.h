// Rows as text records: constant texts (separators, names, prefixes, quotes) with values between
// them. csv and json differ in the constant texts only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "plugins/formats/registry/typed_schema.h"
#include "plugins/formats/text.h"
#include "throng/plugin.h"
#include "throng/sdk.hpp"

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
    Piece lead;
    std::vector<Piece> texts;   // each after the lead
    TimestampWriter timestamp;  // after the lead
  };

  template <uint32_t kType>
  static char* WriteValue(Field& field, const void* column, size_t row, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p);
  template <bool kMore>
  char* WriteInteractions(const throng_block& block, size_t first, size_t last, char* p);

  std::string start_;  // the lead of the first field, whose own is empty
  std::vector<Field> fields_;
  Piece turn_;  // the end of one record and the start of the next, in one go
  size_t max_size_ = 0;
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

inline void Record::Add(const throng_column& column, size_t index, const std::string& lead,
                        std::vector<std::string> texts) {
  if (column.type < THRONG_COLUMN_ID || column.type > THRONG_COLUMN_FLOAT64) RefuseType(column);
  if (column.type == THRONG_COLUMN_RATING) {
    for (int32_t hundredths = 0; hundredths <= 500; ++hundredths) {
      char text[kMaxValueText + kTextSlack];
      texts.emplace_back(text, static_cast<size_t>(WriteRating(hundredths, text) - text));
    }
  }
  if (fields_.empty()) start_ = lead;
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
  turn_ = Piece(end + start_);
  max_size_ += end.size();
  const auto is = [&](size_t i, uint32_t type) { return fields_[i].type == type; };
  is_interaction_ = fields_.size() >= 4 && is(0, THRONG_COLUMN_ID) && is(1, THRONG_COLUMN_ID) &&
                    is(2, THRONG_COLUMN_RATING) && is(3, THRONG_COLUMN_TIMESTAMP);
}

template <uint32_t kType>
char* Record::WriteValue(Field& field, const void* column, size_t row, char* p) {
  if constexpr (kType == THRONG_COLUMN_ID) {
    const int64_t number = static_cast<const int64_t*>(column)[row];
    return WriteNumber(static_cast<uint64_t>(number) + 1, field.lead.Write(p));
  } else if constexpr (kType == THRONG_COLUMN_INT64) {
    return WriteSigned(static_cast<const int64_t*>(column)[row], field.lead.Write(p));
  } else if constexpr (kType == THRONG_COLUMN_RATING) {
    const int32_t hundredths = static_cast<const int32_t*>(column)[row];
    if (static_cast<uint32_t>(hundredths) <= 500) [[likely]] {
      return field.texts[static_cast<uint32_t>(hundredths)].Write(p);
    }
    return WriteRating(hundredths, field.lead.Write(p));
  } else if constexpr (kType == THRONG_COLUMN_TIMESTAMP) {
    return field.timestamp.Write(static_cast<const int64_t*>(column)[row], p);
  } else if constexpr (kType == THRONG_COLUMN_LABEL) {
    return field.texts[static_cast<size_t>(static_cast<const int32_t*>(column)[row] + 1)].Write(p);
  } else if constexpr (kType == THRONG_COLUMN_BOOL) {
    return field.texts[static_cast<const uint8_t*>(column)[row] != 0].Write(p);
  } else {
    const double value = static_cast<const double*>(column)[row];
    if (!std::isfinite(value)) return field.texts[0].Write(p);
    return WriteFloat(value, field.lead.Write(p));
  }
}

inline char* Record::WriteFields(const throng_block& block, size_t row, size_t from, char* p) {
  for (size_t f = from; f < fields_.size(); ++f) {
    Field& field = fields_[f];
    const void* const column = block.columns[field.column];
    switch (field.type) {
      case THRONG_COLUMN_ID:
        p = WriteValue<THRONG_COLUMN_ID>(field, column, row, p);
        break;
      case THRONG_COLUMN_INT64:
        p = WriteValue<THRONG_COLUMN_INT64>(field, column, row, p);
        break;
      case THRONG_COLUMN_RATING:
        p = WriteValue<THRONG_COLUMN_RATING>(field, column, row, p);
        break;
      case THRONG_COLUMN_TIMESTAMP:
        p = WriteValue<THRONG_COLUMN_TIMESTAMP>(field, column, row, p);
        break;
      case THRONG_COLUMN_LABEL:
        p = WriteValue<THRONG_COLUMN_LABEL>(field, column, row, p);
        break;
      case THRONG_COLUMN_BOOL:
        p = WriteValue<THRONG_COLUMN_BOOL>(field, column, row, p);
        break;
      default:
        p = WriteValue<THRONG_COLUMN_FLOAT64>(field, column, row, p);
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
  const void* const item = block.columns[fields[1].column];
  const void* const rating = block.columns[fields[2].column];
  const void* const time = block.columns[fields[3].column];
  for (size_t row = first; row < last; ++row) {
    p = WriteNumber(static_cast<uint64_t>(user[row]) + 1, p);  // it has no lead of its own
    p = WriteValue<THRONG_COLUMN_ID>(fields[1], item, row, p);
    p = WriteValue<THRONG_COLUMN_RATING>(fields[2], rating, row, p);
    p = WriteValue<THRONG_COLUMN_TIMESTAMP>(fields[3], time, row, p);
    if constexpr (kMore) p = WriteFields(block, row, 4, p);
    p = turn_.Write(p);
  }
  return p;
}

inline char* Record::Write(const throng_block& block, size_t first, size_t last, char* p) {
  std::memcpy(p, start_.data(), start_.size());
  p += start_.size();
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
