#include "plugins/formats/protobuf/schema.h"

#include <cstdint>
#include <map>
#include <string_view>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr TypeNames kTypes = {.text = "string",
                              .uuid = "string",
                              .integer = "int64",
                              .timestamp = "google.protobuf.Timestamp",
                              .boolean = "bool",
                              .number = "double"};

// For a column that is there under two names, or for the one in millions whose hash another has.
[[noreturn]] void RefuseNumber(const throng_column& column, std::string_view other) {
  throw Error(THRONG_INVALID_ARGUMENT, "The columns \"" + std::string(other) + "\" and \"" +
                                           column.name + "\" have the same number in Protobuf, " +
                                           std::to_string(column.field_number) +
                                           "; leave one of them out of columns.");
}

}  // namespace

std::string ProtobufSchema(const throng_schema& schema, const std::string& message, Docs docs) {
  std::string fields;
  bool has_time = false;
  std::map<uint32_t, std::string_view> names;  // by number
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Protobuf");
    const auto [other, is_new] = names.try_emplace(column.field_number, column.name);
    if (!is_new) RefuseNumber(column, other->second);
    has_time = has_time || column.type == THRONG_COLUMN_TIMESTAMP;
    if (const std::string doc = DocOf(column, docs); !doc.empty()) fields += "  // " + doc + "\n";
    fields += IsNullable(column) ? "  optional " : "  ";
    fields.append(TypeName(column, kTypes)).append(" ").append(column.name);
    fields.append(" = ").append(std::to_string(column.field_number)).append(";\n");
  }
  return std::string("syntax = \"proto3\";\n\npackage ") + kNamespace + ";\n\n" +
         (has_time ? "import \"google/protobuf/timestamp.proto\";\n\n" : "") + "message " +
         message + " {\n" + fields + "}\n";
}

}  // namespace throng::plugins
