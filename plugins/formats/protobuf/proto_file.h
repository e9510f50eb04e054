// Messages and their fields, of the text of a .proto file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throng::plugins {

enum class ProtoType {
  kByWire,     // as it is encoded: a whole number, a double or float, a text
  kSigned,     // sint32, sint64
  kFixed,      // fixed32, fixed64 and with a sign
  kTimestamp,  // google.protobuf.Timestamp
  kNamed,      // an enum or another message, whose number it is or nothing
  kRepeated,   // and maps
};

struct ProtoField {
  std::string name;
  uint32_t number = 0;
  ProtoType type = ProtoType::kByWire;
  bool is_optional = false;  // whether its absence is told from its default
  bool is_number = false;    // whether its default is 0
};

struct ProtoMessage {
  std::string name;
  std::vector<ProtoField> fields;
  std::vector<ProtoMessage> messages;  // within it
};

// The messages of a file, in order. Throws DATA_LOSS with the line for what is no such file.
std::vector<ProtoMessage> ParseProtoFile(std::string_view text);

}  // namespace throng::plugins
