// The promises of a spec, as far as what was counted can tell.
#pragma once

#include <vector>

#include "server/inspection/checklist.h"
#include "server/inspection/checks.h"
#include "throng/v1/summary.pb.h"

namespace throng {

// Adds a check for each promise, or one that says why there is none.
void CheckPromises(const Evidence& evidence, Checks* checks);

// The histogram that a rating promises, from 1.0 to 5.0; none: none that is known.
std::vector<v1::PromisedRating> PromisedRatings(const v1::Component& rating);

}  // namespace throng
