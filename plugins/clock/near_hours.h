// A few hours of a TimeProfile side by side: the same Lambda and inverse in half the time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plugins/clock/time_profile.h"

namespace throng::plugins {

class NearHours {
 public:
  // Takes the hours of the profile's epoch that hold the times [first, last]. Returns whether it
  // did: not where they are more than `most_hours`, or their weights do not fit.
  bool Take(const TimeProfile& profile, int64_t first, int64_t last, size_t most_hours) {
    first_ = profile.HourBegin(first);
    const auto hours = static_cast<size_t>((last - first_) / kHour) + 1;
    if (hours > most_hours) return false;
    hours_.resize(hours + 1);
    Uint128 before = 0;
    for (size_t i = 0; i < hours; ++i) {
      const uint64_t rate = profile.RateAt(first_ + static_cast<int64_t>(i) * kHour);
      hours_[i] = {static_cast<uint64_t>(before), rate, Reciprocal(std::max<uint64_t>(rate, 1))};
      before += static_cast<Uint128>(rate) * kHour;
    }
    if (before >> 63 != 0) return false;
    const auto end = static_cast<uint64_t>(before);
    hours_[hours] = {end, 0, Reciprocal()};
    base_ = profile.Before(first) - Within(first);
    cell_shift_ = std::max(0, static_cast<int>(std::bit_width(end)) - kCellBits);
    cells_.resize((end >> cell_shift_) + 1);
    size_t hour = 0;
    for (size_t i = 0; i < cells_.size(); ++i) {
      while (hour + 1 < hours && hours_[hour + 1].before <= i << cell_shift_) ++hour;
      cells_[i] = static_cast<uint32_t>(hour);
    }
    return true;
  }

  // As TimeProfile's, of times and weights in these hours, and less `base`.
  Uint128 base() const { return base_; }
  uint64_t Within(int64_t time) const {
    const auto ms = static_cast<uint64_t>(time - first_);
    const Hour& hour = hours_[ms / kHour];
    return hour.before + ms % kHour * hour.rate;
  }
  int64_t TimeOf(uint64_t within) const {
    size_t hour = cells_[within >> cell_shift_];
    while (hours_[hour + 1].before <= within) ++hour;
    const uint64_t ms = hours_[hour].divisor.Divide(within - hours_[hour].before);
    return first_ + static_cast<int64_t>(hour) * kHour + static_cast<int64_t>(ms);
  }

 private:
  static constexpr int kCellBits = 9;

  struct Hour {
    uint64_t before = 0;  // the weight of all before it
    uint64_t rate = 0;    // its own a millisecond
    Reciprocal divisor;   // its rate
  };
  int64_t first_ = 0;
  Uint128 base_ = 0;
  std::vector<Hour> hours_;      // and the one after them
  int cell_shift_ = 0;           // of weights to cells
  std::vector<uint32_t> cells_;  // the hour in which each begins, for a search
};

}  // namespace throng::plugins
