// The histogram that a spec's rating promises.
#pragma once

#include <string>
#include <vector>

#include "throng/v1/spec.pb.h"
#include "throng/v1/summary.pb.h"

namespace throng {

// The ratings of the components `latent` and `calibrated` with their shares, ascending; empty: no
// histogram is promised, or none that is known.
std::vector<v1::PromisedRating> PromisedRatings(const v1::Component& rating);

// Ratings from low to high, each as often as the others.
struct PromisedRange {
  double low = 1;
  double high = 5;
  double step = 0.5;
};
// That of the kind, of the component `ranges`.
PromisedRange PromisedRangeOf(const v1::Component& rating, const std::string& kind);

}  // namespace throng
