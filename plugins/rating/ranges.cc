// How much they liked it: evenly within the range of the reason they chose it for.
#include "plugins/rating/rating_dealer.h"
#include "plugins/rating/rating_table.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Ranges {
 public:
  struct Options {
    std::string ranges = kDefaultRanges;
    Scale scale = Scale::kHalfStars;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::ranges>("ranges", kRangesDoc),
            Option<&Options::scale>("scale", kScaleDoc).Choices(ScaleNames())};
  }
  static void Validate(const Options& options) { ParseRanges(options.ranges, options.scale, {}); }

  Ranges(const Options& options, const Dataset& dataset)
      : dealer_(
            dataset, options.scale,
            EvenRatings(dataset.kinds, ParseRanges(options.ranges, options.scale, dataset.kinds),
                        options.scale)) {
    WarnOfUnknownKinds(options.ranges, options.scale, dataset.kinds, dataset.host);
  }

  void Fill(const Rows& rows, std::span<int32_t> rating) { dealer_.Fill(rows, rating); }
  template <class Visit>
  void Tables(Visit&& visit) const {
    dealer_.Tables(visit);
  }

 private:
  RatingDealer dealer_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("ranges", THRONG_VERSION, "Ratings within ranges.",
              throng::Rating<throng::plugins::Ranges>(
                  "ranges", "Ratings evenly within each kind's range; the histogram follows."))
