// Protobuf messages as JSON the way specs are written: field names as in the .proto, numbers as
// numbers, enum values in lower case, times as text.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>

namespace throng {

enum class JsonFields {
  kSet,  // those that differ from their default
  kAll   // also those that are 0, but for messages and `optional` ones that are absent
};

// Fields in the order of the .proto. Maps of strings become objects.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message,
                              JsonFields wanted = JsonFields::kSet);

}  // namespace throng
