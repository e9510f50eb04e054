#include "client/spec_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "proto/json.h"
#include "proto/option_text.h"

namespace throng {
namespace {

using nlohmann::ordered_json;
using Fields = std::vector<std::pair<std::string, std::string>>;  // in the order of the spec

std::string ValueText(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void Flatten(const std::string& path, const ordered_json& value, Fields* fields) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      Flatten(path.empty() ? key : fmt::format("{}.{}", path, key), inner, fields);
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      Flatten(fmt::format("{}[{}]", path, i), value[i], fields);
    }
  } else {
    fields->emplace_back(path, ValueText(value));
  }
}

std::string RefusalOf(std::string_view field) {
  if (field.starts_with("dataset.")) return "a run keeps its dataset";
  if (field.starts_with("outputs[")) return "a run keeps its outputs";
  if (field.starts_with("slice.")) return "a run keeps its slice";
  return "";
}

bool IsTime(const std::string& text) { return ParseTimestamp(text, 0).has_value(); }

const std::string* Find(const Fields& fields, const std::string& path) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const auto& field) { return field.first == path; });
  return found == fields.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<RunChange> DiffSpecs(const v1::RunSpec& is, const v1::RunSpec& wanted,
                                 bool has_relative_times) {
  Fields before, after;
  Flatten("", ToJson(is), &before);
  Flatten("", ToJson(wanted), &after);
  Fields all = after;
  for (const auto& field : before) {
    if (Find(after, field.first) == nullptr) all.push_back(field);
  }
  std::vector<RunChange> changes;
  for (const auto& [path, value] : all) {
    const std::string* from = Find(before, path);
    const std::string* to = Find(after, path);
    if (from != nullptr && to != nullptr && *from == *to) continue;
    if (path == "dataset.preset" || path == "dataset.size") continue;
    if (has_relative_times && from != nullptr && to != nullptr && IsTime(*from) && IsTime(*to)) {
      continue;
    }
    changes.push_back(
        {path, from == nullptr ? "-" : *from, to == nullptr ? "-" : *to, RefusalOf(path)});
  }
  return changes;
}

std::vector<RunChange> DiffTexts(const std::string& name,
                                 const google::protobuf::Map<std::string, std::string>& is,
                                 const google::protobuf::Map<std::string, std::string>& wanted) {
  std::vector<RunChange> changes;
  for (const auto& [key, value] :
       std::map<std::string, std::string>(wanted.begin(), wanted.end())) {
    const auto found = is.find(key);
    if (found != is.end() && found->second == value) continue;
    changes.push_back(
        {fmt::format("{}.{}", name, key), found == is.end() ? "-" : found->second, value, ""});
  }
  return changes;
}

bool HasRelativeTimes(const v1::SpecSource& source) {
  return std::any_of(
      source.layers().begin(), source.layers().end(),
      [](const v1::SpecLayer& layer) { return layer.text().find("now") != std::string::npos; });
}

}  // namespace throng
