#include "client/setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace throng {
namespace {

absl::Status Refuse(std::string_view text, std::string_view sentence) {
  return absl::InvalidArgumentError(fmt::format("--set {}: {}", text, sentence));
}

// One step of the path: `name`, then any number of `[3]`.
absl::Status AddSteps(std::string_view text, std::string_view part,
                      std::vector<SettingStep>* steps) {
  const size_t bracket = part.find('[');
  const std::string_view name = part.substr(0, bracket);
  if (name.empty()) {
    return Refuse(text, "a name is missing in the path; write it as dataset.world.users.");
  }
  steps->push_back({std::string(name), -1});
  std::string_view rest = bracket == std::string_view::npos ? "" : part.substr(bracket);
  while (!rest.empty()) {
    const size_t end = rest.find(']');
    int64_t index = -1;
    const std::string_view digits = end == std::string_view::npos ? "" : rest.substr(1, end - 1);
    const auto [read, error] = std::from_chars(digits.begin(), digits.end(), index);
    if (rest[0] != '[' || error != std::errc() || read != digits.end() || index < 0) {
      return Refuse(text, "an element of a list is written as outputs[0], the first being 0.");
    }
    steps->push_back({"", index});
    rest.remove_prefix(end + 1);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Setting> ParseSetting(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Refuse(text, "write PATH=VALUE, as dataset.seed=7.");
  }
  Setting setting;
  setting.path = text.substr(0, equals);
  std::string_view rest = setting.path;
  for (;;) {
    const bool is_option = !setting.steps.empty() && setting.steps.back().name == "options";
    if (is_option && !rest.empty()) {
      setting.steps.push_back({std::string(rest), -1});
      break;
    }
    const size_t dot = rest.find('.');
    if (absl::Status status = AddSteps(text, rest.substr(0, dot), &setting.steps); !status.ok()) {
      return status;
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  std::string reason;
  // As it would stand in a file, after `name: `.
  const auto value = ParseYaml(fmt::format("value: {}", text.substr(equals + 1)), &reason);
  if (!value || value->members.size() != 1) {
    return Refuse(text, fmt::format("the value is no YAML{}; put text with special characters "
                                    "into double quotes.",
                                    reason.empty() ? "" : ": " + reason));
  }
  setting.value = value->members[0].value;
  return setting;
}

const YamlTree* FindList(const Setting& setting, const YamlTree& root) {
  const YamlTree* tree = &root;
  for (const SettingStep& step : setting.steps) {
    if (step.index >= 0) return tree->kind == YamlTree::Kind::kList ? tree : nullptr;
    tree = tree->Find(step.name);
    if (tree == nullptr) return nullptr;
  }
  return nullptr;
}

absl::Status Apply(const Setting& setting, YamlTree* root) {
  const SettingStep& last = setting.steps.back();
  const size_t parents = setting.steps.size() - (last.index < 0 ? 1 : 0);
  YamlTree* tree = root;
  std::string path;
  for (size_t i = 0; i < parents; ++i) {
    const SettingStep& step = setting.steps[i];
    if (step.index < 0) {
      path += (path.empty() ? "" : ".") + step.name;
      tree = tree->Member(step.name);
      continue;
    }
    const size_t size = tree->items.size();
    if (static_cast<size_t>(step.index) >= size) {
      return absl::InvalidArgumentError(
          fmt::format("--set {}: {} has {} element{}; the first is {}[0].", setting.path, path,
                      size, size == 1 ? "" : "s", path));
    }
    path += fmt::format("[{}]", step.index);
    tree = &tree->items[static_cast<size_t>(step.index)];
  }
  if (last.index >= 0) {
    Merge(setting.value, tree);
    return absl::OkStatus();
  }
  // As a map of one member, so that another component drops the options of the old one.
  YamlTree change;
  *change.Member(last.name) = setting.value;
  Merge(change, tree);
  return absl::OkStatus();
}

}  // namespace throng
