// A table's rows as JSON Schema (draft 7) describes them.
#pragma once

#include <string>
#include <string_view>

#include "throng/plugin.h"

namespace throng::plugins {

// As a JSON string; what the host hands over is valid UTF-8.
std::string Quote(std::string_view text);

// Closed: objects have no other members, so that a column that is added as an extra one leaves
// earlier messages readable. UNIMPLEMENTED for a column of an unknown type.
std::string JsonSchema(const throng_schema& schema);

}  // namespace throng::plugins
