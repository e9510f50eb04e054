// What `calibrated` and `latent` are asked for alike: a histogram that holds, and ranges of kinds
// that hold as far as it lets them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugins/rating/rating_dealer.h"
#include "plugins/rating/rating_table.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

struct FittedOptions {
  std::string histogram = "seed";
  std::optional<Scale> scale;
  std::string ranges = kDefaultRanges;
  double leak = 0.02;
  double decay = 0.7;
  double blend = 0;
};

// For a component whose options derive from FittedOptions.
template <class Options>
std::vector<OptionOf<Options>> DeclareFittedOptions() {
  return {
      Option<&FittedOptions::histogram, Options>(
          "histogram",
          "Shares of the ratings from the least on, nine of half stars, five of whole stars or "
          "two of 0 and 1, or one of seed, movielens, jshape, binary."),
      Option<&FittedOptions::scale, Options>(
          "scale",
          "Which ratings there are: 1.0, 1.5 to 5.0, or 1 to 5, or 0 (not liked) and 1 (liked); "
          "unless given, as many as the histogram has shares.")
          .Choices(ScaleNames()),
      Option<&FittedOptions::ranges, Options>("ranges", kRangesDoc),
      Option<&FittedOptions::leak, Options>(
          "leak",
          "How readily a rating leaves its range by one step of the scale, against one within "
          "a range of one rating; where the fit begins.")
          .Range(1e-4, 1),
      Option<&FittedOptions::decay, Options>("decay",
                                             "How much less readily for each further step.")
          .Range(0.01, 1),
      Option<&FittedOptions::blend, Options>(
          "blend", "0 holds the histogram, 1 the ranges; between, a mixture.")
          .Range(0, 1)};
}

// Throws on what is wrong in any dataset.
inline void ValidateFitted(const FittedOptions& options) {
  ParseRanges(options.ranges, ParseHistogram(options.histogram, options.scale).scale, {});
}

inline RatingDealer DealFitted(const FittedOptions& options, const Dataset& dataset) {
  const Histogram histogram = ParseHistogram(options.histogram, options.scale);
  WarnOfUnknownKinds(options.ranges, histogram.scale, dataset.kinds, dataset.host);
  const auto ranges = ParseRanges(options.ranges, histogram.scale, dataset.kinds);
  return {
      dataset, histogram.scale,
      FittedRatings(dataset.kinds, ranges, histogram, options.leak, options.decay, options.blend)};
}

}  // namespace throng::plugins
