// The histogram that a spec's rating promises.
#pragma once

#include <vector>

#include "throng/v1/spec.pb.h"
#include "throng/v1/summary.pb.h"

namespace throng {

// The ratings of the components `latent` and `calibrated` with their shares, ascending; empty: no
// histogram is promised, or none that is known.
std::vector<v1::PromisedRating> PromisedRatings(const v1::Component& rating);

}  // namespace throng
