#include "plugins/formats/avro/schema.h"

#include "throng/text.hpp"

namespace throng::plugins {
namespace {

constexpr TypeNames kTypes = {.text = R"("string")",
                              .uuid = R"({"type":"string","logicalType":"uuid"})",
                              .integer = R"("long")",
                              .timestamp = R"({"type":"long","logicalType":"timestamp-millis"})",
                              .boolean = R"("boolean")",
                              .number = R"("double")"};

}  // namespace

std::string AvroSchema(const throng_column& column) {
  const std::string type = TypeName(column, kTypes);
  return IsNullable(column) ? R"(["null",)" + type + "]" : type;
}

std::string AvroSchema(const throng_schema& schema, Docs docs) {
  std::string text = R"({"type":"record","name":")" + RecordName(schema) + R"(","namespace":")";
  text += std::string(kNamespace) + R"(","fields":[)";
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Avro");
    const std::string doc = DocOf(column, docs);
    text += c == 0 ? "" : ",";
    text += R"({"name":")" + std::string(column.name) + R"(",)";
    if (!doc.empty()) text += R"("doc":)" + JsonString(doc) + ",";
    text += R"("type":)" + AvroSchema(column);
    text += IsNullable(column) ? R"(,"default":null})" : "}";
  }
  return text + "]}";
}

}  // namespace throng::plugins
