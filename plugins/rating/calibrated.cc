// How much they liked it: the histogram of all ratings holds, and each kind keeps near its range.
#include "plugins/rating/rating_table.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Calibrated : public RatingDealer {
 public:
  struct Options {
    std::string histogram = "seed";
    std::string ranges = kDefaultRanges;
    double leak = 0.02;
    double decay = 0.7;
    double blend = 0;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {
        Option<&Options::histogram>(
            "histogram",
            "Shares of the ratings 1.0, 1.5 to 5.0, nine of them, or one of "
            "seed, movielens, jshape."),
        Option<&Options::ranges>(
            "ranges", "Stars that each kind should have, as kind=low-high; 1-5 for the others."),
        Option<&Options::leak>("leak",
                               "How readily a rating leaves its range by half a star, against one "
                               "within a range of one rating; where the fit begins.")
            .Range(1e-4, 1),
        Option<&Options::decay>("decay", "How much less readily for each further half star.")
            .Range(0.01, 1),
        Option<&Options::blend>("blend", "0 holds the histogram, 1 the ranges; between, a mixture.")
            .Range(0, 1)};
  }
  static void Validate(const Options& options) {
    ParseHistogram(options.histogram);
    ParseRanges(options.ranges, {});
  }

  Calibrated(const Options& options, const Dataset& dataset)
      : RatingDealer(dataset,
                     FittedRatings(dataset.kinds, ParseRanges(options.ranges, dataset.kinds),
                                   ParseHistogram(options.histogram), options.leak, options.decay,
                                   options.blend),
                     options.ranges) {}
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("calibrated", THRONG_VERSION, "Ratings with a given histogram.",
              throng::Rating<throng::plugins::Calibrated>(
                  "calibrated", "Half stars whose histogram is exact, near each kind's range."))
