// Reads the spec of a run from YAML or JSON, strictly, all mistakes at once.
#pragma once

#include <optional>
#include <span>

#include "server/spec/problem.h"
#include "server/spec/tree.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// The resolved spec of `layers`, weakest first (file, then flags), on top of the size and the
// preset that they name: maps merge, lists replace, another `component` drops the options of the
// weaker one; null leaves a field to the weaker layers, except `dataset.interactions: null`, which
// means without end. Defaults are filled in and the rules of rules.h are checked.
//
// Each mistake is in `problems`, with the path of its field and, where known, its place in the
// layers; the spec is then as far as it could be read, for what else there is to check. Nothing if
// a layer is no readable text.
// `needs_outputs`: whether a spec without outputs is a mistake.
std::optional<v1::RunSpec> ReadSpec(std::span<const SpecLayer> layers, Problems* problems,
                                    bool needs_outputs = true);

}  // namespace throng
