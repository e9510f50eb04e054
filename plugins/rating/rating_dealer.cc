#include "plugins/rating/rating_dealer.h"

#include <limits>

namespace throng::plugins {
namespace {

// The rating whose places hold place[i]: as many steps up as there are ratings that begin at or
// before it.
THRONG_SIMD void RatePlaces(const int64_t* first_place, int32_t first, int32_t step,
                            const int64_t* place, int32_t* rating, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    int64_t steps = 0;
    for (size_t r = 1; r < kMostRatings; ++r) steps += place[i] >= first_place[r] ? 1 : 0;
    rating[i] = first + step * static_cast<int32_t>(steps);
  }
}

// How many places are at or behind `first`.
THRONG_SIMD int64_t CountFrom(int64_t first, const int64_t* place, size_t n) {
  int64_t count = 0;
  for (size_t i = 0; i < n; ++i) count += place[i] >= first ? 1 : 0;
  return count;
}

}  // namespace

RatingDealer::RatingDealer(const Dataset& dataset, Scale scale, const RatingCounts& counts)
    : key_(dataset.key),
      ratings_(RatingsOf(scale)),
      permutations_(dataset.kinds.size()),
      by_kind_(dataset.kinds.size()) {
  for (size_t kind = 0; kind < dataset.kinds.size(); ++kind) {
    kind_rows_.push_back(dataset.kinds[kind].rows);
    int64_t place = 0;
    for (size_t rating = 0; rating < kMostRatings; ++rating) {
      const bool is_there = rating < ratings_.count;
      first_place_.push_back(is_there ? place : std::numeric_limits<int64_t>::max());
      if (is_there) place += counts[kind * ratings_.count + rating];
    }
  }
}

void RatingDealer::Fill(const Rows& rows, std::span<int32_t> rating) {
  StartEpoch(rows.epoch);
  by_kind_.Sort(rows.kind);
  for (size_t kind = 0; kind < permutations_.size(); ++kind) {
    const std::span<const uint32_t> of_kind = by_kind_.Of(kind);
    FindPlaces(rows, kind);
    rating_.resize(of_kind.size());
    RatePlaces(&first_place_[kind * kMostRatings], ratings_.first, ratings_.step, place_.data(),
               rating_.data(), of_kind.size());
    for (size_t j = 0; j < of_kind.size(); ++j) rating[of_kind[j]] = rating_[j];
  }
}

void RatingDealer::StartEpoch(int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  const uint64_t epoch_key = Hash(key_, static_cast<uint64_t>(epoch));
  for (size_t kind = 0; kind < permutations_.size(); ++kind) {
    permutations_[kind] =
        Permutation(static_cast<uint64_t>(kind_rows_[kind]), Hash(epoch_key, kind));
  }
}

void RatingDealer::FindPlaces(const Rows& rows, size_t kind) {
  const std::span<const uint32_t> of_kind = by_kind_.Of(kind);
  place_.resize(of_kind.size());
  for (size_t j = 0; j < of_kind.size(); ++j) place_[j] = rows.kind_row[of_kind[j]];
  permutations_[kind].Map(place_, place_);
}

RatingDealer::Hand RatingDealer::Count(size_t kind) const {
  Hand hand{};
  auto behind = static_cast<uint32_t>(place_.size());
  for (size_t rating = 0; rating + 1 < ratings_.count; ++rating) {
    const auto from_next = static_cast<uint32_t>(
        CountFrom(first_place_[kind * kMostRatings + rating + 1], place_.data(), place_.size()));
    hand[rating] = behind - from_next;
    behind = from_next;
  }
  hand[ratings_.count - 1] = behind;
  return hand;
}

}  // namespace throng::plugins
