// Records of Avro, read by the schema that they were written with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/avro/reader_schema.h"
#include "plugins/formats/decoding/found_columns.h"

namespace throng::plugins {

// Bytes from the first on. What is taken of bytes that end too early, or cannot be, is false.
struct AvroBytes {
  const char* p = nullptr;
  const char* end = nullptr;

  size_t left() const { return static_cast<size_t>(end - p); }
  bool TakeLong(int64_t* value) {
    uint64_t bits = 0;
    for (int shift = 0; p < end && shift < 70; shift += 7) {
      const auto byte = static_cast<uint8_t>(*p++);
      bits |= static_cast<uint64_t>(byte & 0x7f) << (shift < 64 ? shift : 63);
      if (byte < 0x80) {
        *value = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
        return true;
      }
    }
    return false;
  }
  bool Skip(uint64_t size) {
    if (size > left()) return false;
    p += size;
    return true;
  }
  // A size, and bytes of that size.
  bool TakeText(std::string_view* text) {
    int64_t size = 0;
    if (!TakeLong(&size) || size < 0 || static_cast<uint64_t>(size) > left()) return false;
    *text = {p, static_cast<size_t>(size)};
    p += size;
    return true;
  }
  template <class T>
  bool Take(T* value) {
    if (left() < sizeof *value) return false;
    std::memcpy(value, p, sizeof *value);
    p += sizeof *value;
    return true;
  }
};

class AvroRecordReader {
 public:
  // Both outlive it. Throws NOT_FOUND if the schema's record lacks a column that is required or has
  // it as something else than a value, and DATA_LOSS if the schema is not of records. `name`: of
  // what has the schema, for sentences.
  AvroRecordReader(const AvroReaderSchema& schema, const std::string& name, FoundColumns* columns);

  enum class Result {
    kRow,
    kDamaged,  // it ends where it should, but a value is not what is asked for
    kBroken,   // nobody knows where it ends
  };
  // Reads one record into a row. What is wrong is told by wanted() and reason().
  Result Read(AvroBytes* bytes, size_t row);
  // Walks over one record; false if it is broken.
  bool Skip(AvroBytes* bytes) const { return Skip(root_, bytes, 0); }

  size_t wanted() const { return wanted_; }  // or FoundColumns::kRecord
  const std::string& reason() const { return reason_; }

 private:
  struct Step {
    const AvroType* type;
    size_t wanted;  // or kRecord: it is walked over
  };

  static bool Skip(const AvroType& type, AvroBytes* bytes, int depth);
  static bool SkipBlocks(const AvroType& type, AvroBytes* bytes, int depth);
  Result ReadValue(const AvroType& type, size_t wanted, AvroBytes* bytes, size_t row);
  Result PutInteger(const AvroType& type, size_t wanted, int64_t value, size_t row);
  Result PutDecimal(const AvroType& type, size_t wanted, std::string_view bytes, size_t row);
  Result Put(bool is_put, size_t wanted);
  Result Damage(size_t wanted, std::string reason);
  Result Break(size_t wanted, std::string reason);

  FoundColumns& columns_;
  const AvroType& root_;
  std::vector<Step> steps_;      // by field of the record
  std::vector<size_t> missing_;  // columns that it does not have
  size_t wanted_ = FoundColumns::kRecord;
  std::string reason_;
};

}  // namespace throng::plugins
