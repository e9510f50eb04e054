// Items come and go: of some pairs of neighbours in popularity the second takes the first one's
// place from some row of the epoch on.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "plugins/choice/item_curves.h"
#include "plugins/choice/kind_deck.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Of the popular items, or of the tail. Items 2i and 2i + 1 of a category (and of this tier) are a
// pair by chance, the same one in every epoch. Each has a witness: the row that a kind promises it.
// Whichever pair of items is meant, the first is chosen up to the segment of the earlier witness
// and the second from that of the later one on, so that the epoch has both, and together as many
// rows as without succession. Odd epochs swap the two, so that who is gone at the end of an epoch
// is not back at once.
class Succession {
 public:
  // Witnesses are the rows of `kind`, which get this tier's items by `spaced`; both outlive this.
  // `turnover` is the share of the pairs.
  Succession(const Dataset& dataset, size_t kind, const SpacedItems& spaced, const KindDeck& deck,
             double turnover);

  // `kind_rows` permutes the kind's rows: the item of row r is spaced.At(kind_rows.Map(r)).
  void StartEpoch(const Rows& rows, const Permutation& kind_rows);

  // Replaces the items of the chosen rows, which are of this tier. `category` and `index` (of the
  // tier within the category) tell them likewise; if empty they are found.
  void Replace(const Rows& rows, std::span<const uint32_t> chosen,
               std::span<const int32_t> category, std::span<const int64_t> index,
               std::span<int64_t> item);

 private:
  // What is chosen before a row of the epoch, and from it on.
  struct Turn {
    int64_t row = 0;
    int64_t first = 0;
    int64_t second = 0;
  };

  bool IsOn() const { return limit_ > 0 && segments_.size() > 2; }
  int64_t TierSize(size_t category) const;
  int64_t TierBegin(size_t category) const;
  bool IsPair(int32_t category, int64_t pair) const {
    const uint64_t counter = (static_cast<uint64_t>(category) << 40) + static_cast<uint64_t>(pair);
    return Hash32(pair_key_, counter) < limit_;
  }
  // turn_[i] of the pair of category_[i] whose first item has index_[i], and the one after it.
  void FindTurns();
  size_t SegmentOfWitness(int64_t kind_row) const;

  World world_;
  size_t kind_;
  const SpacedItems& spaced_;
  const KindDeck& deck_;
  bool is_popular_;
  int64_t first_rank_;
  int64_t plan_size_;
  uint64_t limit_;  // of hashes that make a pair, of 2^32
  uint64_t pair_key_;
  uint64_t row_key_;

  // Of the epoch.
  int64_t epoch_ = 0;
  uint64_t epoch_row_key_ = 0;
  std::vector<int64_t> segments_;
  const Permutation* kind_rows_ = nullptr;
  std::vector<Turn> turn_of_item_;  // by rank within the tier, where there are few; else empty

  // Scratch.
  std::vector<int32_t> category_, found_category_;
  std::vector<int64_t> index_, found_index_, rank_, witness_;
  std::vector<Turn> turn_;
  std::vector<uint32_t> row_of_;
};

}  // namespace throng::plugins
