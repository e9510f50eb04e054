#include "plugins/choice/succession.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "plugins/choice/kind_shares.h"

namespace throng::plugins {
namespace {

// Items whose turns are found once an epoch: at most so many, and few against its rows.
constexpr int64_t kMostItems = 131'072;
constexpr int64_t kRowsAnItem = 8;

}  // namespace

Succession::Succession(const Dataset& dataset, size_t kind, const SpacedItems& spaced,
                       const KindDeck& deck, double turnover)
    : world_(dataset.world),
      kind_(kind),
      spaced_(spaced),
      deck_(deck),
      is_popular_(kind == kPopular),
      first_rank_(is_popular_ ? 0 : world_->popular_items),
      plan_size_(dataset.plan_size),
      limit_(static_cast<uint64_t>(std::llround(turnover * 4294967296.0))),
      pair_key_(DeriveKey(dataset.world_key, is_popular_ ? "popular_pairs" : "tail_pairs")),
      row_key_(DeriveKey(dataset.key, is_popular_ ? "popular_turns" : "tail_turns")) {}

int64_t Succession::TierSize(size_t category) const {
  const throng_category& of = *world_.categories()[category];
  return is_popular_ ? of.popular : of.tail;
}

int64_t Succession::TierBegin(size_t category) const {
  return is_popular_ ? 0 : world_.categories()[category]->popular;
}

void Succession::StartEpoch(const Rows& rows, const Permutation& kind_rows) {
  epoch_ = rows.epoch;
  epoch_row_key_ = Hash(row_key_, static_cast<uint64_t>(epoch_));
  segments_.assign(rows.segments.begin(), rows.segments.end());
  kind_rows_ = &kind_rows;
  turn_of_item_.clear();
  const int64_t items =
      is_popular_ ? world_->popular_items : world_->touched_items - world_->popular_items;
  if (!IsOn() || items > std::min(kMostItems, plan_size_ / kRowsAnItem)) return;
  turn_of_item_.resize(static_cast<size_t>(items));
  for (int64_t i = 0; i < items; ++i) {
    turn_of_item_[static_cast<size_t>(i)] = {0, first_rank_ + i, first_rank_ + i};
  }
  category_.clear();
  index_.clear();
  for (size_t category = 0; category < world_.categories().size(); ++category) {
    const auto of = static_cast<int32_t>(category);
    for (int64_t index = 0; index + 1 < TierSize(category); index += 2) {
      if (!IsPair(of, index / 2)) continue;
      category_.push_back(of);
      index_.push_back(index);
    }
  }
  FindTurns();
  for (const Turn& turn : turn_) {
    if (turn.row < 0) continue;
    turn_of_item_[static_cast<size_t>(turn.first - first_rank_)] = turn;
    turn_of_item_[static_cast<size_t>(turn.second - first_rank_)] = turn;
  }
}

size_t Succession::SegmentOfWitness(int64_t kind_row) const {
  const int64_t place = deck_.PlaceOf(kind_, kind_row);
  return static_cast<size_t>(std::upper_bound(segments_.begin(), segments_.end() - 1, place) -
                             segments_.begin()) -
         1;
}

void Succession::FindTurns() {
  const size_t n = category_.size();
  rank_.resize(2 * n);
  turn_.resize(n);
  const std::span<int64_t> firsts = std::span(rank_).first(n);
  const std::span<int64_t> seconds = std::span(rank_).last(n);
  for (size_t i = 0; i < n; ++i) index_[i] += TierBegin(static_cast<size_t>(category_[i]));
  world_.CategoryItem(category_, index_, firsts);
  for (size_t i = 0; i < n; ++i) ++index_[i];
  world_.CategoryItem(category_, index_, seconds);
  const bool has_witnesses = spaced_.rows() > 0;
  witness_.resize(has_witnesses ? 2 * n : 0);
  for (size_t i = 0; i < witness_.size(); ++i)
    witness_[i] = spaced_.FirstOf(rank_[i] - first_rank_);
  kind_rows_->Unmap(witness_, witness_);
  const size_t segments = segments_.size() - 1;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t hash = Hash(epoch_row_key_, static_cast<uint64_t>(firsts[i]));
    size_t earlier = 0;
    size_t later = 0;
    if (has_witnesses) {
      earlier = SegmentOfWitness(witness_[i]);
      later = SegmentOfWitness(witness_[n + i]);
      if (earlier > later) std::swap(earlier, later);
    } else {
      // Nothing is promised: anywhere.
      later = 1 + MultiplyHigh(Hash(hash, 0), segments - 1);
    }
    Turn& turn = turn_[i];
    turn = {-1, firsts[i], seconds[i]};
    if (earlier == later) continue;
    // Anywhere in the segment before the later witness's, so that not all turns are at starts.
    const bool has_one_between = earlier + 1 < later;
    const size_t segment = has_one_between ? later - 1 : later;
    const auto size = static_cast<uint64_t>(segments_[later] - segments_[segment]);
    turn.row = segments_[segment] + static_cast<int64_t>(MultiplyHigh(hash, size));
    if (epoch_ % 2 != 0) std::swap(turn.first, turn.second);
  }
}

void Succession::Replace(const Rows& rows, std::span<const uint32_t> chosen,
                         std::span<const int32_t> category, std::span<const int64_t> index,
                         std::span<int64_t> item) {
  if (!IsOn()) return;
  if (!turn_of_item_.empty()) {
    for (const uint32_t i : chosen) {
      const Turn& turn = turn_of_item_[static_cast<size_t>(item[i] - first_rank_)];
      item[i] = rows.epoch_first + i < turn.row ? turn.first : turn.second;
    }
    return;
  }
  if (category.empty()) {
    const size_t n = chosen.size();
    rank_.resize(n);
    found_category_.resize(n);
    found_index_.resize(n);
    for (size_t j = 0; j < n; ++j) rank_[j] = item[chosen[j]];
    world_.ItemCategory(rank_, found_category_);
    world_.ItemIndex(rank_, found_index_);
    for (size_t j = 0; j < n; ++j) {
      found_index_[j] -= TierBegin(static_cast<size_t>(found_category_[j]));
    }
    category = found_category_;
    index = found_index_;
  }
  category_.clear();
  index_.clear();
  row_of_.clear();
  for (size_t j = 0; j < chosen.size(); ++j) {
    const int64_t first = index[j] / 2 * 2;
    if (first + 1 >= TierSize(static_cast<size_t>(category[j]))) continue;
    if (!IsPair(category[j], first / 2)) continue;
    category_.push_back(category[j]);
    index_.push_back(first);
    row_of_.push_back(chosen[j]);
  }
  FindTurns();
  for (size_t j = 0; j < row_of_.size(); ++j) {
    const Turn& turn = turn_[j];
    const uint32_t i = row_of_[j];
    if (turn.row >= 0) item[i] = rows.epoch_first + i < turn.row ? turn.first : turn.second;
  }
}

}  // namespace throng::plugins
