#include "server/dataset/segments.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace throng {

Segments::Segments(std::vector<int64_t> first_rows, int64_t plan_size, int64_t block_rows)
    : first_rows_(std::move(first_rows)),
      block_rows_(block_rows == 0 ? 0
                                  : std::max(block_rows / kPieceRows, int64_t{1}) * kPieceRows) {
  first_rows_.push_back(plan_size);
}

absl::Status Segments::Check(const std::vector<int64_t>& first_rows, int64_t plan_size) {
  constexpr size_t kMost = 256;
  if (first_rows.empty() || first_rows.size() > kMost) {
    return absl::InternalError(fmt::format(
        "it cuts an epoch into {} segments; 1 to {} are allowed.", first_rows.size(), kMost));
  }
  if (first_rows.front() == 0 && std::is_sorted(first_rows.begin(), first_rows.end()) &&
      first_rows.back() <= plan_size) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      fmt::format("its segments begin at rows {}; they begin with 0, do not fall and lie in an "
                  "epoch's {} rows.",
                  fmt::join(first_rows, ", "), plan_size));
}

SegmentRange Segments::At(int64_t row) const {
  // The last segment that begins at or before the row: the ones before it may be empty.
  const auto next = std::upper_bound(first_rows_.begin(), first_rows_.end() - 1, row);
  SegmentRange range;
  range.segment = next - first_rows_.begin() - 1;
  range.segment_first = *(next - 1);
  range.segment_rows = *next - range.segment_first;
  const int64_t rows = range.segment_rows;
  const int64_t offset = row - range.segment_first;
  if (block_rows_ == 0) {
    range.first = row;
    range.rows = rows - offset;
    return range;
  }
  const int64_t pieces = rows / kPieceRows;
  const int64_t blocks = (rows + block_rows_ - 1) / block_rows_;
  const auto begin = [&](int64_t block) {
    if (block >= blocks) return rows;
    return static_cast<int64_t>(static_cast<__int128>(block) * pieces / blocks) * kPieceRows;
  };
  // Of the last block whose first piece is at most the row's.
  const int64_t piece = std::min(offset / kPieceRows, std::max<int64_t>(pieces, 1) - 1);
  int64_t block =
      pieces == 0 ? 0
                  : static_cast<int64_t>((static_cast<__int128>(piece + 1) * blocks - 1) / pieces);
  range.first = range.segment_first + begin(block);
  range.rows = begin(block + 1) - begin(block);
  return range;
}

}  // namespace throng
