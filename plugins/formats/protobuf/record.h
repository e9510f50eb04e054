// Rows as Protobuf: the .proto text of a table, and messages in the binary encoding.
//
// A field has the number that its column has for ever, whatever is chosen, in which order and under
// what name. What may be absent is optional, and left out where it is.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "plugins/formats/column_type.h"
#include "plugins/formats/varint.h"
#include "throng/plugin.h"
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {

// A file with the one message throng.v1.Interaction, User or Item. INVALID_ARGUMENT for a column
// whose name Protobuf cannot hold and for two of one number, UNIMPLEMENTED for an unknown type.
std::string ProtobufSchema(const throng_schema& schema);

class ProtobufRecord {
 public:
  ProtobufRecord() = default;
  explicit ProtobufRecord(const throng_schema& schema);

  // Most bytes that writing n records takes.
  size_t MaxSize(size_t n) const { return n * max_size_ + kTextSlack; }

  // Writes rows [first, last) of the block at p and returns their end.
  char* Write(const throng_block& block, size_t first, size_t last, char* p) const;

 private:
  // What each row needs comes first, so that it lies in few lines of the cache.
  struct alignas(64) Field {
    ColumnType type;
    bool is_checked;  // for absence
    bool is_short;    // a text ID with a number from 0 that always has less than 128 bytes
    size_t prefix_size;
    FixedText lead;  // the tag; of a short ID what comes before the number too, its size left open
    std::vector<FixedText> texts;  // of a LABEL: nothing, then tag and text of each label
    std::string prefix;
    int64_t id_first;
    uint64_t id_key;
  };

  template <class Column>
  static char* WriteValue(const Field& field, const void* column, size_t row, char* p);
  // `number` as it is shown.
  static char* WriteTextId(const Field& field, int64_t number, char* p);
  static char* WriteLongId(const Field& field, int64_t number, char* p);
  static char* WriteTimestamp(int64_t ms, char* p);
  char* WriteFields(const throng_block& block, size_t row, size_t from, char* p) const;
  template <bool kChecked>
  char* WriteEach(const throng_block& block, size_t row, size_t from, char* p) const;

  std::vector<Field> fields_;  // of each column
  size_t max_size_ = 0;
  bool has_checked_ = false;     // has columns that are checked for absence
  bool is_interaction_ = false;  // begins with the four columns of interactions
};

// The message google.protobuf.Timestamp, after its tag.
inline char* ProtobufRecord::WriteTimestamp(int64_t ms, char* p) {
  int64_t seconds = ms / 1000;
  int64_t rest = ms % 1000;
  if (rest < 0) {  // nanos count forward
    rest += 1000;
    --seconds;
  }
  char* const start = p++;
  *p++ = 0x08;  // seconds = 1
  p = WriteVarint(static_cast<uint64_t>(seconds), p);
  *p++ = 0x10;  // nanos = 2
  p = WriteVarint(static_cast<uint64_t>(rest) * 1'000'000, p);
  *start = static_cast<char>(p - start - 1);
  return p;
}

inline char* ProtobufRecord::WriteTextId(const Field& field, int64_t number, char* p) {
  if (!field.is_short) [[unlikely]] {
    return WriteLongId(field, number, p);
  }
  char* const digits = field.lead.Write(p);
  char* const end = WriteNumber(static_cast<uint64_t>(number), digits);
  const size_t size = static_cast<size_t>(end - digits) + field.prefix_size;
  digits[-1 - static_cast<std::ptrdiff_t>(field.prefix_size)] = static_cast<char>(size);
  return end;
}

template <class Column>
inline char* ProtobufRecord::WriteValue(const Field& field, const void* column, size_t row,
                                        char* p) {
  if constexpr (std::is_same_v<Column, TextIdColumn>) {
    return WriteTextId(field, Column::At(column, row) + field.id_first, p);
  } else if constexpr (std::is_same_v<Column, LabelColumn>) {
    return field.texts[static_cast<size_t>(Column::At(column, row) + 1)].Write(p);
  } else {
    p = field.lead.Write(p);
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
      return WriteVarint(static_cast<uint64_t>(value + field.id_first), p);
    } else if constexpr (std::is_same_v<Column, UuidColumn>) {
      *p = kUuidText;
      return WriteUuid(field.id_key, value, p + 1);
    } else if constexpr (std::is_same_v<Column, TimestampColumn>) {
      return WriteTimestamp(value, p);
    } else {
      return WriteVarint(static_cast<uint64_t>(value), p);
    }
  }
}

}  // namespace throng::plugins
