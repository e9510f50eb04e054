#include "client/yaml_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <string_view>

namespace throng {
namespace {

using nlohmann::ordered_json;

constexpr size_t kWidestInline = 90;

bool IsWordOfYaml(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 8> kWords = {"null", "true", "false", "yes",
                                                      "no",   "on",   "off",   "y"};
  return lower == "n" || std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

std::string Text(const std::string& text, bool is_option) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-';
  };
  bool plain = !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), is_plain);
  // `null` means something even to a spec; numbers and truth only to others.
  const bool is_value = IsWordOfYaml(text) || text[0] == '.' ||
                        (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0);
  if (plain && is_value) plain = is_option && text != "null";
  return plain ? text : ordered_json(text).dump();
}

std::string Scalar(const ordered_json& json, bool is_option) {
  return json.is_string() ? Text(json.get<std::string>(), is_option) : json.dump();
}

// `[a, b]` or `{a: b}` of scalars, or of such, if it is short; else nothing.
std::string Inline(const ordered_json& json, bool is_option) {
  if (!json.is_structured()) return Scalar(json, is_option);
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (value.is_structured() && !value.empty() && key != "options") return "";
    const std::string inner = Inline(value, key == "options" || is_option);
    if (inner.empty()) return "";
    text += (text.empty() ? "" : ", ") + (json.is_object() ? Text(key, true) + ": " : "") + inner;
  }
  text = json.is_object() ? "{" + text + "}" : "[" + text + "]";
  return text.size() <= kWidestInline ? text : "";
}

void AppendMembers(const ordered_json& json, int indent, bool is_option, bool is_first_placed,
                   std::string* yaml);

// What follows `key:` or `-`, with the newline.
void AppendValue(const ordered_json& json, int indent, bool is_option, std::string* yaml) {
  const std::string text = Inline(json, is_option);
  if (!text.empty()) {
    *yaml += " " + text + "\n";
    return;
  }
  *yaml += "\n";
  AppendMembers(json, indent, is_option, false, yaml);
}

// The members of a map or list; the first one may stand behind a dash already.
void AppendMembers(const ordered_json& json, int indent, bool is_option, bool is_first_placed,
                   std::string* yaml) {
  for (const auto& [key, value] : json.items()) {
    if (!is_first_placed) yaml->append(static_cast<size_t>(indent), ' ');
    is_first_placed = false;
    if (json.is_object()) {
      *yaml += Text(key, true) + ":";
      AppendValue(value, indent + 2, is_option || key == "options", yaml);
      continue;
    }
    *yaml += "-";
    const bool is_block = value.is_structured() && Inline(value, is_option).empty();
    if (is_block && value.is_object()) {
      *yaml += " ";
      AppendMembers(value, indent + 2, is_option, true, yaml);
    } else {
      AppendValue(value, indent + 2, is_option, yaml);
    }
  }
}

}  // namespace

std::string YamlText(const ordered_json& json) {
  std::string yaml;
  if (!json.is_structured() || json.empty()) return Inline(json, false) + "\n";
  AppendMembers(json, 0, false, false, &yaml);
  return yaml;
}

}  // namespace throng
