// Counts as people type them.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace throng {

// "50k", "1.5M", "2G", "1e6", "50_000", "50,000", "50 000" and "50000" -> the digits of the number.
// Refuses with a sentence what is no whole number, and what may be read as more than one: "50.000",
// "1,5k".
absl::StatusOr<std::string> ParseCount(std::string_view text);

}  // namespace throng
