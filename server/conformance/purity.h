// Whether behaviours are pure where few look: in far rows of a large plan, and with options that
// are not the usual ones.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/conformance/check.h"

namespace throng {

absl::Status CheckFarRows(CheckContext& context);
// What it fills there, as lines of a digest; nothing where it refuses so large a plan.
absl::StatusOr<std::string> FarDigest(const CheckContext& context);

absl::Status CheckPurityOfOptions(CheckContext& context);

}  // namespace throng
