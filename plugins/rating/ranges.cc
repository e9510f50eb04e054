// How much they liked it: evenly within the range of the reason they chose it for.
#include "plugins/rating/rating_table.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Ranges {
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
      : dealer_(dataset.kinds,
                EvenRatings(dataset.kinds, ParseRanges(options.ranges, dataset.kinds)),
                dataset.key) {
    WarnOfUnknownKinds(options.ranges, dataset.kinds, dataset.host);
  }

  void Fill(const Rows& rows, std::span<int32_t> rating) { dealer_.Fill(rows, rating); }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(dealer_.table()));
  }

 private:
  RatingDealer dealer_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("ranges", THRONG_VERSION, "Ratings within ranges.",
              throng::Rating<throng::plugins::Ranges>(
                  "ranges", "Half stars evenly within each kind's range; the histogram follows."))
