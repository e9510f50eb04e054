// The schema of a table as Avro has it.
#pragma once

#include <string>

#include "throng/plugin.h"

namespace throng::plugins {

// JSON: the record throng.v1.Interaction, User or Item. INVALID_ARGUMENT for a column whose name
// Avro cannot hold, UNIMPLEMENTED for one of an unknown type.
std::string AvroSchema(const throng_schema& schema);

}  // namespace throng::plugins
