// --set PATH=VALUE: any field of a spec.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/yaml_tree.h"

namespace throng {

struct SettingStep {
  std::string name;    // of a field; empty: an element of the list before it
  int64_t index = -1;  // which one, from 0; -1: a field
};

struct Setting {
  std::string flag;  // as people know it: `--set dataset.seed`
  std::string path;  // as written
  std::vector<SettingStep> steps;
  YamlTree value;
};

// `dataset.seed=7`, `outputs[0].format.options.codec=snappy`; what follows `options.` is one key.
// The value is YAML, and without any it is empty text. Refuses with a sentence.
absl::StatusOr<Setting> ParseSetting(std::string_view text);

// Puts each `X.component` before those options of X that are given ahead of it, since another
// component drops the options of the old one. What a later setting would drop in another way is a
// mistake; returns these as sentences.
std::vector<std::string> Order(std::vector<Setting>* settings);

// The list whose element the setting changes, as it stands in `root`: the steps before the first
// index. Null: `root` has none there, or the setting names no element.
const YamlTree* FindList(const Setting& setting, const YamlTree& root);

// Puts the value where the steps lead, as a stronger layer would. Refuses, with a sentence, an
// element that is not there.
absl::Status Apply(const Setting& setting, YamlTree* root);

}  // namespace throng
