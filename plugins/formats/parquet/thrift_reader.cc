#include "plugins/formats/parquet/thrift_reader.h"

namespace throng::plugins {
namespace {

constexpr int kDeepest = 32;

}  // namespace

int ThriftReader::Byte() {
  if (bytes_.empty()) {
    Fail();
    return 0;
  }
  const auto byte = static_cast<uint8_t>(bytes_.front());
  bytes_.remove_prefix(1);
  return byte;
}

uint64_t ThriftReader::Varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<uint64_t>(Byte());
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  Fail();
  return 0;
}

int64_t ThriftReader::Integer() {
  const uint64_t value = Varint();
  return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1)));
}

std::string_view ThriftReader::Binary() {
  const uint64_t size = Varint();
  if (size > bytes_.size()) {
    Fail();
    return {};
  }
  const std::string_view text = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return text;
}

uint64_t ThriftReader::ListHead(ThriftType* elements) {
  const int head = Byte();
  *elements = static_cast<ThriftType>(head & 0xf);
  uint64_t size = static_cast<uint64_t>(head) >> 4;
  if (size == 15) size = Varint();
  if (size <= bytes_.size()) return size;  // an element takes a byte at least
  Fail();
  return 0;
}

void ThriftReader::Skip(ThriftType type, int depth) {
  if (depth > kDeepest) return Fail();
  switch (type) {
    case ThriftType::kTrue:
    case ThriftType::kFalse:
      return;
    case ThriftType::kByte:
      Byte();
      return;
    case ThriftType::kI16:
    case ThriftType::kI32:
    case ThriftType::kI64:
      Varint();
      return;
    case ThriftType::kDouble:
      if (bytes_.size() < sizeof(double)) return Fail();
      bytes_.remove_prefix(sizeof(double));
      return;
    case ThriftType::kBinary:
      Binary();
      return;
    case ThriftType::kList:
    case ThriftType::kSet: {
      ThriftType element;
      for (uint64_t left = ListHead(&element); left > 0 && !has_failed_; --left) {
        // A boolean in a list has a byte of its own.
        const bool is_boolean = element == ThriftType::kTrue || element == ThriftType::kFalse;
        Skip(is_boolean ? ThriftType::kByte : element, depth + 1);
      }
      return;
    }
    case ThriftType::kStruct:
      for (int head = 0; !has_failed_ && (head = Byte()) != 0;) {
        if (head >> 4 == 0) Varint();
        Skip(static_cast<ThriftType>(head & 0xf), depth + 1);
      }
      return;
    case ThriftType::kMap:
      break;  // there is none in Parquet's structs
  }
  Fail();
}

}  // namespace throng::plugins
