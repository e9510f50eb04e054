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

// The value, as it would stand in a file after `name: `; but nothing at all is empty text.
absl::StatusOr<YamlTree> ParseValue(std::string_view text, std::string_view value) {
  const size_t first = value.find_first_not_of(' ');
  if (first == std::string_view::npos) return YamlTree::Scalar("");
  const std::string remedy = "put text with special characters into double quotes.";
  std::string reason;
  auto tree = ParseYaml(fmt::format("value: {}", value), &reason);
  if (!tree || tree->members.size() != 1) {
    return Refuse(text, fmt::format("the value is no YAML{}; {}",
                                    reason.empty() ? "" : ": " + reason, remedy));
  }
  const bool is_quoted = value[first] == '"' || value[first] == '\'';
  if (value[first] == '#' || (!is_quoted && value.find(" #") != std::string_view::npos)) {
    return Refuse(text, "what follows # is a comment in YAML; " + remedy);
  }
  return std::move(tree->members[0].value);
}

bool IsSame(const SettingStep& one, const SettingStep& other) {
  return one.name == other.name && one.index == other.index;
}

// Whether `path` begins with the first `size` steps of `begin`.
bool BeginsWith(const std::vector<SettingStep>& path, const std::vector<SettingStep>& begin,
                size_t size) {
  return size <= path.size() &&
         std::equal(begin.begin(), begin.begin() + static_cast<int64_t>(size), path.begin(),
                    IsSame);
}

// Whether `later`, which holds what `earlier` is a part of, leaves nothing of it.
bool Drops(const Setting& later, const Setting& earlier) {
  const size_t size = later.steps.size();
  if (size >= earlier.steps.size() || !BeginsWith(earlier.steps, later.steps, size)) return false;
  const YamlTree* value = &later.value;
  for (size_t i = size; i < earlier.steps.size(); ++i) {
    if (value == nullptr || value->kind == YamlTree::Kind::kNull) return false;
    if (value->kind != YamlTree::Kind::kMap) return true;
    if (earlier.steps[i].name == "options" && value->Find("component") != nullptr) return true;
    value = value->Find(earlier.steps[i].name);
  }
  return false;
}

// Where `(*settings)[at]`, which names the component of X, has to stand: before the first option of
// X that nothing between the two replaces.
size_t PlaceOfComponent(const std::vector<Setting>& settings, size_t at) {
  const std::vector<SettingStep>& steps = settings[at].steps;
  const size_t parents = steps.size() - 1;
  size_t place = at;
  for (size_t i = at; i-- > 0;) {
    const std::vector<SettingStep>& before = settings[i].steps;
    if (BeginsWith(steps, before, before.size())) break;
    const bool is_option = before.size() > parents && BeginsWith(before, steps, parents) &&
                           before[parents].name == "options";
    if (is_option) place = i;
  }
  return place;
}

}  // namespace

absl::StatusOr<Setting> ParseSetting(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return Refuse(text, "write PATH=VALUE, as dataset.seed=7.");
  }
  Setting setting;
  setting.path = text.substr(0, equals);
  setting.flag = "--set " + setting.path;
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
  auto value = ParseValue(text, text.substr(equals + 1));
  if (!value.ok()) return value.status();
  setting.value = *std::move(value);
  return setting;
}

std::vector<std::string> Order(std::vector<Setting>* settings) {
  std::vector<std::string> mistakes;
  for (size_t at = 0; at < settings->size(); ++at) {
    const Setting& setting = (*settings)[at];
    for (size_t i = 0; i < at; ++i) {
      if (!Drops(setting, (*settings)[i])) continue;
      mistakes.push_back(
          fmt::format("{}: {}, which is given later, drops it; give it after that, "
                      "or as a part of it.",
                      (*settings)[i].flag, setting.flag));
    }
    if (setting.steps.size() < 2 || setting.steps.back().name != "component") continue;
    const auto place = settings->begin() + static_cast<int64_t>(PlaceOfComponent(*settings, at));
    const auto end = settings->begin() + static_cast<int64_t>(at);
    std::rotate(place, end, end + 1);
  }
  return mistakes;
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
