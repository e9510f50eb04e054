// Who met what, and how often again: exact as long as that is cheap, then a sketch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "throng/random.hpp"

namespace throng {

// HyperLogLog of 64-bit hashes (Flajolet et al. 2007), with the estimator of Ertl, "New cardinality
// estimation algorithms for HyperLogLog sketches" (2017), algorithm 6.
class PairSketch {
 public:
  static constexpr size_t kRegisters = 16'384;
  // Of the estimate, as a share of it.
  static constexpr double kError = 0.00813;  // 1.04 / sqrt(kRegisters)

  void Add(uint64_t hash);
  // False, and nothing is added, if these are no registers.
  bool Merge(std::string_view registers);
  std::string registers() const { return {registers_.begin(), registers_.end()}; }
  int64_t Estimate() const;

 private:
  std::array<uint8_t, kRegisters> registers_{};
};

class PairCounts {
 public:
  // The most pairs that are known one by one: 256 MiB of them.
  static constexpr size_t kMost = 8'000'000;
  using HashOf = std::function<uint64_t(uint32_t user, uint32_t item)>;

  // `hash_of` a pair is the same in every process; outlives this. Beyond `most` pairs all is a
  // sketch.
  explicit PairCounts(HashOf hash_of, size_t most = kMost);

  void Add(uint32_t user, uint32_t item, int32_t rating);
  // Asks memory for what Add of this pair will look at.
  void Prefetch(uint32_t user, uint32_t item) const {
    if (is_sketch_) return;
    const uint64_t pair = uint64_t{user} << 32 | item;
    __builtin_prefetch(&slots_[Mix(pair) & (slots_.size() - 1)], 1);
  }
  // Adds pairs of other rows; the counts then are an estimate. False: these are no registers.
  bool Merge(std::string_view registers);

  bool IsEstimate() const { return is_sketch_; }
  int64_t Distinct() const;
  // Pairs with more than one row, and those of them with ratings that differ. Not of an estimate.
  int64_t repeated() const { return repeated_; }
  int64_t contradicted() const { return contradicted_; }
  PairSketch Sketch() const;

 private:
  struct Slot {
    uint64_t pair = kFree;
    int32_t rating = 0;  // of its first row
    bool is_repeated = false;
    bool is_contradicted = false;
  };
  static constexpr uint64_t kFree = ~uint64_t{0};

  size_t SlotOf(uint64_t pair) const;
  void Grow();
  void BecomeSketch();

  HashOf hash_of_;
  size_t most_;
  std::vector<Slot> slots_;
  size_t met_ = 0;
  int64_t repeated_ = 0;
  int64_t contradicted_ = 0;
  bool is_sketch_ = false;
  PairSketch sketch_;
};

}  // namespace throng
