// How much they liked it: evenly within the range of the reason they chose it for.
#include "plugins/rating/rating_table.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Ranges : public RatingDealer {
 public:
  struct Options {
    std::string ranges = kDefaultRanges;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::ranges>("ranges",
                                     "Stars of each kind, as kind=low-high; 1-5 for the others.")};
  }
  static void Validate(const Options& options) { ParseRanges(options.ranges, {}); }

  Ranges(const Options& options, const Dataset& dataset)
      : RatingDealer(dataset,
                     EvenRatings(dataset.kinds, ParseRanges(options.ranges, dataset.kinds)),
                     options.ranges) {}
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("ranges", THRONG_VERSION, "Ratings within ranges.",
              throng::Rating<throng::plugins::Ranges>(
                  "ranges", "Half stars evenly within each kind's range; the histogram follows."))
