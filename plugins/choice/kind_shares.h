// The three reasons for a choice, and in which shares they come: what `clustered` and `taste` have
// in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "throng/random.hpp"
#include "throng/rounding.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

inline constexpr size_t kPreferred = 0;
inline constexpr size_t kPopular = 1;
inline constexpr size_t kRandom = 2;
inline constexpr size_t kKinds = 3;
inline constexpr const char* kKindNames[] = {"preferred", "popular", "random"};

// Options, from which a choice's own derive.
struct KindShares {
  double preferred = 0.6;
  double popular = 0.3;
  double random = 0.1;
};

template <class Options>
std::vector<OptionOf<Options>> DeclareKindShares() {
  return {
      Option<&KindShares::preferred, Options>(
          "preferred",
          "Share of choices from the tail of the category that the user's cluster prefers.")
          .Range(0, 1),
      Option<&KindShares::popular, Options>("popular", "Share of choices among the popular items.")
          .Range(0, 1),
      Option<&KindShares::random, Options>("random", "Share of choices evenly from the whole tail.")
          .Range(0, 1)};
}

// The shares as whole numbers, by kind; their sum is how many rows it takes to have all in
// proportion.
inline std::vector<int64_t> KindWeights(const KindShares& options) {
  const double shares[] = {options.preferred, options.popular, options.random};
  const double sum = shares[0] + shares[1] + shares[2];
  if (std::abs(sum - 1) > 1e-6) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "preferred, popular and random sum to " +
                    detail::NumberText(std::round(sum * 1e9) / 1e9) + "; they must sum to 1.",
                "preferred");
  }
  std::vector<int64_t> weights = IntegerWeights(shares);
  if (std::accumulate(weights.begin(), weights.end(), int64_t{0}) > 10'000) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "preferred, popular and random need more decimals than rows can be spread by; "
                "give them with at most four.",
                "preferred");
  }
  return weights;
}

// Random choices go round the whole tail, and popular ones, by their curve, come by every popular
// item, if there are enough of them.
inline void WarnIfUntouched(const Host& host, const World& world, const std::vector<Kind>& kinds,
                            const Curve& popular_curve) {
  const auto tail_items = static_cast<double>(world->touched_items - world->popular_items);
  const double popular =
      1.01 * static_cast<double>(world->popular_items) * popular_curve.MaxSlope();
  // How many times the epoch's rows it takes.
  const double times =
      std::max(popular / static_cast<double>(kinds[kPopular].rows),  // infinite without any
               tail_items / static_cast<double>(kinds[kRandom].rows));
  if (times <= 1) return;
  double rows = 0;
  for (const Kind& kind : kinds) rows += static_cast<double>(kind.rows);
  constexpr double kMostRows = 1e11;
  host.Warn("Some of the " + std::to_string(world->touched_items) +
            " items that may be chosen need not appear: " +
            (times * rows <= kMostRows
                 ? "for each to be there it takes " + detail::NumberText(std::ceil(times * rows)) +
                       " interactions."
                 : "for each to be there it takes more popular and random choices."));
}

}  // namespace throng::plugins
