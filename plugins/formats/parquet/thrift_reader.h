// Structs in Thrift's compact protocol, read from bytes that may be damaged.
#pragma once

#include <cstdint>
#include <string_view>

#include "plugins/formats/parquet/thrift.h"

namespace throng::plugins {

// After bytes that cannot be, has_failed, and all that is read is empty.
class ThriftReader {
 public:
  explicit ThriftReader(std::string_view bytes) : bytes_(bytes) {}

  bool has_failed() const { return has_failed_; }
  std::string_view rest() const { return bytes_; }

  // visit(id, type) for each field of a struct: it reads the value and returns true, or returns
  // false, and the field is skipped.
  template <class Visit>
  void Struct(const Visit& visit) {
    for (int last = 0; !has_failed_;) {
      const int head = Byte();
      if (head == 0) return;
      const int step = head >> 4;
      last = step == 0 ? static_cast<int>(Integer()) : last + step;
      const auto type = static_cast<ThriftType>(head & 0xf);
      if (!visit(last, type)) Skip(type, 0);
    }
  }
  // visit() for each element of a list.
  template <class Visit>
  void List(const Visit& visit) {
    ThriftType type;
    for (uint64_t left = ListHead(&type); left > 0 && !has_failed_; --left) visit();
  }
  int64_t Integer();
  std::string_view Binary();

 private:
  int Byte();
  uint64_t Varint();
  uint64_t ListHead(ThriftType* elements);
  void Skip(ThriftType type, int depth);
  void Fail() {
    has_failed_ = true;
    bytes_ = {};
  }

  std::string_view bytes_;
  bool has_failed_ = false;
};

}  // namespace throng::plugins
