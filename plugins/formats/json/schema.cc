// A table's rows as JSON Schema (draft 7) describes them.
#include "plugins/formats/json/schema.h"

#include "plugins/formats/registry/typed_schema.h"
#include "throng/text.hpp"

namespace throng::plugins {
namespace {

constexpr TypeNames kTypes = {.text = R"({"type":"string"})",
                              .uuid = R"({"type":"string","format":"uuid"})",
                              .integer = R"({"type":"integer"})",
                              .timestamp = R"({"type":"string","format":"date-time"})",
                              .boolean = R"({"type":"boolean"})",
                              .number = R"({"type":"number"})"};

}  // namespace

std::string JsonSchema(const throng_schema& schema) {
  std::string properties;
  std::string required;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    const std::string name = JsonString(column.name);
    const std::string type = TypeName(column, kTypes);
    properties += (c == 0 ? "" : ",") + name + ":";
    properties += IsNullable(column) ? R"({"oneOf":[{"type":"null"},)" + type + "]}" : type;
    if (!IsNullable(column)) required += (required.empty() ? "" : ",") + name;
  }
  return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":")" +
         FullRecordName(schema) + R"(","type":"object","additionalProperties":false,)" +
         R"("properties":{)" + properties + R"(},"required":[)" + required + "]}";
}

}  // namespace throng::plugins
