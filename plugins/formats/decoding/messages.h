// Messages, one after the other, as rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/formats/decoding/found_columns.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// What a message came to. `reason` is of one that is no row, whose column `wanted` is at fault.
struct MessageResult {
  bool is_row = true;
  size_t wanted = FoundColumns::kRecord;
  std::string reason = {};
};

// As throng_decoder.decode, with columns that were started. `read` reads the value of a message
// into a row and returns a MessageResult; what it throws leaves its message to the next call.
template <class Read>
void DecodeMessages(const throng_input& input, size_t capacity, FoundColumns* columns,
                    const Read& read) {
  size_t rows = 0;
  size_t taken = 0;
  try {
    for (; taken < input.messages_count && rows < capacity; ++taken) {
      const throng_bytes& value = input.messages[taken].value;
      const auto offset = static_cast<int64_t>(taken);
      if (value.data == nullptr) {
        columns->AddDamage(offset, rows, FoundColumns::kRecord,
                           "the message has no value (a tombstone)");
        continue;
      }
      MessageResult result = read(View(value), rows);
      if (result.is_row) {
        columns->offsets()[rows++] = offset;
      } else {
        columns->AddDamage(offset, rows, result.wanted, std::move(result.reason));
      }
    }
  } catch (...) {
    columns->Finish(rows, taken);
    throw;
  }
  columns->Finish(rows, taken);
}

}  // namespace throng::plugins
