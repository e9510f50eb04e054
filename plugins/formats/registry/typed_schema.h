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

// Extra columns are optional, and so are the types that have a value for absence (LABEL's -1, a
// FLOAT64 that is not finite).
inline bool IsNullable(const throng_column& column) {
  return (column.flags & THRONG_COLUMN_EXTRA) != 0 || column.type == THRONG_COLUMN_LABEL ||
         column.type == THRONG_COLUMN_FLOAT64;
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

[[noreturn]] inline void RefuseType(const throng_column& column) {
  throw Error(THRONG_UNIMPLEMENTED,
              std::string("The column ") + column.name +
                  " has a type that this format does not know; leave it out of columns.");
}

}  // namespace throng::plugins
