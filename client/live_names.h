// Names of what a daemon has, for completion.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace throng {

// Of RUN, PLUGIN, PRESET (behaviour), ANY_PRESET, SIZE or CONTEXT; none of any other kind, nor if
// the daemon does not answer at once.
std::vector<std::string> LiveNames(const std::string& kind,
                                   const std::optional<std::string>& address);

}  // namespace throng
