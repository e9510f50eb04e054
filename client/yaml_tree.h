// The text of a spec as a tree that settings can be put into. What a spec may say is the daemon's
// to decide: here everything is kept, also what makes no sense.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

struct YamlMember;

struct YamlTree {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;                 // scalars: as written, without quotes
  std::vector<YamlTree> items;      // of a list
  std::vector<YamlMember> members;  // of a map, in order

  static YamlTree Scalar(std::string text);
  // The member of that name, or null.
  const YamlTree* Find(std::string_view key) const;
  YamlTree* Find(std::string_view key);
  // The member of that name, added if there is none. Makes a map of what is none.
  YamlTree* Member(std::string_view key);
};

struct YamlMember {
  std::string key;
  YamlTree value;
};

// The tree of one document of YAML or JSON. Nothing, and a reason, for what is no YAML, has keys
// that are no text, or more than 100 000 values.
std::optional<YamlTree> ParseYaml(std::string_view text, std::string* reason);

// Puts `from` into `into` as a stronger layer of a spec does: maps merge, everything else replaces,
// and another `component` drops the options of the old one.
void Merge(const YamlTree& from, YamlTree* into);

// As JSON, every scalar as a string: a spec's values are read from their text.
std::string JsonText(const YamlTree& tree);

}  // namespace throng
