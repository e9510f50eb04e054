// --to FORMAT:PATH[?NAME=VALUE&...] and --to kafka://HOST:PORT/TOPIC[?NAME=VALUE&...]: an output in
// one word.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "client/yaml_tree.h"

namespace throng {

// The output as a spec has it. PATH `-` is standard output, `-` alone is `csv:-`; names that begin
// with `format.` are options of the format, all others of the sink; names and values are
// percent-encoded. Of kafka://, `format` (default json), `key` and `registry` are the format, the
// column that becomes the key, and an option of the format. Refuses with a sentence.
absl::StatusOr<YamlTree> ParseOutput(std::string_view text);

}  // namespace throng
