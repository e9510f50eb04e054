// Exact statistics of interactions, gathered as rows pass.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>

#include "throng/plugin.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

// Rows of each of n ranks. 4 bytes a rank, taken from the system as ranks are met; counts beyond
// 2^32 are carried aside.
class RankCounts {
 public:
  explicit RankCounts(int64_t n);
  void Add(uint32_t rank) {
    if (++low_.get()[rank] == 0) ++high_[rank];
  }
  int64_t At(int64_t rank) const;
  void Merge(const RankCounts& other);
  int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(uint32_t* p) const { std::free(p); }
  };
  int64_t size_;
  std::unique_ptr<uint32_t, Free> low_;
  std::unordered_map<uint32_t, int64_t> high_;  // how often the low word came round
};

class Statistics {
 public:
  // The world outlives this.
  explicit Statistics(const throng_world& world);

  // Rows as columns of equal length: activity ranks, popularity ranks, hundredths of a star (-1:
  // none), and ms since 1970 UTC, which are non-decreasing.
  void Add(std::span<const uint32_t> user, std::span<const uint32_t> item,
           std::span<const int32_t> rating, std::span<const int64_t> time);
  // Adds rows that `other` saw and this did not.
  void Merge(const Statistics& other);

  int64_t rows() const { return rows_; }
  v1::Statistics Derive() const;
  // The mergeable state, by numbers instead of ranks.
  v1::StatisticsState State() const;

 private:
  const throng_world& world_;
  int64_t rows_ = 0;
  RankCounts users_;
  RankCounts items_;
  std::array<int64_t, 1001> ratings_{};       // 0.00 to 10.00
  std::map<int32_t, int64_t> other_ratings_;  // any other
  int64_t first_time_ = 0;
  int64_t last_time_ = 0;
};

}  // namespace throng
