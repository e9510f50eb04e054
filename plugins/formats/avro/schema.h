// The schema of a table as Avro has it.
#pragma once

#include <string>

#include "plugins/formats/registry/typed_schema.h"
#include "throng/plugin.h"

namespace throng::plugins {

// JSON: the record throng.v1.Interaction, User or Item. INVALID_ARGUMENT for a column whose name
// Avro cannot hold, UNIMPLEMENTED for one of an unknown type.
std::string AvroSchema(const throng_schema& schema, Docs docs = Docs::kLeaveOut);

// That of a column's value alone: "string", or a union with null.
std::string AvroSchema(const throng_column& column);

}  // namespace throng::plugins
