// What the schemas of Avro, JSON Schema and Protobuf have in common: names, and what may be absent.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "throng/plugin.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

inline constexpr char kNamespace[] = "throng.v1";

// Of a table: Interaction, User or Item.
inline std::string RecordName(const throng_schema& schema) {
  const std::string_view table = schema.table;
  return table == "users" ? "User" : table == "items" ? "Item" : "Interaction";
}

// The same with its namespace.
inline std::string FullRecordName(const throng_schema& schema) {
  return std::string(kNamespace) + "." + RecordName(schema);
}

// Extra columns are optional, and so are those whose values may be absent; labels and doubles
// always may.
inline bool IsNullable(const throng_column& column) {
  return (column.flags & (THRONG_COLUMN_EXTRA | THRONG_COLUMN_NULLABLE)) != 0 ||
         column.type == THRONG_COLUMN_LABEL || column.type == THRONG_COLUMN_FLOAT64;
}

// Throws INVALID_ARGUMENT for a name of a column that `format` ("Avro") cannot hold.
inline void RequireName(std::string_view name, const std::string& format) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const bool is_name = std::all_of(name.begin(), name.end(),
                                   [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  if (!name.empty() && is_name && is_letter(name[0])) return;
  throw Error(THRONG_INVALID_ARGUMENT,
              "The column \"" + std::string(name) + "\" has no name for " + format +
                  ", which takes letters, digits and _ only, and no digit first; give it another "
                  "name in columns.");
}

}  // namespace throng::plugins
