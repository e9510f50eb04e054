// The schema of a table as Protobuf has it.
#pragma once

#include <string>

#include "throng/plugin.h"

namespace throng::plugins {

// A .proto file with the one message throng.v1.Interaction, User or Item. INVALID_ARGUMENT for a
// column whose name Protobuf cannot hold and for two of one number, UNIMPLEMENTED for an unknown
// type.
std::string ProtobufSchema(const throng_schema& schema);

}  // namespace throng::plugins
