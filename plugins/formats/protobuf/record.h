// Rows in Protobuf's binary encoding.
//
// A field has the number that its column has for ever, whatever is chosen, in which order and under
// what name. What may be absent is optional, and left out where it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/formats/typed_record.h"

namespace throng::plugins {

struct ProtobufEncoding {
  static constexpr size_t kSizeStep = 1;
  static constexpr std::string_view kAbsent = "";
  static constexpr size_t kMaxTimestamp = 1 + 1 + kMaxVarint + 1 + kMaxVarint;

  // The tag: the field's number and how its value is encoded.
  static std::string Lead(const throng_column& column) {
    constexpr uint64_t kVarint = 0;
    constexpr uint64_t kFixed64 = 1;
    constexpr uint64_t kSized = 2;
    const ColumnType type = TypeOf(column);
    const bool is_varint =
        type == ColumnType::kIntegerId || type == ColumnType::kInt64 || type == ColumnType::kBool;
    const bool is_double = type == ColumnType::kRating || type == ColumnType::kFloat64;
    const uint64_t wire_type = is_varint ? kVarint : is_double ? kFixed64 : kSized;
    char bytes[kMaxVarint];
    return {bytes, WriteVarint(uint64_t{column.field_number} << 3 | wire_type, bytes)};
  }
  static char* WriteLead(const FixedText& lead, char* p) { return lead.Write(p); }
  static char* WriteInteger(int64_t value, char* p) {
    return WriteVarint(static_cast<uint64_t>(value), p);
  }
  // The message google.protobuf.Timestamp.
  static char* WriteTimestamp(int64_t ms, char* p) {
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
};

using ProtobufRecord = TypedRecord<ProtobufEncoding>;

}  // namespace throng::plugins
