// Structs in Thrift's compact protocol, in which Parquet writes its footer and the heads of pages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throng::plugins {

enum class ThriftType : uint8_t {
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kI16 = 4,
  kI32 = 5,
  kI64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

// Writes one struct. Ids of fields rise within each struct.
class ThriftWriter {
 public:
  void I32(int id, int64_t value) { Number(id, ThriftType::kI32, value); }
  void I64(int id, int64_t value) { Number(id, ThriftType::kI64, value); }
  void Bool(int id, bool value) { Field(id, value ? ThriftType::kTrue : ThriftType::kFalse); }
  void Binary(int id, std::string_view value) {
    Field(id, ThriftType::kBinary);
    AddBinary(value);
  }
  // write(): the fields of the struct.
  template <class Write>
  void Struct(int id, const Write& write) {
    Field(id, ThriftType::kStruct);
    AddStruct(write);
  }
  // A list's elements follow, by the functions below.
  void List(int id, ThriftType elements, size_t size) {
    Field(id, ThriftType::kList);
    const auto type = static_cast<uint8_t>(elements);
    if (size < kLongList) {
      text_ += static_cast<char>(size << 4 | type);
    } else {
      text_ += static_cast<char>(kLongList << 4 | type);
      AddVarint(size);
    }
  }
  void AddI32(int64_t value) { AddZigzag(value); }
  void AddBinary(std::string_view value) {
    AddVarint(value.size());
    text_ += value;
  }
  template <class Write>
  void AddStruct(const Write& write) {
    const int outer = last_id_;
    last_id_ = 0;
    write();
    text_ += '\0';
    last_id_ = outer;
  }

  // Ends the struct.
  const std::string& Finish() { return text_ += '\0'; }

 private:
  static constexpr size_t kLongList = 15;

  void Field(int id, ThriftType type) {
    text_ += static_cast<char>((id - last_id_) << 4 | static_cast<int>(type));
    last_id_ = id;
  }
  void Number(int id, ThriftType type, int64_t value) {
    Field(id, type);
    AddZigzag(value);
  }
  void AddVarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  void AddZigzag(int64_t value) {
    AddVarint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }

  std::string text_;
  int last_id_ = 0;
};

}  // namespace throng::plugins
