// What the schemas of Avro, JSON Schema and Protobuf have in common: names, types, and what may be
// absent.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "plugins/formats/column_type.h"
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

// Whether a schema has the docs of columns: those that are registered do, for who reads them there;
// those that lie in files do not, so that no word of a doc changes a file's bytes.
enum class Docs { kLeaveOut, kWrite };

// The column's doc where it is to be written; else empty.
inline std::string DocOf(const throng_column& column, Docs docs) {
  return docs == Docs::kWrite ? column.doc : "";
}

// What a schema calls the types of values.
struct TypeNames {
  const char* text;
  const char* uuid;
  const char* integer;
  const char* timestamp;
  const char* boolean;
  const char* number;
};

// Throws UNIMPLEMENTED for a type that is not known here.
inline const char* TypeName(const throng_column& column, const TypeNames& names) {
  switch (TypeOf(column)) {
    case ColumnType::kTextId:
    case ColumnType::kLabel:
      return names.text;
    case ColumnType::kUuid:
      return names.uuid;
    case ColumnType::kIntegerId:
    case ColumnType::kInt64:
      return names.integer;
    case ColumnType::kTimestamp:
      return names.timestamp;
    case ColumnType::kBool:
      return names.boolean;
    case ColumnType::kRating:
    case ColumnType::kFloat64:
      break;
  }
  return names.number;
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
