// Exact statistics of interactions, gathered as rows pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "server/dataset/columns.h"
#include "server/dataset/rank_counts.h"
#include "throng/plugin.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

// Rows as statistics need them, in order.
struct SeenRows {
  std::vector<uint32_t> user;   // activity ranks
  std::vector<uint32_t> item;   // popularity ranks
  std::vector<int32_t> rating;  // hundredths of a star; -1: none
  int64_t first_time = 0;       // ms since 1970 UTC; times do not decrease
  int64_t last_time = 0;

  void Resize(size_t rows);
  // Puts the first n rows of `columns` to place `at` on; called in the order of rows.
  void Take(const Columns& columns, size_t at, size_t n);
};

class Statistics {
 public:
  // The world outlives this.
  explicit Statistics(const throng_world& world);

  // Rows as columns of equal length: activity ranks, popularity ranks, hundredths of a star (-1:
  // none), and ms since 1970 UTC, which are non-decreasing; of times the first and the last do.
  void Add(std::span<const uint32_t> user, std::span<const uint32_t> item,
           std::span<const int32_t> rating, std::span<const int64_t> time);
  void Add(const SeenRows& rows);
  // Adds the rows of a state, which this did not see. False, and nothing is added, if it is none of
  // this world.
  bool Merge(const v1::StatisticsState& state);

  int64_t rows() const { return rows_; }
  // Quick: what it needs is kept as rows pass.
  v1::Statistics Derive() const;
  // The mergeable state, by numbers instead of ranks. Looks at every user and item.
  v1::StatisticsState State() const;

 private:
  void AddRating(int32_t hundredths, int64_t rows);
  void AddRows(int64_t rows, int64_t first_time, int64_t last_time);

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
