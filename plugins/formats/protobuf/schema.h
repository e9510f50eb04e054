// The schema of a table as Protobuf has it.
#pragma once

#include <string>

#include "plugins/formats/registry/typed_schema.h"
#include "throng/plugin.h"

namespace throng::plugins {

// A .proto file with one message in throng.v1. INVALID_ARGUMENT for a column whose name Protobuf
// cannot hold and for two of one number, UNIMPLEMENTED for an unknown type.
std::string ProtobufSchema(const throng_schema& schema, const std::string& message,
                           Docs docs = Docs::kLeaveOut);

}  // namespace throng::plugins
