// Who gets which of the planned ratings: those of a kind are dealt over its rows by a permutation.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "plugins/choice/kinds.h"
#include "plugins/rating/rating_table.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

class RatingDealer {
 public:
  // counts: of the scale's ratings, for the dataset's kinds.
  RatingDealer(const Dataset& dataset, Scale scale, const RatingCounts& counts);

  // The rating of each row: that of its place in its kind's permutation.
  void Fill(const Rows& rows, std::span<int32_t> rating);

  // How many of some rows of one kind get each rating.
  using Hand = std::array<uint32_t, kMostRatings>;
  // Calls take(of_kind, hand) for each kind that has some of the rows: which they are, in order,
  // and what Fill would give them together.
  template <class Take>
  void Deal(const Rows& rows, Take take) {
    StartEpoch(rows.epoch);
    by_kind_.Sort(rows.kind);
    for (size_t kind = 0; kind < permutations_.size(); ++kind) {
      const std::span<const uint32_t> of_kind = by_kind_.Of(kind);
      if (of_kind.empty()) continue;
      FindPlaces(rows, kind);
      take(of_kind, Count(kind));
    }
  }

  const Ratings& ratings() const { return ratings_; }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(first_place_)));
  }

 private:
  void StartEpoch(int64_t epoch);
  // place_: those of the kind's rows.
  void FindPlaces(const Rows& rows, size_t kind);
  Hand Count(size_t kind) const;

  uint64_t key_;
  Ratings ratings_;
  std::vector<int64_t> kind_rows_;
  // By kind and rating: where it begins in the permutation; of ratings that the scale does not
  // have, where no place is.
  std::vector<int64_t> first_place_;
  int64_t epoch_ = -1;
  std::vector<Permutation> permutations_;  // of that epoch, by kind
  RowsByKind by_kind_;
  std::vector<int64_t> place_;
  std::vector<int32_t> rating_;
};

}  // namespace throng::plugins
