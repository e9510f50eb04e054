// Columns that a behaviour has beyond those of its role.
#pragma once

#include "absl/status/status.h"
#include "server/conformance/check.h"

namespace throng {

// They are declared well, hold what they can hold, and are the same whatever else is asked for and
// however rows are cut; those of side tables are functions of the rank.
absl::Status CheckFurther(CheckContext& context);

}  // namespace throng
