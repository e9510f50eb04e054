// How many rows to commit at once at a place that limits how long a commit may take.
#pragma once

#include <chrono>
#include <cstdint>

namespace throng {

// Few rows at first, since nobody knows how slow the place is; then many more while that takes a
// small part of the time, and fewer again as it comes near.
class CommitSize {
 public:
  // `limit`: the time from the first write to the end of a commit; 0: none, and no limit of rows.
  explicit CommitSize(std::chrono::milliseconds limit);

  // 0: no limit.
  int64_t rows() const { return rows_; }
  // So many rows were committed, and took so long in all calls of the place.
  void Committed(int64_t rows, std::chrono::nanoseconds took);
  // So many rows were taken back.
  void Aborted(int64_t rows);

 private:
  const std::chrono::milliseconds limit_;
  int64_t rows_;
};

}  // namespace throng
