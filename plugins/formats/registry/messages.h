// Messages: a row's value of one column as the key, a header and a record as the value.
#pragma once

#include <cstddef>
#include <cstdint>

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

// `Value` writes rows as Record does; `header` stands before each of them. Not inlined, so that it
// has all registers to itself.
template <typename Value>
[[gnu::noinline]] void EncodeMessages(const throng_block& block, Record& key,
                                      const FixedText& header, Value& value, Buffer& out) {
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
