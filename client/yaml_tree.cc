// YAML text -> tree, by yaml-cpp, whose exceptions end here.
#include "client/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace throng {
namespace {

constexpr int kMostValues = 100'000;
constexpr int kMostLevels = 64;

// Copies yaml-cpp's graph, in which an alias is the same node again. False, and a reason, for what
// is too large or no spec.
bool Copy(const YAML::Node& from, int level, int* values, YamlTree* to, std::string* reason) {
  if (++*values > kMostValues || level > kMostLevels) {
    *reason = "it is too large";
    return false;
  }
  switch (from.Type()) {
    case YAML::NodeType::Scalar:
      *to = YamlTree::Scalar(from.Scalar());
      return true;
    case YAML::NodeType::Sequence:
      to->kind = YamlTree::Kind::kList;
      for (const YAML::Node& item : from) {
        if (!Copy(item, level + 1, values, &to->items.emplace_back(), reason)) return false;
      }
      return true;
    case YAML::NodeType::Map:
      to->kind = YamlTree::Kind::kMap;
      for (const auto& member : from) {
        if (!member.first.IsScalar()) {
          *reason = "a key is no name";
          return false;
        }
        YamlMember& added = to->members.emplace_back(YamlMember{member.first.Scalar(), {}});
        if (!Copy(member.second, level + 1, values, &added.value, reason)) return false;
      }
      return true;
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      break;
  }
  return true;
}

void AppendString(std::string_view text, std::string* json) {
  *json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *json += '\\';
      *json += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(*json), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      *json += c;
    }
  }
  *json += '"';
}

void Append(const YamlTree& tree, std::string* json) {
  const char* separator = "";
  switch (tree.kind) {
    case YamlTree::Kind::kNull:
      *json += "null";
      return;
    case YamlTree::Kind::kScalar:
      AppendString(tree.text, json);
      return;
    case YamlTree::Kind::kList:
      *json += '[';
      for (const YamlTree& item : tree.items) {
        *json += std::exchange(separator, ", ");
        Append(item, json);
      }
      *json += ']';
      return;
    case YamlTree::Kind::kMap:
      *json += '{';
      for (const YamlMember& member : tree.members) {
        *json += std::exchange(separator, ", ");
        AppendString(member.key, json);
        *json += ": ";
        Append(member.value, json);
      }
      *json += '}';
      return;
  }
}

}  // namespace

YamlTree YamlTree::Scalar(std::string text) {
  YamlTree tree;
  tree.kind = Kind::kScalar;
  tree.text = std::move(text);
  return tree;
}

YamlTree* YamlTree::Find(std::string_view key) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const YamlMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

const YamlTree* YamlTree::Find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const YamlMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

YamlTree* YamlTree::Member(std::string_view key) {
  if (kind != Kind::kMap) {
    *this = {};
    kind = Kind::kMap;
  }
  if (YamlTree* found = Find(key)) return found;
  return &members.emplace_back(YamlMember{std::string(key), {}}).value;
}

std::optional<YamlTree> ParseYaml(std::string_view text, std::string* reason) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      *reason = "it holds several documents";
      return std::nullopt;
    }
    YamlTree tree;
    int values = 0;
    if (!documents.empty() && !Copy(documents[0], 0, &values, &tree, reason)) return std::nullopt;
    return tree;
  } catch (const YAML::Exception& error) {
    *reason = error.msg;
    return std::nullopt;
  }
}

void Merge(const YamlTree& from, YamlTree* into) {
  if (from.kind != YamlTree::Kind::kMap || into->kind != YamlTree::Kind::kMap) {
    *into = from;
    return;
  }
  const YamlTree* component = from.Find("component");
  const YamlTree* old = into->Find("component");
  const bool is_another = component != nullptr && old != nullptr && component->text != old->text;
  if (is_another && into->Find("options") != nullptr) *into->Member("options") = {};
  for (const YamlMember& member : from.members) Merge(member.value, into->Member(member.key));
}

std::string JsonText(const YamlTree& tree) {
  std::string json;
  Append(tree, &json);
  return json;
}

}  // namespace throng
