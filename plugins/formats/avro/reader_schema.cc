// A schema of Avro as who reads needs it: types to walk over.
#include "plugins/formats/avro/reader_schema.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;

[[noreturn]] void Fail(const std::string& reason) {
  throw Error(THRONG_DATA_LOSS, "an Avro schema that " + reason);
}

std::optional<AvroKind> PrimitiveOf(std::string_view name) {
  if (name == "null") return AvroKind::kNull;
  if (name == "boolean") return AvroKind::kBoolean;
  if (name == "int" || name == "long") return AvroKind::kInteger;
  if (name == "float") return AvroKind::kFloat;
  if (name == "double") return AvroKind::kDouble;
  if (name == "string" || name == "bytes") return AvroKind::kText;
  return std::nullopt;
}

AvroLogical LogicalOf(std::string_view name) {
  if (name == "date") return AvroLogical::kDate;
  if (name == "timestamp-millis" || name == "local-timestamp-millis") return AvroLogical::kMillis;
  if (name == "timestamp-micros" || name == "local-timestamp-micros") return AvroLogical::kMicros;
  if (name == "timestamp-nanos" || name == "local-timestamp-nanos") return AvroLogical::kNanos;
  if (name == "decimal") return AvroLogical::kDecimal;
  return AvroLogical::kNone;
}

std::string TextOf(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& ListOf(const Json& json, const char* member) {
  const auto found = json.find(member);
  if (found == json.end() || !found->is_array()) {
    Fail("has a type without " + std::string(member));
  }
  return *found;
}

}  // namespace

class AvroReaderSchema::Parser {
 public:
  explicit Parser(std::deque<AvroType>* types) : types_(*types) {}

  // `space`: the namespace that names without one are in.
  const AvroType* Parse(const Json& json, const std::string& space, int depth) {
    if (depth > kDeepest) Fail("is nested more than 64 deep");
    if (json.is_string()) return Named(json.get<std::string>(), space);
    if (json.is_array()) {
      if (json.empty()) Fail("has an empty union");
      AvroType& type = types_.emplace_back();
      type.kind = AvroKind::kUnion;
      for (const Json& branch : json) type.parts.push_back(Parse(branch, space, depth + 1));
      return &type;
    }
    if (!json.is_object() || !json.contains("type")) Fail("has something that is no type");
    const Json& inner = json["type"];
    if (!inner.is_string()) return Parse(inner, space, depth + 1);
    return ParseObject(json, inner.get<std::string>(), space, depth);
  }

 private:
  static std::string FullName(const std::string& name, const std::string& space) {
    return name.find('.') != std::string::npos || space.empty() ? name : space + "." + name;
  }

  const AvroType* Named(const std::string& name, const std::string& space) {
    if (const auto primitive = PrimitiveOf(name)) {
      AvroType& type = types_.emplace_back();
      type.kind = *primitive;
      type.is_empty = *primitive == AvroKind::kNull;
      return &type;
    }
    auto found = named_.find(FullName(name, space));
    if (found == named_.end()) found = named_.find(name);
    if (found == named_.end()) Fail("has no type \"" + name + "\"");
    return found->second;
  }

  const AvroType* ParseObject(const Json& json, const std::string& name, const std::string& space,
                              int depth) {
    if (const auto primitive = PrimitiveOf(name)) {
      AvroType& type = types_.emplace_back();
      type.kind = *primitive;
      type.is_empty = *primitive == AvroKind::kNull;
      TakeLogical(json, &type);
      return &type;
    }
    AvroType& type = types_.emplace_back();
    if (name == "array" || name == "map") {
      const char* const items = name == "array" ? "items" : "values";
      if (!json.contains(items)) Fail("has a type without " + std::string(items));
      type.kind = name == "array" ? AvroKind::kArray : AvroKind::kMap;
      type.parts.push_back(Parse(json[items], space, depth + 1));
      return &type;
    }
    const bool is_record = name == "record" || name == "error";
    if (!is_record && name != "enum" && name != "fixed") {
      types_.pop_back();
      return Named(name, space);
    }
    const std::string own_space = json.contains("namespace") ? TextOf(json, "namespace") : space;
    const std::string full = FullName(TextOf(json, "name"), own_space);
    named_[full] = &type;
    if (is_record) {
      type.kind = AvroKind::kRecord;
      const size_t dot = full.rfind('.');
      const std::string inner = dot == std::string::npos ? "" : full.substr(0, dot);
      for (const Json& field : ListOf(json, "fields")) {
        if (!field.is_object() || !field.contains("type")) Fail("has a field without a type");
        // What takes no bytes says nothing, and would be walked over at no cost to who wrote it.
        const AvroType* const part = Parse(field["type"], inner, depth + 1);
        if (part->is_empty) continue;
        type.names.push_back(TextOf(field, "name"));
        type.parts.push_back(part);
      }
      type.is_empty = type.parts.empty();
    } else if (name == "enum") {
      type.kind = AvroKind::kEnum;
      for (const Json& symbol : ListOf(json, "symbols")) {
        type.names.push_back(symbol.is_string() ? symbol.get<std::string>() : "");
      }
    } else {
      type.kind = AvroKind::kFixed;
      const auto size = json.find("size");
      if (size == json.end() || !size->is_number_integer() || size->get<int64_t>() < 0) {
        Fail("has a fixed type without a size");
      }
      type.size = size->get<size_t>();
      type.is_empty = type.size == 0;
      TakeLogical(json, &type);
    }
    return &type;
  }

  static void TakeLogical(const Json& json, AvroType* type) {
    const AvroLogical logical = LogicalOf(TextOf(json, "logicalType"));
    const bool is_bytes = type->kind == AvroKind::kText || type->kind == AvroKind::kFixed;
    if (logical == AvroLogical::kDecimal ? !is_bytes : type->kind != AvroKind::kInteger) return;
    type->logical = logical;
    const auto scale = json.find("scale");
    if (scale != json.end() && scale->is_number_integer()) type->scale = scale->get<int64_t>();
  }

  std::deque<AvroType>& types_;
  std::map<std::string, const AvroType*> named_;
};

AvroReaderSchema::AvroReaderSchema(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) Fail("is no JSON");
  root_ = Parser(&types_).Parse(parsed, "", 0);
}

}  // namespace throng::plugins
