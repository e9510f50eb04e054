// How much they liked it: the histogram of all ratings holds, and each kind keeps near its range.
#include "plugins/rating/fitted_options.h"
#include "plugins/rating/rating_dealer.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Calibrated {
 public:
  struct Options : FittedOptions {};
  static std::vector<OptionOf<Options>> DeclareOptions() { return DeclareFittedOptions<Options>(); }
  static void Validate(const Options& options) { ValidateFitted(options); }

  Calibrated(const Options& options, const Dataset& dataset)
      : dealer_(DealFitted(options, dataset)) {}

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

THRONG_PLUGIN("calibrated", THRONG_VERSION, "Ratings with a given histogram.",
              throng::Rating<throng::plugins::Calibrated>(
                  "calibrated", "Ratings whose histogram is exact, near each kind's range."))
