// The text of a spec (YAML, of which JSON is a part) as a tree that remembers places and source
// text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/spec/problem.h"

namespace throng {

// A source of settings: a file, a preset, the flags of a command.
struct SpecLayer {
  std::string name;           // for messages: "my.yaml", "--users"
  std::string text;           // YAML or JSON
  bool has_lines = true;      // whether a line number of `text` means anything to the user
  std::string what = "spec";  // what the text is, for messages, and how it may begin:
  std::string beginning = "`dataset:` or `outputs:`";
};

// Where something was given.
struct SpecPlace {
  const SpecLayer* layer = nullptr;  // outlives what was read from it
  int line = 0;                      // from 1; 0: the layer as a whole
};

// A mistake that somebody made there: the message ends with ` (my.yaml:7)`.
Problem ProblemAt(const SpecPlace& place, std::string field, std::string message);

struct SpecMember;

struct SpecNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  SpecPlace place;
  std::string text;  // scalars: as written, without quotes; null: "null" where it is written so
  std::vector<SpecNode> items;
  std::vector<SpecMember> members;  // in order, no key twice
};

struct SpecMember {
  std::string key;
  SpecPlace place;  // of the key
  SpecNode value;
};

// The tree of a layer. Refuses, as problems: what is no YAML or no UTF-8, an empty text, several
// documents, more than 1 MiB of text, 64 levels or 100 000 nodes (aliases counted as often as they
// are used), a key that stands twice, keys that are no text, and tags. Nothing if it is unusable.
std::optional<SpecNode> ParseSpec(const SpecLayer& layer, Problems* problems);

// `field` within `path`: "a.b", or "b" when the path is empty.
std::string JoinField(const std::string& path, std::string_view field);

}  // namespace throng
