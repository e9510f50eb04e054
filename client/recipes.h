// --to RECIPE:PATH: named sets of outputs and options, each as a reader of other people's wants its
// data.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/yaml_tree.h"

namespace throng {

// Whether `text` of --to names a recipe whose reader takes integer ids only.
bool WantsIntegerIds(std::string_view text);

// The outputs that `text` of --to means: those of a recipe, else the one of ParseOutput. Options
// that are given are stronger than the recipe's. Refuses with a sentence.
absl::StatusOr<std::vector<YamlTree>> ParseOutputs(std::string_view text);

}  // namespace throng
