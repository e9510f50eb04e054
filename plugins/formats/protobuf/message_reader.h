// Messages of Protobuf, read by their fields' numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/decoding/messages.h"
#include "plugins/formats/protobuf/proto_file.h"

namespace throng::plugins {

// Takes a number in groups of seven bits off the front; false if it ends too early.
bool TakeProtoVarint(std::string_view* bytes, uint64_t* value);

class ProtobufReader {
 public:
  // Of messages with these fields; what else is in one is walked over. The columns outlive it.
  // Throws NOT_FOUND if a column that is required is not among the fields, or is no single value.
  // `name`: of what has these fields, for sentences.
  ProtobufReader(const std::vector<ProtoField>& fields, const std::string& name,
                 FoundColumns* columns);

  MessageResult Read(std::string_view message, size_t row);

 private:
  struct Field {
    size_t wanted = FoundColumns::kRecord;  // or: it is walked over
    ProtoType type = ProtoType::kByWire;
  };
  struct Value;

  const Field* FieldOf(uint32_t number) const;
  // Puts what is there; false: it cannot be, as reason_ says.
  bool Put(const Field& field, const Value& value, size_t row);
  bool PutTime(const Field& field, std::string_view message, size_t row);

  static constexpr uint32_t kLow = 64;  // numbers below it are looked up at once

  FoundColumns& columns_;
  std::vector<Field> low_;
  std::map<uint32_t, Field> high_;
  uint64_t zero_ = 0;  // columns that are 0 where they are absent
  std::string reason_;
};

}  // namespace throng::plugins
