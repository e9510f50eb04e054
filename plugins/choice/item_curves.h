// How often each item is chosen in `taste`: curves of popularity, and who has broad tastes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "throng/random.hpp"

namespace throng::plugins {

struct CurveGoal {
  int64_t popular_items = 0;
  int64_t tail_items = 0;
  int64_t preferred_rows = 0;  // by kind, an epoch
  int64_t popular_rows = 0;
  int64_t random_rows = 0;
};

// The popular item p gets rows in proportion to (p + 3)^-head_exponent. The exponent is such that
// the last popular item has half as many again as the first of the tail, if one in [0, 3] does
// that. The i-th of n tail items has its preferred rows by the density (1 - i/n)^(tail_exponent -
// 1): 1.5, or 1.3 where the head is too flat for such a tail.
struct CurveExponents {
  double head = 0;
  double tail = 1.5;
};
CurveExponents FindExponents(const CurveGoal& goal);

// The inverse distributions of the popular items, and of the tail of a category by preferred rows:
// fractions of 2^64 to fractions of the items.
Curve HeadCurve(int64_t popular_items, double exponent);
Curve TailCurve(double exponent);

// The items that the rows of a kind get, evenly spaced on a curve and thus in order of popularity:
// each as many as the curve says, to one row.
class SpacedItems {
 public:
  SpacedItems() = default;
  // No curve: all get the same. It outlives this.
  SpacedItems(int64_t rows, int64_t items, const Curve* curve)
      : grid_(static_cast<uint64_t>(rows)),
        rows_(rows),
        items_(static_cast<uint64_t>(items)),
        step_(~uint64_t{0} / std::max<uint64_t>(items_, 1)),
        curve_(curve) {}

  int64_t rows() const { return rows_; }
  int64_t items() const { return static_cast<int64_t>(items_); }
  // The item of the i-th of the rows; does not fall with i.
  int64_t At(int64_t i) const {
    const uint64_t x = grid_.Point(static_cast<uint64_t>(i));
    return static_cast<int64_t>(MultiplyHigh(curve_ == nullptr ? x : (*curve_)(x), items_));
  }
  // The first row of an item, or of the next one that has any; of the last one, if none has.
  int64_t FirstOf(int64_t item) const;

 private:
  Grid grid_;
  int64_t rows_ = 0;
  uint64_t items_ = 0;
  uint64_t step_ = 0;
  const Curve* curve_ = nullptr;
};

// The share of choices that a user with n rows makes without regard to taste, n / (n + k): who has
// many rows has broad tastes.
class Breadth {
 public:
  static constexpr int32_t kOne = 65'536;

  // `share` is that of a user with as many rows as a category has tail items.
  Breadth(double share, double tail_of_category);
  // In 65536ths.
  int32_t operator()(int64_t rows) const {
    const auto n = static_cast<double>(static_cast<int32_t>(std::min(rows, kMost)));
    return static_cast<int32_t>(n * kOne / (n + k_));
  }
  double k() const { return k_; }

 private:
  static constexpr int64_t kMost = int64_t{1} << 30;
  double k_;  // a whole number, or infinite
};

}  // namespace throng::plugins
