// A table's rows as JSON Schema (draft 7) describes them.
#include "plugins/formats/json/schema.h"

#include "plugins/formats/registry/typed_schema.h"
#include "throng/text.hpp"

namespace throng::plugins {
namespace {

const char* TypeOf(const throng_column& column) {
  switch (column.type) {
    case THRONG_COLUMN_ID:
    case THRONG_COLUMN_LABEL:
      return R"({"type":"string"})";
    case THRONG_COLUMN_INT64:
      return R"({"type":"integer"})";
    case THRONG_COLUMN_TIMESTAMP:
      return R"({"type":"string","format":"date-time"})";
    case THRONG_COLUMN_RATING:
    case THRONG_COLUMN_FLOAT64:
      return R"({"type":"number"})";
    case THRONG_COLUMN_BOOL:
      return R"({"type":"boolean"})";
    default:
      RefuseType(column);
  }
}

}  // namespace

std::string JsonSchema(const throng_schema& schema) {
  std::string properties;
  std::string required;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    const std::string name = JsonString(column.name);
    const std::string type = TypeOf(column);
    properties += (c == 0 ? "" : ",") + name + ":";
    properties += IsNullable(column) ? R"({"oneOf":[{"type":"null"},)" + type + "]}" : type;
    if (!IsNullable(column)) required += (required.empty() ? "" : ",") + name;
  }
  return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":")" +
         FullRecordName(schema) + R"(","type":"object","additionalProperties":false,)" +
         R"("properties":{)" + properties + R"(},"required":[)" + required + "]}";
}

}  // namespace throng::plugins
