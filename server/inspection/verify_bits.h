// Which rows of a dataset were found: a bit a row, and none for a stretch that was found whole.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace throng {

class RowBits {
 public:
  // Whether the row is new; it is seen from now on.
  bool Set(int64_t row);
  bool Has(int64_t row) const;
  // Sets `rows` rows from `first` on and says how many of them were seen before.
  int64_t SetRange(int64_t first, int64_t rows);
  // How many of these are seen.
  int64_t Count(int64_t first, int64_t rows) const;

 private:
  static constexpr int64_t kStretch = 1 << 16;
  struct Stretch {
    std::unique_ptr<uint64_t[]> bits;  // null: all are seen
    int64_t seen = 0;
  };
  // The stretch of a row, with its bits.
  Stretch& StretchOf(int64_t row);

  std::unordered_map<int64_t, Stretch> stretches_;
};

}  // namespace throng
