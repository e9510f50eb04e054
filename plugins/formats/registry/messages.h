// Messages: a row's value of one column as the key, as text or typed; a header and a record as the
// value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "plugins/formats/record.h"
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {

// The key as plain text; empty if its value is absent or the destination has no key column.
inline Record KeyOf(const throng_destination& destination) {
  Record key;
  if (destination.key_column < 0) return key;
  const auto index = static_cast<size_t>(destination.key_column);
  const throng_column& column = *destination.schema->columns[index];
  key.Add(column, index, "", PlainTexts(column));
  key.End("");
  return key;
}

// How keys are encoded: as plain text, or as the format encodes values.
enum class KeyFormat { kText, kTyped };

inline bool HasTypedKey(std::optional<KeyFormat> format, const throng_destination& destination) {
  return format == KeyFormat::kTyped && destination.key_column >= 0;
}

// Throws INVALID_ARGUMENT if a format of keys is given.
inline void RefuseKeysOfFiles(std::optional<KeyFormat> format) {
  if (!format) return;
  throw Error(THRONG_INVALID_ARGUMENT,
              "Only messages have keys, and this is a file; leave key_format out.", "key_format");
}

// The table of a key: the key column alone. The destination has one.
inline throng_schema KeySchema(const throng_destination& destination) {
  throng_schema schema = *destination.schema;
  schema.columns += destination.key_column;
  schema.columns_count = 1;
  return schema;
}

// The key as `Value` has it, after a header of its own.
template <typename Value>
class TypedKey {
 public:
  TypedKey() = default;
  TypedKey(const throng_destination& destination, const std::string& header)
      : column_(destination.key_column), header_(header), value_(KeySchema(destination)) {}

  size_t MaxSize(size_t n) const { return n * header_.size() + value_.MaxSize(n); }
  // One row.
  char* Write(const throng_block& block, size_t first, size_t last, char* p) const {
    throng_block own = block;
    own.columns += column_;
    return value_.Write(own, first, last, header_.Write(p));
  }

 private:
  int32_t column_ = 0;
  FixedText header_;
  Value value_;
};

// `Key` and `Value` write rows as Record does; `header` stands before each value. Not inlined, so
// that it has all registers to itself.
template <typename Key, typename Value>
[[gnu::noinline]] void EncodeMessages(const throng_block& block, Key& key, const FixedText& header,
                                      Value& value, Buffer& out) {
  const size_t rows = block.rows;
  char* p = out.Reserve(key.MaxSize(rows) + rows * header.size() + value.MaxSize(rows));
  for (size_t row = 0; row < rows; ++row) {
    p = key.Write(block, row, row + 1, p);
    block.key_end[row] = static_cast<uint32_t>(p - out.data());
    p = value.Write(block, row, row + 1, header.Write(p));
    block.value_end[row] = static_cast<uint32_t>(p - out.data());
  }
  out.EndAt(p);
}

}  // namespace throng::plugins
