// How an epoch's rows are cut: into the segments that an activity declares, and these into blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace throng {

// Rows [first, first + rows) of an epoch, which lie in one segment.
struct SegmentRange {
  int64_t segment = 0;
  int64_t segment_first = 0;
  int64_t segment_rows = 0;
  int64_t first = 0;
  int64_t rows = 0;
};

class Segments {
 public:
  // Blocks are of so many rows or a multiple of them, but for a segment's last.
  static constexpr int64_t kPieceRows = 128;
  // The largest wish: no block then has more than 65 535 rows.
  static constexpr int64_t kMostBlockRows = 65'408;

  Segments() = default;
  // Of an epoch of plan_size rows: the first row of each segment, as Check accepts them.
  // block_rows: the largest wish, 0: there is none.
  Segments(std::vector<int64_t> first_rows, int64_t plan_size, int64_t block_rows);

  // Whether an activity may say so: 1 to 256 first rows, from 0, not falling, none beyond the
  // epoch.
  static absl::Status Check(const std::vector<int64_t>& first_rows, int64_t plan_size);

  size_t count() const { return first_rows_.empty() ? 0 : first_rows_.size() - 1; }
  // Of each segment, and the epoch's end.
  const std::vector<int64_t>& first_rows() const { return first_rows_; }
  // The whole block that holds a row of the epoch; where there are no blocks, the rest of its
  // segment from that row on.
  //
  // A segment of R rows has n = ceil(R / B) blocks for a wish of B rows, taken as a multiple of
  // 128. Of its K = floor(R / 128) pieces of 128 rows, block b has those from floor(b K / n) on,
  // and the last block the rest of R too: no block has more than B + 127 rows, and none is a crumb.
  SegmentRange At(int64_t row) const;

 private:
  std::vector<int64_t> first_rows_;
  int64_t block_rows_ = 0;
};

}  // namespace throng
