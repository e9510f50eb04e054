#include "plugins/formats/avro/schema.h"

#include "plugins/formats/registry/typed_schema.h"

namespace throng::plugins {
namespace {

constexpr TypeNames kTypes = {.text = R"("string")",
                              .uuid = R"({"type":"string","logicalType":"uuid"})",
                              .integer = R"("long")",
                              .timestamp = R"({"type":"long","logicalType":"timestamp-millis"})",
                              .boolean = R"("boolean")",
                              .number = R"("double")"};

}  // namespace

std::string AvroSchema(const throng_schema& schema) {
  std::string text = R"({"type":"record","name":")" + RecordName(schema) + R"(","namespace":")";
  text += std::string(kNamespace) + R"(","fields":[)";
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Avro");
    const std::string type = TypeName(column, kTypes);
    text += c == 0 ? "" : ",";
    text += R"({"name":")" + std::string(column.name) + R"(","type":)";
    text += IsNullable(column) ? R"(["null",)" + type + R"(],"default":null})" : type + "}";
  }
  return text + "]}";
}

}  // namespace throng::plugins
