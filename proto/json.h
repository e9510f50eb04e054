// Protobuf messages as JSON the way specs are written: field names as in the .proto, numbers as
// numbers, enum values in lower case, times as text.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>

namespace throng {

// Fields that are set, in the order of the .proto. Maps of strings become objects.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);

}  // namespace throng
