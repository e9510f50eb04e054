// --to FORMAT:PATH[?NAME=VALUE&...]: an output in one word.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "client/yaml_tree.h"

namespace throng {

// The output as a spec has it. PATH `-` is standard output, `-` alone is `csv:-`; names that begin
// with `format.` are options of the format, all others of the sink; names and values are
// percent-encoded. Refuses with a sentence.
absl::StatusOr<YamlTree> ParseOutput(std::string_view text);

}  // namespace throng
