// How often each rank of a world was met: memory and time by what was met, not by the world.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace throng {

// Rows of each of n ranks, n below 2^32. A few ranks of many are kept in a hash table, 16 to 32
// bytes each; else every rank has 4 bytes, taken from the system as ranks are met. Counts beyond
// 2^32 are carried aside.
class RankCounts {
 public:
  explicit RankCounts(int64_t n);

  void Add(std::span<const uint32_t> ranks);
  void Add(uint32_t rank, int64_t rows);

  int64_t At(uint32_t rank) const;
  int64_t size() const { return size_; }
  // Ranks with rows.
  int64_t Met() const { return reached_[1]; }
  // Rows of the rank with the fewest, of those that have any, and with the most; 0 without rows.
  // Quick, except that Least looks at all that were met once each has kFew rows or more.
  int64_t Least() const;
  int64_t Most() const;

 private:
  static constexpr uint32_t kFew = 64;
  static constexpr uint32_t kNoRank = UINT32_MAX;

  struct Slot {
    uint32_t rank = kNoRank;
    uint32_t rows = 0;
  };
  struct Free {
    void operator()(uint32_t* p) const { std::free(p); }
  };

  bool IsSparse() const { return all_ == nullptr; }
  size_t FirstSlotOf(uint32_t rank) const;
  // The slot of a rank, or the empty one where it belongs.
  size_t SlotOf(uint32_t rank) const;
  // The low word of a rank that is to get rows.
  uint32_t* LowOf(uint32_t rank);
  // Makes room for another rank.
  void Grow();
  void GiveAll();
  // Those of a rank came to be `low` in its low word.
  void Reach(uint32_t rank, uint32_t low);
  int64_t HighOf(uint32_t rank) const;

  int64_t size_;
  std::vector<Slot> slots_;              // a power of two of them, at most half of them taken
  std::unique_ptr<uint32_t, Free> all_;  // by rank, once these are no more bytes
  std::unordered_map<uint32_t, int64_t> high_;  // how often the low word came round
  std::array<int64_t, kFew + 1> reached_{};     // ranks with so many rows or more, from 1
  uint32_t most_ = 0;                           // of the low words
};

}  // namespace throng
