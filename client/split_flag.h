// --split NAME=SHARE,...: each output of --to as one output a split, a range of its rows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/yaml_tree.h"

namespace throng {

// Where the name of a split stands in --to.
inline constexpr std::string_view kSplitPlaceholder = "{split}";

// A range of rows, as shares of all of them: decimal fractions, as text.
struct Split {
  std::string name;
  std::string from;
  std::string to;
};

// "train=0.8,test=0.2" -> the ranges, one after the other. Names are snake_case and unique, shares
// are above 0 and add up to exactly 1. Refuses with a sentence.
absl::StatusOr<std::vector<Split>> ParseSplits(std::string_view text);

// The outputs of `to`, as --to has it, one a split: with the split's name in its path or topic, its
// share, and the name FORMAT-NAME or kafka-NAME. Refuses with a sentence.
absl::StatusOr<std::vector<YamlTree>> SplitOutput(std::string_view to,
                                                  const std::vector<Split>& splits);

// Whether {split} stands in the path or topic of `to`.
bool NamesSplit(std::string_view to);

}  // namespace throng
