// YAML text -> checked tree, by yaml-cpp, whose exceptions end here.
#include "server/spec/tree.h"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "proto/utf8.h"

namespace throng {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;
constexpr int kMostLevels = 64;
constexpr int kMostNodes = 100'000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// JSON writes characters beyond U+FFFF as two escapes (\ud83d\ude00), which YAML does not know:
// there it is one (\U0001f600). Any other text is left as it is.
std::string JoinSurrogates(const std::string& text) {
  if (text.find("\\u") == std::string::npos || !nlohmann::json::accept(text)) return text;
  const auto unit = [&text](size_t at) {  // of the escape at `at`; 0 if none is there
    return text.compare(at, 2, "\\u") == 0 ? std::stoul(text.substr(at + 2, 4), nullptr, 16) : 0UL;
  };
  std::string joined;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      joined += text[i];
      continue;
    }
    const unsigned long high = unit(i);
    if (high < 0xD800 || high > 0xDBFF) {
      joined.append(text, i++, 2);
      continue;
    }
    const unsigned long low = unit(i + 6);  // JSON has been accepted: it is the other half
    joined += fmt::format("\\U{:08x}", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    i += 11;
  }
  return joined;
}

int LineOf(const YAML::Mark& mark) { return mark.line + 1; }

// Where the first two documents begin. YAML::LoadAll would never end where a text begins with a
// comma: it finds an empty document there again and again.
class DocumentStarts final : public YAML::EventHandler {
 public:
  explicit DocumentStarts(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (lines_.size() < 2 && parser.HandleNextDocument(*this)) {
    }
  }
  const std::vector<int>& lines() const { return lines_; }

  void OnDocumentStart(const YAML::Mark& mark) override { lines_.push_back(LineOf(mark)); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  std::vector<int> lines_;
};

// Walks yaml-cpp's graph, in which an alias is the same node again (even within itself).
class TreeBuilder {
 public:
  // `text` is what was parsed.
  TreeBuilder(const SpecLayer& layer, std::string_view text, Problems* problems)
      : layer_(layer), text_(text), problems_(problems) {}

  // False once the bounds are exceeded: then the rest is not read.
  bool Build(const YAML::Node& from, const std::string& path, int level, SpecNode* to) {
    to->place = PlaceOf(from);
    if (level > kMostLevels) {
      return GiveUp(to->place, path, fmt::format("Nested more than {} levels deep.", kMostLevels));
    }
    if (++nodes_ > kMostNodes) {
      return GiveUp(to->place, path,
                    fmt::format("The {} has more than {} values.", layer_.what, kMostNodes));
    }
    const std::string& tag = from.Tag();
    if (!tag.empty() && tag != "?" && tag != "!") {
      Add(to->place, path, fmt::format("The tag \"{}\" means nothing here; leave it out.", tag));
    }
    switch (from.Type()) {
      case YAML::NodeType::Scalar:
        to->kind = SpecNode::Kind::kScalar;
        to->text = from.Scalar();
        if (to->text.find('\0') != std::string::npos) {
          Add(to->place, path, "Holds the character U+0000; leave it out.");
        }
        return true;
      case YAML::NodeType::Sequence:
        to->kind = SpecNode::Kind::kList;
        for (const YAML::Node& item : from) {
          const std::string item_path = fmt::format("{}[{}]", path, to->items.size());
          if (!Build(item, item_path, level + 1, &to->items.emplace_back())) return false;
        }
        return true;
      case YAML::NodeType::Map:
        return BuildMap(from, path, level, to);
      case YAML::NodeType::Null:
        if (text_.substr(std::min(static_cast<size_t>(from.Mark().pos), text_.size()))
                .starts_with("null")) {
          to->text = "null";
        }
        return true;
      case YAML::NodeType::Undefined:
        return true;
    }
    return true;
  }

 private:
  bool BuildMap(const YAML::Node& from, const std::string& path, int level, SpecNode* to) {
    to->kind = SpecNode::Kind::kMap;
    std::map<std::string, int> first_lines;
    for (const auto& member : from) {
      const SpecPlace place = PlaceOf(member.first);
      if (!member.first.IsScalar()) {
        Add(place, path, "A key is no name; write `name: value`.");
        continue;
      }
      const std::string& key = member.first.Scalar();
      const std::string member_path = JoinField(path, key);
      const auto [first, is_new] = first_lines.emplace(key, place.line);
      if (!is_new) {
        Add(place, member_path,
            fmt::format("Given twice, first in line {}; keep one.", first->second));
        continue;
      }
      SpecMember& added = to->members.emplace_back(SpecMember{key, place, {}});
      if (!Build(member.second, member_path, level + 1, &added.value)) return false;
    }
    return true;
  }

  SpecPlace PlaceOf(const YAML::Node& node) const { return {&layer_, LineOf(node.Mark())}; }

  void Add(const SpecPlace& place, const std::string& path, std::string message) {
    problems_->push_back(ProblemAt(place, path, std::move(message)));
  }

  bool GiveUp(const SpecPlace& place, const std::string& path, std::string message) {
    // A path of hundreds of levels helps nobody: name its beginning.
    constexpr size_t kLongestPath = 80;
    Add(place, path.substr(0, kLongestPath), std::move(message));
    return false;
  }

  const SpecLayer& layer_;
  std::string_view text_;
  Problems* problems_;
  int nodes_ = 0;
};

}  // namespace

Problem ProblemAt(const SpecPlace& place, std::string field, std::string message) {
  message += fmt::format(" ({}", place.layer->name);
  if (place.layer->has_lines && place.line > 0) message += fmt::format(":{}", place.line);
  message += ')';
  return {std::move(field), std::move(message)};
}

std::string JoinField(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : fmt::format("{}.{}", path, field);
}

std::optional<SpecNode> ParseSpec(const SpecLayer& layer, Problems* problems) {
  const auto refuse = [&](std::string message, int line) -> std::optional<SpecNode> {
    problems->push_back(ProblemAt({&layer, line}, "", std::move(message)));
    return std::nullopt;
  };
  if (layer.text.size() > kMostBytes) {
    return refuse(fmt::format("The {} has {} bytes; at most {} are read.", layer.what,
                              layer.text.size(), kMostBytes),
                  0);
  }
  if (const size_t bad = FindInvalidUtf8(layer.text); bad != std::string_view::npos) {
    const auto end = layer.text.begin() + static_cast<std::ptrdiff_t>(bad);
    return refuse(fmt::format("The {} is not UTF-8 text; save it as UTF-8.", layer.what),
                  static_cast<int>(std::count(layer.text.begin(), end, '\n')) + 1);
  }
  try {
    std::string text = JoinSurrogates(layer.text);
    if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
    const std::vector<int> starts = DocumentStarts(text).lines();
    if (starts.size() > 1) {
      return refuse(
          fmt::format("The {} holds several documents; keep one and leave out `---`.", layer.what),
          starts[1]);
    }
    const YAML::Node document = YAML::Load(text);
    if (document.IsNull()) return refuse("The spec is empty; give at least one output.", 0);
    SpecNode root;
    if (!TreeBuilder(layer, text, problems).Build(document, "", 0, &root)) return std::nullopt;
    if (root.kind != SpecNode::Kind::kMap) {
      return refuse(
          fmt::format("The {} is no map of fields; begin with {}.", layer.what, layer.beginning),
          root.place.line);
    }
    return root;
  } catch (const YAML::DeepRecursion&) {
    return refuse(fmt::format("Nested more than {} levels deep.", kMostLevels), 0);
  } catch (const YAML::Exception& error) {
    return refuse(fmt::format("The {} is neither YAML nor JSON: {}.", layer.what, error.msg),
                  error.mark.is_null() ? 0 : LineOf(error.mark));
  }
}

}  // namespace throng
