#include "server/dataset/rank_counts.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace throng {
namespace {

constexpr size_t kFirstSlots = 1024;
// Of so many ranks, each has its 4 bytes at once: they are not worth a search.
constexpr int64_t kSmall = int64_t{1} << 20;
// A slot is asked for so many ranks before it is needed, since memory takes that long.
constexpr size_t kAhead = 16;

}  // namespace

RankCounts::RankCounts(int64_t n) : size_(n) {
  if (n <= kSmall) {
    GiveAll();
  } else {
    slots_.resize(kFirstSlots);
  }
}

void RankCounts::GiveAll() {
  all_.reset(static_cast<uint32_t*>(std::calloc(static_cast<size_t>(size_), sizeof(uint32_t))));
  if (all_ == nullptr && size_ > 0) throw std::bad_alloc();
  for (const Slot& slot : slots_) {
    if (slot.rank != kNoRank) all_.get()[slot.rank] = slot.rows;
  }
  slots_ = {};
}

size_t RankCounts::FirstSlotOf(uint32_t rank) const {
  // Knuth's multiplicative hash (The Art of Computer Programming 3, 6.4): neighbours lie apart.
  return (rank * 0x9E3779B1U) >> (32 - std::countr_zero(slots_.size()));
}

size_t RankCounts::SlotOf(uint32_t rank) const {
  const size_t mask = slots_.size() - 1;
  size_t at = FirstSlotOf(rank);
  while (slots_[at].rank != rank && slots_[at].rank != kNoRank) at = (at + 1) & mask;
  return at;
}

void RankCounts::Grow() {
  const auto bytes_of_all = static_cast<size_t>(size_) * sizeof(uint32_t);
  if (2 * slots_.size() * sizeof(Slot) > bytes_of_all) return GiveAll();
  std::vector<Slot> before(2 * slots_.size());
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.rank != kNoRank) slots_[SlotOf(slot.rank)] = slot;
  }
}

uint32_t* RankCounts::LowOf(uint32_t rank) {
  if (IsSparse()) {
    size_t at = SlotOf(rank);
    if (slots_[at].rank == rank) return &slots_[at].rows;
    if (2 * static_cast<size_t>(Met() + 1) <= slots_.size()) {
      slots_[at].rank = rank;
      return &slots_[at].rows;
    }
    Grow();
    return LowOf(rank);
  }
  return &all_.get()[rank];
}

void RankCounts::Add(std::span<const uint32_t> ranks) {
  size_t i = 0;
  for (; i < ranks.size() && IsSparse(); ++i) {
    if (i + kAhead < ranks.size()) __builtin_prefetch(&slots_[FirstSlotOf(ranks[i + kAhead])], 1);
    const uint32_t low = ++*LowOf(ranks[i]);
    most_ = std::max(most_, low);
    if (low <= kFew) Reach(ranks[i], low);
  }
  // First where it may miss the caches, then where each depends on the one before: three times as
  // fast as both at once.
  std::array<uint32_t, 512> lows;
  while (i < ranks.size()) {
    const auto piece = ranks.subspan(i, std::min(lows.size(), ranks.size() - i));
    uint32_t* all = all_.get();
    for (size_t j = 0; j < piece.size(); ++j) lows[j] = ++all[piece[j]];
    uint32_t most = most_;
    for (size_t j = 0; j < piece.size(); ++j) {
      most = std::max(most, lows[j]);
      if (lows[j] <= kFew) Reach(piece[j], lows[j]);
    }
    most_ = most;
    i += piece.size();
  }
}

void RankCounts::Reach(uint32_t rank, uint32_t low) {
  if (low == 0) {
    ++high_[rank];
  } else if (high_.empty() || !high_.contains(rank)) {
    ++reached_[low];
  }
}

void RankCounts::Add(uint32_t rank, int64_t rows) {
  if (rows == 0) return;
  uint32_t* low = LowOf(rank);
  const int64_t before = At(rank);
  const int64_t now = before + rows;
  *low = static_cast<uint32_t>(now);
  if (now >> 32 != 0) high_[rank] = now >> 32;
  most_ = std::max(most_, *low);
  for (int64_t n = before + 1; n <= std::min<int64_t>(now, kFew); ++n) {
    ++reached_[static_cast<size_t>(n)];
  }
}

int64_t RankCounts::HighOf(uint32_t rank) const {
  if (high_.empty()) return 0;
  const auto high = high_.find(rank);
  return high == high_.end() ? 0 : high->second << 32;
}

int64_t RankCounts::At(uint32_t rank) const {
  if (!IsSparse()) return HighOf(rank) + all_.get()[rank];
  const Slot& slot = slots_[SlotOf(rank)];
  return HighOf(rank) + slot.rows;
}

int64_t RankCounts::Least() const {
  if (Met() == 0) return 0;
  for (uint32_t rows = 1; rows < kFew; ++rows) {
    if (reached_[rows + 1] < Met()) return rows;
  }
  int64_t least = 0;
  const auto see = [&](uint32_t rank) {
    const int64_t rows = At(rank);
    if (rows > 0 && (least == 0 || rows < least)) least = rows;
  };
  for (const Slot& slot : slots_) {
    if (slot.rank != kNoRank) see(slot.rank);
  }
  if (!IsSparse()) {
    for (int64_t rank = 0; rank < size_; ++rank) see(static_cast<uint32_t>(rank));
  }
  return least;
}

int64_t RankCounts::Most() const {
  int64_t most = most_;
  for (const auto& high : high_) most = std::max(most, At(high.first));
  return most;
}

}  // namespace throng
