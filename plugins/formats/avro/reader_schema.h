// A schema of Avro as who reads needs it: types to walk over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace throng::plugins {

enum class AvroKind {
  kNull,
  kBoolean,
  kInteger,  // int and long
  kFloat,
  kDouble,
  kText,  // string and bytes
  kFixed,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kRecord,
};
enum class AvroLogical { kNone, kDate, kMillis, kMicros, kNanos, kDecimal };

struct AvroType {
  AvroKind kind = AvroKind::kNull;
  AvroLogical logical = AvroLogical::kNone;
  bool is_empty = false;               // no value of it takes a byte
  size_t size = 0;                     // kFixed: bytes
  int64_t scale = 0;                   // kDecimal: digits after the point
  std::vector<std::string> names;      // kEnum: symbols; kRecord: fields but those that are empty
  std::vector<const AvroType*> parts;  // kUnion, kRecord: in order; kArray, kMap: the one of items
};

class AvroReaderSchema {
 public:
  // Throws DATA_LOSS for what is no schema: "an Avro schema that ...".
  explicit AvroReaderSchema(std::string_view json);
  AvroReaderSchema(const AvroReaderSchema&) = delete;
  AvroReaderSchema& operator=(const AvroReaderSchema&) = delete;

  const AvroType& root() const { return *root_; }

 private:
  class Parser;
  std::deque<AvroType> types_;
  const AvroType* root_ = nullptr;
};

}  // namespace throng::plugins
