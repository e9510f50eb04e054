// Rows as Avro: the schema of a table, and records in Avro's binary encoding.
//
// What may be absent is a union of null and its type: extra and nullable columns, labels, and
// doubles, of which those that are not finite are absent.
#pragma once

#include <algorithm>
#include <cmath>
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
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {

// The schema of a table as JSON: the record throng.v1.Interaction, User or Item. INVALID_ARGUMENT
// for a column whose name Avro cannot hold, UNIMPLEMENTED for one of an unknown type.
std::string AvroSchema(const throng_schema& schema);

// Avro's int and long, and a string: its size, then its bytes.
std::string AvroVarint(size_t value);
std::string AvroString(std::string_view text);

class AvroRecord {
 public:
  AvroRecord() = default;
  explicit AvroRecord(const throng_schema& schema);

  // Most bytes that writing n records takes.
  size_t MaxSize(size_t n) const { return n * max_size_ + kTextSlack; }

  // Writes rows [first, last) of the block at p and returns their end.
  char* Write(const throng_block& block, size_t first, size_t last, char* p) const;

 private:
  // What each row needs comes first, so that it lies in few lines of the cache.
  struct alignas(64) Field {
    ColumnType type;
    bool is_nullable;  // a union with null
    bool is_checked;   // for absence
    bool is_short;     // a text ID with a number from 0 that always has less than 64 bytes
    size_t prefix_size;
    FixedText lead;                // of an ID: what comes before the number, its size left open
    std::vector<FixedText> texts;  // of a LABEL: absent, then each label
    int64_t id_first;
    uint64_t id_key;
  };

  template <class Column>
  static char* WriteValue(const Field& field, const void* column, size_t row, char* p);
  // `number` as it is shown.
  static char* WriteTextId(const Field& field, int64_t number, char* p);
  static char* WriteLongId(const Field& field, int64_t number, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p) const;
  template <bool kChecked>
  char* WriteEach(const throng_block& block, size_t row, size_t from, char* p) const;
  template <bool kMore>
  char* WriteInteractions(const throng_block& block, size_t first, size_t last, char* p) const;

  std::vector<Field> fields_;  // of each column
  size_t max_size_ = 0;
  bool has_checked_ = false;     // has columns that are checked for absence
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

inline char* AvroRecord::WriteTextId(const Field& field, int64_t number, char* p) {
  if (!field.is_short) [[unlikely]] {
    return WriteLongId(field, number, p);
  }
  char* const digits = field.lead.Write(p);
  char* const end = WriteNumber(static_cast<uint64_t>(number), digits);
  // One byte, since it is below 64; zigzag doubles it.
  const size_t size = static_cast<size_t>(end - digits) + field.prefix_size;
  digits[-1 - static_cast<std::ptrdiff_t>(field.prefix_size)] = static_cast<char>(2 * size);
  return end;
}

template <class Column>
inline char* AvroRecord::WriteValue(const Field& field, const void* column, size_t row, char* p) {
  if constexpr (std::is_same_v<Column, TextIdColumn>) {
    return WriteTextId(field, Column::At(column, row) + field.id_first, p);
  } else if constexpr (std::is_same_v<Column, LabelColumn>) {
    return field.texts[static_cast<size_t>(Column::At(column, row) + 1)].Write(p);
  } else {
    *p = 2;  // the second type of the union
    p += field.is_nullable ? 1 : 0;
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
      return WriteZigzag(value + field.id_first, p);
    } else if constexpr (std::is_same_v<Column, UuidColumn>) {
      *p = 2 * kUuidText;
      return WriteUuid(field.id_key, value, p + 1);
    } else {
      return WriteZigzag(value, p);
    }
  }
}

}  // namespace throng::plugins
