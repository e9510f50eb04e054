// Rows in Avro's binary encoding.
//
// What may be absent is a union of null and its type: extra and nullable columns, labels, and
// doubles, of which those that are not finite are absent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/formats/registry/typed_schema.h"
#include "plugins/formats/typed_record.h"

namespace throng::plugins {

struct AvroEncoding {
  static constexpr size_t kSizeStep = 2;               // sizes are signed numbers
  static constexpr std::string_view kAbsent{"\0", 1};  // null is the first type of the union
  static constexpr size_t kMaxTimestamp = kMaxVarint;

  static std::string Lead(const throng_column& column) { return IsNullable(column) ? "\x02" : ""; }
  static char* WriteLead(const FixedText& lead, char* p) {
    *p = 2;  // the second type of the union
    return p + lead.size();
  }
  static char* WriteInteger(int64_t value, char* p) { return WriteZigzag(value, p); }
  static char* WriteTimestamp(int64_t ms, char* p) { return WriteZigzag(ms, p); }
};

using AvroRecord = TypedRecord<AvroEncoding>;

}  // namespace throng::plugins
