// Which of many stretches that follow one another holds a row.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace throng::plugins {

// A guide of 2^kBits equal pieces of all rows tells near which stretch to look, and a few steps
// without a branch find it.
template <int kBits>
class StretchIndex {
 public:
  StretchIndex() = default;
  // The first row of each stretch, rising from 0, and where the last of them ends.
  StretchIndex(std::vector<int64_t> first_rows, int64_t rows)
      : step_(~uint64_t{0} / static_cast<uint64_t>(std::max<int64_t>(rows, 1))),
        first_rows_(std::move(first_rows)),
        guide_(size_t{1} << kBits) {
    size_t at = 0;
    size_t widest = 0;
    for (size_t i = 0; i < guide_.size(); ++i) {
      const size_t begin = at;
      const uint64_t edge = uint64_t{i} << kShift;
      const auto first = static_cast<int64_t>(edge / step_ + (edge % step_ > 0 ? 1 : 0));
      while (at + 1 < first_rows_.size() && first_rows_[at + 1] <= first) ++at;
      widest = std::max(widest, at - begin);
      guide_[i] = static_cast<uint32_t>(at);
    }
    widest = std::max(widest, first_rows_.size() - 1 - at);
    widest_jump_ = std::bit_floor(widest);
    first_rows_.resize(first_rows_.size() + 2 * widest_jump_, std::numeric_limits<int64_t>::max());
  }

  // Of the stretch that holds the row, which lies in one.
  size_t Find(int64_t row) const {
    size_t at = guide_[(static_cast<uint64_t>(row) * step_) >> kShift];
    for (size_t jump = widest_jump_; jump > 0; jump /= 2) {
      at += first_rows_[at + jump] <= row ? jump : 0;
    }
    return at;
  }
  int64_t FirstRow(size_t stretch) const { return first_rows_[stretch]; }

 private:
  static constexpr int kShift = 64 - kBits;

  uint64_t step_ = 0;
  std::vector<int64_t> first_rows_;  // of each stretch, and then beyond all rows
  std::vector<uint32_t> guide_;      // for each piece the stretch in which it begins
  size_t widest_jump_ = 0;           // to the last stretch of any piece, as a power of two
};

}  // namespace throng::plugins
