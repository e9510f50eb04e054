// How much a user likes an item at a row, as one number z: what `latent` ranks the rows by. Over an
// epoch it is about standard normal, the sum of six parts that do not depend on one another:
//
//   the user's      generous or grumpy: a van der Corput sequence over the ranks
//   the item's      good or bad: likewise, and a little by its popularity
//   taste           <p, q>: p a direction of the user in R^4, q of the item, near that of its niche
//   the pair's      what neither user nor item tell
//   the session's   its mood
//   the row's       chance
//
// User, item, taste and pair are the same in every epoch.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Each part's share of the variance of z; they sum to 1.
struct LikingShares {
  double user = 0.24;
  double item = 0.25;
  double taste = 0.2;
  double pair = 0.13;
  double session = 0.06;
  double row = 0.12;
};

class Liking {
 public:
  static constexpr int kUnitBits = 24;   // z is in 2^-24
  static constexpr int kTableBits = 12;  // of the number of quantiles, and of directions

  Liking(const LikingShares& shares, const Dataset& dataset);

  void Fill(const Rows& rows, std::span<int32_t> z);

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(normals_)));
    visit(std::as_bytes(std::span(by_user_)));
    visit(std::as_bytes(std::span(directions_)));
    visit(std::as_bytes(std::span(noise_weights_)));
    visit(std::as_bytes(std::span(item_weights_)));
  }

 private:
  static constexpr size_t kDimensions = 4;
  using Vector = std::array<int16_t, kDimensions>;
  static constexpr size_t kTableSize = size_t{1} << kTableBits;

  // What is known of an item: its part of z, and what users' directions meet.
  struct Item {
    uint32_t rank = UINT32_MAX;
    int32_t part = 0;
    Vector taste{};  // in 2^-12
  };

  // items_: of each row.
  void FindItems(std::span<const int64_t> item);
  // Those of missing_ rows, into items_ and known_.
  void MakeItems(std::span<const int64_t> item);
  int32_t Quality(int64_t item) const;
  Vector Taste(int64_t item, int32_t category, int64_t index) const;
  std::array<int32_t, kDimensions> FourNormals(uint64_t hash) const;

  World world_;
  uint64_t world_key_;
  uint64_t user_key_;
  uint32_t user_shift_;  // of the users' sequence
  uint64_t item_key_;
  uint32_t item_shift_;
  uint64_t niche_key_;
  uint64_t pair_key_;
  uint64_t session_key_;
  uint64_t row_key_;
  // Quantiles of the standard normal at the midpoints of equal parts, in 2^-24; the same times
  // sqrt(the user's share).
  std::vector<int32_t> normals_;
  std::vector<int32_t> by_user_;
  std::vector<Vector> directions_;  // of length sqrt(the taste's share), in 2^-15
  // Of pair, session and row: what one of a sum of bytes adds to z, in 2^-24.
  std::array<int32_t, 3> noise_weights_{};
  // Of an item's popularity, and of the rest of its part: in 2^-16.
  std::array<int32_t, 2> item_weights_{};
  Grid popular_grid_;
  Grid tail_grid_;

  std::vector<Item> known_;  // at an item's lowest bits: the one of them that was met last
  // Scratch, by row.
  std::vector<Item> items_;
  std::vector<uint16_t> sequence_;   // into by_user_
  std::vector<uint16_t> direction_;  // into directions_
  std::vector<uint32_t> missing_;
  std::vector<int64_t> ranks_;
  std::vector<int64_t> indices_;
  std::vector<int32_t> categories_;
};

}  // namespace throng::plugins
