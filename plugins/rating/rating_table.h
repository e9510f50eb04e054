// How many interactions of each kind get each rating, and who gets which: what `calibrated` and
// `ranges` share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plugins/choice/kinds.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Half stars from 1.0 to 5.0, by index 0 to 8; as in the rating column, in hundredths of a star.
inline constexpr size_t kRatings = 9;
constexpr int32_t RatingAt(size_t index) { return 100 + 50 * static_cast<int32_t>(index); }

inline constexpr const char* kDefaultRanges = "preferred=4-5,popular=3-5,random=1-5";

// Both inclusive, as indices.
struct RatingRange {
  size_t low = 0;
  size_t high = kRatings - 1;
};

// The range of each kind, from text as kDefaultRanges; 1-5 for kinds that it does not name. Throws
// on text that is not understood.
std::vector<RatingRange> ParseRanges(const std::string& text, std::span<const Kind> kinds);

// Shares of the nine ratings, from 1.0 to 5.0, that sum to 1: nine numbers, or a name: `seed`,
// `movielens` (MovieLens 20M, its few 0.5 counted as 1.0) or `jshape` (as in shops: most are 5,
// few in the middle).
using Histogram = std::array<double, kRatings>;
Histogram ParseHistogram(const std::string& text);

// Rows by kind and rating: as a matrix, a row of kRatings for each kind.
using RatingCounts = std::vector<int64_t>;

// Each kind evenly over its range, to one row.
RatingCounts EvenRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges);

// Kinds and histogram both hold, to one row (blend 0): iterative proportional fitting, from 1 /
// (size of the range) within a range and `leak` * `decay`^(d-1) at d half stars outside it. `blend`
// mixes it with EvenRatings; the histogram then is their mixture.
RatingCounts FittedRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                           const Histogram& histogram, double leak, double decay, double blend);

// A rating that gives planned ratings to the rows: by the place of a row in a permutation of its
// kind's rows.
class RatingDealer {
 public:
  void Fill(const Rows& rows, std::span<int32_t> rating);
  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(first_place_)));
  }

 protected:
  // Warns of names in `ranges`, the text, that are no kind, unless it is the default.
  RatingDealer(const Dataset& dataset, const RatingCounts& counts, const std::string& ranges);

 private:
  uint64_t key_;
  std::vector<int64_t> kind_rows_;
  std::vector<int64_t> first_place_;  // by kind and rating: where it begins in the permutation
  int64_t epoch_ = -1;
  std::vector<Permutation> permutations_;  // of that epoch, by kind
  RowsByKind by_kind_;
  std::vector<int64_t> place_;
  std::vector<int32_t> rating_;
};

}  // namespace throng::plugins
