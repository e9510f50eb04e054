// Rows as records of Avro and Protobuf, whose readers know the type of each value beforehand. They
// differ in what stands before a value or in the place of one, and in whole numbers and times:
//
//   struct Encoding {
//     static constexpr size_t kSizeStep;          // the size of a text is written so many times
//     over static constexpr std::string_view kAbsent;  // in the place of a value static constexpr
//     size_t kMaxTimestamp;      // bytes static std::string Lead(const throng_column& column);  //
//     before each value that is there static char* WriteLead(const FixedText& lead, char* p);
//     static char* WriteInteger(int64_t value, char* p);
//     static char* WriteTimestamp(int64_t ms, char* p);
//   };
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "plugins/formats/column_type.h"
#include "plugins/formats/varint.h"
#include "throng/plugin.h"
#include "throng/text.hpp"

namespace throng::plugins {

template <class Encoding>
class TypedRecord {
 public:
  TypedRecord() = default;
  explicit TypedRecord(const throng_schema& schema);

  // Most bytes that writing n records takes.
  size_t MaxSize(size_t n) const { return n * max_size_ + kTextSlack; }

  // Writes rows [first, last) of the block at p and returns their end.
  char* Write(const throng_block& block, size_t first, size_t last, char* p) const;

 private:
  static constexpr size_t kMaxDigits = 20;                     // or a sign and one less
  static constexpr size_t kShort = 128 / Encoding::kSizeStep;  // sizes below it are one byte

  // What each row needs comes first, so that it lies in few lines of the cache.
  struct alignas(64) Field {
    ColumnType type;
    bool is_checked;  // for absence
    bool is_short;    // a text ID with a number from 0 whose size is always one byte
    size_t prefix_size;
    FixedText lead;  // of a short ID what comes before the number too, its size left open
    std::vector<FixedText> texts;  // of a LABEL: absent, then each label
    std::string prefix;
    int64_t id_first;
    uint64_t id_key;
  };

  static char* WriteSize(size_t size, char* p) {
    return WriteVarint(Encoding::kSizeStep * size, p);
  }
  template <class Column>
  static char* WriteValue(const Field& field, const void* column, size_t row, char* p);
  // `number` as it is shown.
  static char* WriteTextId(const Field& field, int64_t number, char* p);
  static char* WriteLongId(const Field& field, int64_t number, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p) const {
    return has_checked_ ? WriteEach<true>(block, row, from, p)
                        : WriteEach<false>(block, row, from, p);
  }
  template <bool kChecked>
  char* WriteEach(const throng_block& block, size_t row, size_t from, char* p) const;
  template <bool kMore>
  char* WriteInteractions(const throng_block& block, size_t first, size_t last, char* p) const;

  std::vector<Field> fields_;  // of each column
  size_t max_size_ = 0;
  bool has_checked_ = false;     // has columns that are checked for absence
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

template <class Encoding>
TypedRecord<Encoding>::TypedRecord(const throng_schema& schema) {
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    Field& field = fields_.emplace_back();
    field.type = TypeOf(column);
    field.is_checked = IsCheckedForAbsence(column);
    has_checked_ = has_checked_ || field.is_checked;
    field.id_first = column.id_first;
    field.id_key = column.id_key;
    std::string lead = Encoding::Lead(column);
    size_t longest = std::max({kMaxVarint, Encoding::kMaxTimestamp, 1 + kUuidText});
    if (field.type == ColumnType::kLabel) {
      field.texts.emplace_back(Encoding::kAbsent);
      for (size_t label = 0; label < column.labels_count; ++label) {
        const std::string_view text = column.labels[label];
        char size[kMaxVarint];
        const auto size_bytes = static_cast<size_t>(WriteSize(text.size(), size) - size);
        field.texts.emplace_back(lead + std::string(size, size_bytes).append(text));
        longest = std::max(longest, size_bytes + text.size());
      }
    }
    max_size_ += lead.size() + longest;
    if (field.type == ColumnType::kTextId) {
      field.prefix = column.prefix;
      field.prefix_size = field.prefix.size();
      field.is_short = field.id_first >= 0 && field.prefix_size + kMaxDigits < kShort;
      if (field.is_short) lead += std::string(1, '\0') + field.prefix;
      max_size_ += field.prefix_size + kMaxDigits;
    }
    field.lead = FixedText(lead);
  }
  is_interaction_ = BeginsWithInteraction(fields_);
}

template <class Encoding>
[[gnu::noinline]] char* TypedRecord<Encoding>::WriteLongId(const Field& field, int64_t number,
                                                           char* p) {
  char digits[kMaxDigits + kTextSlack];
  const auto size = static_cast<size_t>(WriteSigned(number, digits) - digits);
  p = WriteSize(field.prefix_size + size, Encoding::WriteLead(field.lead, p));
  std::memcpy(p, field.prefix.data(), field.prefix_size);
  std::memcpy(p + field.prefix_size, digits, size);
  return p + field.prefix_size + size;
}

template <class Encoding>
inline char* TypedRecord<Encoding>::WriteTextId(const Field& field, int64_t number, char* p) {
  if (!field.is_short) [[unlikely]] {
    return WriteLongId(field, number, p);
  }
  char* const digits = field.lead.Write(p);
  char* const end = WriteNumber(static_cast<uint64_t>(number), digits);
  const size_t size = static_cast<size_t>(end - digits) + field.prefix_size;
  digits[-1 - static_cast<std::ptrdiff_t>(field.prefix_size)] =
      static_cast<char>(Encoding::kSizeStep * size);
  return end;
}

template <class Encoding>
template <class Column>
inline char* TypedRecord<Encoding>::WriteValue(const Field& field, const void* column, size_t row,
                                               char* p) {
  if constexpr (std::is_same_v<Column, TextIdColumn>) {
    return WriteTextId(field, Column::At(column, row) + field.id_first, p);
  } else if constexpr (std::is_same_v<Column, LabelColumn>) {
    return field.texts[static_cast<size_t>(Column::At(column, row) + 1)].Write(p);
  } else {
    p = Encoding::WriteLead(field.lead, p);
    const auto value = Column::At(column, row);
    if constexpr (std::is_same_v<Column, RatingColumn>) {
      // The double that is nearest to the decimal number, as a reader of its text has it.
      const double stars = value / 100.0;
      std::memcpy(p, &stars, sizeof stars);
      return p + sizeof stars;
    } else if constexpr (std::is_same_v<Column, BoolColumn>) {
      *p = value != 0 ? 1 : 0;
      return p + 1;
    } else if constexpr (std::is_same_v<Column, Float64Column>) {
      std::memcpy(p, &value, sizeof value);
      return p + sizeof value;
    } else if constexpr (std::is_same_v<Column, IntegerIdColumn>) {
      return Encoding::WriteInteger(value + field.id_first, p);
    } else if constexpr (std::is_same_v<Column, UuidColumn>) {
      return WriteUuid(field.id_key, value, WriteSize(kUuidText, p));
    } else if constexpr (std::is_same_v<Column, TimestampColumn>) {
      return Encoding::WriteTimestamp(value, p);
    } else {
      return Encoding::WriteInteger(value, p);
    }
  }
}

template <class Encoding>
template <bool kChecked>
char* TypedRecord<Encoding>::WriteEach(const throng_block& block, size_t row, size_t from,
                                       char* p) const {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  const Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    const Field& field = fields[f];
    const void* const column = block.columns[f];
    if constexpr (kChecked) {
      if (field.is_checked && IsAbsent(field.type, column, row)) {
        p = std::copy(Encoding::kAbsent.begin(), Encoding::kAbsent.end(), p);
        continue;
      }
    }
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
  }
  return p;
}

// The four values of an interaction unrolled, then what follows them (kMore). Not inlined, so that
// it has all registers to itself.
template <class Encoding>
template <bool kMore>
[[gnu::noinline]] char* TypedRecord<Encoding>::WriteInteractions(const throng_block& block,
                                                                 size_t first, size_t last,
                                                                 char* p) const {
  const Field* const fields = fields_.data();
  const void* const user = block.columns[0];
  const void* const item = block.columns[1];
  const void* const rating = block.columns[2];
  const void* const time = block.columns[3];
  for (size_t row = first; row < last; ++row) {
    p = WriteTextId(fields[0], TextIdColumn::At(user, row) + kUsualFirstId, p);
    p = WriteTextId(fields[1], TextIdColumn::At(item, row) + kUsualFirstId, p);
    p = WriteValue<RatingColumn>(fields[2], rating, row, p);
    p = WriteValue<TimestampColumn>(fields[3], time, row, p);
    if constexpr (kMore) p = WriteFields(block, row, 4, p);
  }
  return p;
}

template <class Encoding>
char* TypedRecord<Encoding>::Write(const throng_block& block, size_t first, size_t last,
                                   char* p) const {
  if (is_interaction_) {
    return fields_.size() > 4 ? WriteInteractions<true>(block, first, last, p)
                              : WriteInteractions<false>(block, first, last, p);
  }
  for (size_t row = first; row < last; ++row) p = WriteFields(block, row, 0, p);
  return p;
}

}  // namespace throng::plugins
