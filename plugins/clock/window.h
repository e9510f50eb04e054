// What every clock has: a window of time for each epoch, one after the other.
#pragma once

#include <cstdint>

#include "throng/options.hpp"
#include "throng/random.hpp"

namespace throng::plugins {

struct WindowOptions {
  Timestamp start;
  Duration window;
};

// The two options, for a clock whose Options derive from WindowOptions.
template <class Options>
OptionOf<Options> StartOption() {
  return Option<&WindowOptions::start, Options>("start", "When the first epoch begins.")
      .Default("2024-01-01T00:00:00Z");
}
template <class Options>
OptionOf<Options> WindowOption() {
  return Option<&WindowOptions::window, Options>("window",
                                                 "How long an epoch lasts; the next one follows.")
      .Default("30d")
      .Between("1ms", "36525d");
}

// When an epoch begins, in ms since 1970 UTC, at least a window away from what 64 bits hold.
inline int64_t EpochStart(const WindowOptions& options, int64_t epoch) {
  int64_t start = 0;
  if (__builtin_mul_overflow(epoch, options.window.ms, &start) ||
      __builtin_add_overflow(start, options.start.ms, &start) || start > INT64_MAX / 2 ||
      start < INT64_MIN / 2) {
    throw Error(THRONG_OUT_OF_RANGE,
                "the windows of so many epochs lie beyond any calendar; ask for fewer "
                "interactions, or for a shorter window.",
                "window");
  }
  return start;
}

// (i + u)/N for row i of an epoch of N rows and u in [0, 1), as fractions of 2^64: those of a row
// lie in [Begin(i), Begin(i + 1)).
class RowShares {
 public:
  // So many rows, from a multiple of it on, follow one another by `step`.
  static constexpr uint64_t kPiece = 1024;

  explicit RowShares(int64_t rows)
      : rows_(static_cast<uint64_t>(rows)), step_(~uint64_t{0} / rows_) {}

  uint64_t step() const { return step_; }
  uint64_t Begin(uint64_t row) const {
    const uint64_t first = row / kPiece * kPiece;
    const Uint128 product = static_cast<Uint128>(~uint64_t{0}) * first;
    return static_cast<uint64_t>(product / rows_) + (row - first) * step_;
  }

 private:
  uint64_t rows_;
  uint64_t step_;
};

}  // namespace throng::plugins
