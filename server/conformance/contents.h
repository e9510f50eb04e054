// What the place of a sink holds, against what walks wrote to it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/conformance/check.h"

namespace throng {

// Why nobody can look into the sink's place, as a sentence; empty: they can. Ask after a walk.
std::string WhyContentsAreUnknown(const CheckContext& context);

// That the place holds a whole walk, all of it once, as far as anybody can look; `when` says what
// came before, as "after kills".
absl::Status CheckContents(const CheckContext& context, std::string_view when);

}  // namespace throng
