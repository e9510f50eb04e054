// The schemas that messages refer to by their ids in a registry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/formats/registry/connection.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// A message that begins with a zero byte and the four bytes of its schema's id.
struct FramedMessage {
  uint32_t id = 0;
  std::string_view body;  // what follows
};
// Nothing if it does not begin so.
inline std::optional<FramedMessage> UnframeMessage(std::string_view message) {
  constexpr size_t kFrame = 5;
  if (message.size() < kFrame || message[0] != '\0') return std::nullopt;
  FramedMessage framed = {.id = 0, .body = message.substr(kFrame)};
  for (size_t i = 1; i < kFrame; ++i) framed.id = framed.id << 8 | static_cast<uint8_t>(message[i]);
  return framed;
}

struct RegisteredSchema {
  std::string type;  // AVRO, JSON or PROTOBUF
  std::string text;
  bool has_references = false;
};

// The schema with that id; nothing if the registry has none. Throws UNAVAILABLE where it cannot
// answer now, and other errors that are those of the options.
std::optional<RegisteredSchema> FindSchema(const RegistryConnection& connection, const Host& host,
                                           uint32_t id);

}  // namespace throng::plugins
