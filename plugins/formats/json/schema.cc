// A table's rows as JSON Schema (draft 7) describes them.
#include "plugins/formats/json/schema.h"

#include "plugins/formats/column_type.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/text.hpp"

namespace throng::plugins {
namespace {

const char* SchemaType(const throng_column& column) {
  switch (TypeOf(column)) {
    case ColumnType::kTextId:
    case ColumnType::kLabel:
      return R"({"type":"string"})";
    case ColumnType::kUuid:
      return R"({"type":"string","format":"uuid"})";
    case ColumnType::kIntegerId:
    case ColumnType::kInt64:
      return R"({"type":"integer"})";
    case ColumnType::kTimestamp:
      return R"({"type":"string","format":"date-time"})";
    case ColumnType::kBool:
      return R"({"type":"boolean"})";
    case ColumnType::kRating:
    case ColumnType::kFloat64:
      break;
  }
  return R"({"type":"number"})";
}

}  // namespace

std::string JsonSchema(const throng_schema& schema) {
  std::string properties;
  std::string required;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    const std::string name = JsonString(column.name);
    const std::string type = SchemaType(column);
    properties += (c == 0 ? "" : ",") + name + ":";
    properties += IsNullable(column) ? R"({"oneOf":[{"type":"null"},)" + type + "]}" : type;
    if (!IsNullable(column)) required += (required.empty() ? "" : ",") + name;
  }
  return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":")" +
         FullRecordName(schema) + R"(","type":"object","additionalProperties":false,)" +
         R"("properties":{)" + properties + R"(},"required":[)" + required + "]}";
}

}  // namespace throng::plugins
