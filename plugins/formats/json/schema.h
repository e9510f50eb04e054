// A table's rows as JSON Schema (draft 7) describes them.
#pragma once

#include <string>

#include "plugins/formats/record.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/plugin.h"

namespace throng::plugins {

// Closed: objects have no other members, so that a column that is added as an extra one leaves
// earlier messages readable. Times are texts or integers. UNIMPLEMENTED for a column of an unknown
// type.
std::string JsonSchema(const throng_schema& schema, bool has_time_texts,
                       Docs docs = Docs::kLeaveOut);

// The schema of a table's rows as Kafka Connect's JsonConverter has it (schemas.enable): a struct.
// Times in milliseconds are of Connect's own type Timestamp.
std::string ConnectSchema(const throng_schema& schema, TimeText times);

}  // namespace throng::plugins
