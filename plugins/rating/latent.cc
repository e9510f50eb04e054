// How much they liked it: the table of `calibrated`, dealt so that who likes more rates higher.
//
// A block's rows of one kind have the ratings that `calibrated` would give them, so that kinds and
// histogram hold as they do there. Among themselves they get them in order of liking (liking.h).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "plugins/rating/fitted_options.h"
#include "plugins/rating/liking.h"
#include "plugins/rating/rating_dealer.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr uint32_t kBlockRows = 4096;

// z is cut to [-4, 4), in 1024 parts.
constexpr int32_t kBuckets = 1024;
THRONG_SIMD void FindBuckets(const int32_t* z, uint16_t* bucket, size_t n) {
  constexpr int kShift = Liking::kUnitBits - 7;
  for (size_t i = 0; i < n; ++i) {
    bucket[i] = static_cast<uint16_t>(std::clamp((z[i] >> kShift) + kBuckets / 2, 0, kBuckets - 1));
  }
}

class Latent {
 public:
  struct Options : FittedOptions, LikingShares {};
  static std::vector<OptionOf<Options>> DeclareOptions() {
    std::vector<OptionOf<Options>> options = DeclareFittedOptions<Options>();
    options.insert(
        options.end(),
        {Share<&LikingShares::user>(
             "user", "Share of the variance of liking that is the user's: generous or grumpy."),
         Share<&LikingShares::item>("item", "Share that is the item's: good or bad."),
         Share<&LikingShares::taste>("taste",
                                     "Share that is how well the item suits the user's taste."),
         Share<&LikingShares::pair>("pair",
                                    "Share of user and item together that neither of them tells."),
         Share<&LikingShares::session>("session", "Share that is the session's mood."),
         Share<&LikingShares::row>("row", "Share that is chance.")});
    return options;
  }
  static void Validate(const Options& options) {
    ValidateFitted(options);
    const double sum =
        options.user + options.item + options.taste + options.pair + options.session + options.row;
    if (std::abs(sum - 1) <= 1e-6) return;
    throw Error(THRONG_INVALID_ARGUMENT,
                "user, item, taste, pair, session and row sum to " +
                    detail::NumberText(std::round(sum * 1e9) / 1e9) + "; they must sum to 1.",
                "user");
  }

  Latent(const Options& options, const Dataset& dataset)
      : dealer_(DealFitted(options, dataset)), liking_(options, dataset) {}

  static uint32_t BlockRows() { return kBlockRows; }

  void Fill(const Rows& rows, std::span<int32_t> rating) {
    z_.resize(rows.size);
    bucket_.resize(rows.size);
    liking_.Fill(rows, z_);
    FindBuckets(z_.data(), bucket_.data(), rows.size);
    dealer_.Deal(rows, [&](std::span<const uint32_t> of_kind, const RatingDealer::Hand& hand) {
      HandOut(of_kind, hand, rating);
    });
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    dealer_.Tables(visit);
    liking_.Tables(visit);
  }

 private:
  template <auto Member>
  static OptionOf<Options> Share(const char* name, const char* doc) {
    return Option<Member, Options>(name, doc).Range(0, 1);
  }

  // Gives the ratings of a hand to its rows by rank of bucket, of equal ones to the first row
  // first.
  void HandOut(std::span<const uint32_t> of_kind, const RatingDealer::Hand& hand,
               std::span<int32_t> rating) {
    sorted_.clear();
    for (size_t r = 0; r < hand.size(); ++r) {
      sorted_.insert(sorted_.end(), hand[r], dealer_.ratings().At(r));
    }
    rank_.fill(0);
    for (const uint32_t row : of_kind) ++rank_[bucket_[row]];
    std::exclusive_scan(rank_.begin(), rank_.end(), rank_.begin(), uint32_t{0});
    for (const uint32_t row : of_kind) rating[row] = sorted_[rank_[bucket_[row]]++];
  }

  RatingDealer dealer_;
  Liking liking_;
  // Scratch, by row.
  std::vector<int32_t> z_;
  std::vector<uint16_t> bucket_;
  std::vector<int32_t> sorted_;            // a hand, the least rating first
  std::array<uint32_t, kBuckets> rank_{};  // by bucket: of its next row
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("latent", THRONG_VERSION, "Ratings that can be learned.",
              throng::Rating<throng::plugins::Latent>(
                  "latent",
                  "Ratings whose histogram is exact, by user, item, taste, mood and chance."))
