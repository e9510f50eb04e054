// What a choice or a rating says of pairs of user and item.
#pragma once

#include "absl/status/status.h"
#include "server/conformance/check.h"

namespace throng {

// Scores can be probabilities, shares and stars; those of all items add up to 1; and they are the
// same from any instance that has learnt the same rows.
absl::Status CheckTruth(CheckContext& context);

}  // namespace throng
