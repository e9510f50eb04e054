// A table's rows as JSON Schema (draft 7) describes them.
#include "plugins/formats/json/schema.h"

#include "throng/text.hpp"

namespace throng::plugins {
namespace {

constexpr char kInteger[] = R"({"type":"integer"})";
constexpr TypeNames kTypes = {.text = R"({"type":"string"})",
                              .uuid = R"({"type":"string","format":"uuid"})",
                              .integer = kInteger,
                              .timestamp = R"({"type":"string","format":"date-time"})",
                              .boolean = R"({"type":"boolean"})",
                              .number = R"({"type":"number"})"};

}  // namespace

std::string JsonSchema(const throng_schema& schema, bool has_time_texts, Docs docs) {
  TypeNames types = kTypes;
  if (!has_time_texts) types.timestamp = kInteger;
  std::string properties;
  std::string required;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    const std::string name = JsonString(column.name);
    const std::string type = TypeName(column, types);
    const std::string doc = DocOf(column, docs);
    std::string property =
        IsNullable(column) ? R"({"oneOf":[{"type":"null"},)" + type + "]}" : type;
    if (!doc.empty()) property.insert(1, R"("description":)" + JsonString(doc) + ",");
    properties.append(c == 0 ? "" : ",").append(name).append(":").append(property);
    if (!IsNullable(column)) required += (required.empty() ? "" : ",") + name;
  }
  return R"({"$schema":"http://json-schema.org/draft-07/schema#","title":")" +
         FullRecordName(schema) + R"(","type":"object","additionalProperties":false,)" +
         R"("properties":{)" + properties + R"(},"required":[)" + required + "]}";
}

std::string ConnectSchema(const throng_schema& schema, TimeText times) {
  TypeNames types = {.text = R"("string")",
                     .uuid = R"("string")",
                     .integer = R"("int64")",
                     .timestamp = R"("string")",
                     .boolean = R"("boolean")",
                     .number = R"("double")"};
  if (times == TimeText::kEpochSeconds) types.timestamp = types.integer;
  if (times == TimeText::kEpochMillis) {
    types.timestamp = R"("int64", "name": "org.apache.kafka.connect.data.Timestamp", "version": 1)";
  }
  std::string fields;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    fields += std::string(c == 0 ? "" : ", ") + R"({"field": )" + JsonString(column.name) +
              R"(, "type": )" + TypeName(column, types) + R"(, "optional": )" +
              (IsNullable(column) ? "true" : "false") + "}";
  }
  return R"({"type": "struct", "name": ")" + FullRecordName(schema) +
         R"(", "optional": false, "fields": [)" + fields + "]}";
}

}  // namespace throng::plugins
