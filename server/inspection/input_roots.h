// Where a daemon allows files to be read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/host/instances.h"
#include "server/spec/problem.h"

namespace throng {

// Why a source may not read what its options name, or the pieces that it opened, which a pattern
// may have found behind links: the first path outside the input roots. `field` is that of the
// source.
std::optional<Problem> OutsideInputRoots(const Component& source, const throng_value* options,
                                         const std::vector<std::string>& pieces,
                                         const Environment& environment, std::string_view field);

// The same of a path that is read: why not.
std::optional<std::string> OutsideInputRoots(const std::string& path,
                                             const std::vector<std::string>& roots);

}  // namespace throng
