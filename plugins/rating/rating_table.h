// How many interactions of each kind get each rating.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plugins/rating/rating_scale.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Rows by kind and rating: as a matrix, a row for each kind with a column for each of the scale's
// ratings.
using RatingCounts = std::vector<int64_t>;

// Each kind evenly over its range, to one row.
RatingCounts EvenRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                         Scale scale);

// Kinds and histogram both hold, to one row (blend 0): iterative proportional fitting, from 1 /
// (size of the range) within a range and `leak` * `decay`^(d-1) at d ratings outside it. `blend`
// mixes it with EvenRatings; the histogram then is their mixture. Throws if a range cannot hold its
// kind and too few may leave it.
RatingCounts FittedRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                           const Histogram& histogram, double leak, double decay, double blend);

}  // namespace throng::plugins
