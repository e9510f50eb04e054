// How busy each hour of the week is, in local time, over the windows of epochs: Lambda, the weight
// of all that lies before a time, and its inverse.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plugins/clock/window.h"
#include "throng/options.hpp"
#include "throng/random.hpp"

namespace throng::plugins {

inline constexpr int64_t kHour = 3'600'000;  // ms
inline constexpr int64_t kDay = 24 * kHour;

struct ProfileOptions : WindowOptions {
  std::string profile = "shop";
  double utc_offset = 0;
  double day_variation = 0.15;
};

// The options of a clock whose Options are ProfileOptions or derive from them.
template <class Options>
std::vector<OptionOf<Options>> DeclareProfileOptions() {
  return {
      StartOption<Options>(), WindowOption<Options>(),
      Option<&ProfileOptions::profile, Options>(
          "profile",
          "How busy each hour of the week is, Monday 0h to Sunday 23h in local time, as 168 "
          "weights; or shop (evenings and weekends are busiest, nights quiet), or flat."),
      Option<&ProfileOptions::utc_offset, Options>(
          "utc_offset",
          "Hours that local time is ahead of UTC (5.5 in India, -3 in Brazil), the whole "
          "year: daylight saving is not modelled.")
          .Range(-14, 14),
      Option<&ProfileOptions::day_variation, Options>(
          "day_variation",
          "How much days differ beyond the profile: the standard deviation of the logarithm of a "
          "day's factor; 0: weeks are alike.")
          .Range(0, 1)};
}

class TimeProfile {
 public:
  static constexpr size_t kHours = 168;

  // Throws Error for a profile that is none, and for hours of no weight that a window may not
  // leave.
  static void Validate(const ProfileOptions& options);

  // A day's factor is a function of `key` and the day.
  TimeProfile(const ProfileOptions& options, uint64_t key);

  // Everything below is about the epoch that was started last. Throws Error where its window
  // leaves all calendars. Costs some ns a day of the window, once: starting it again is free.
  void StartEpoch(int64_t epoch);

  // Of the window's begin and end.
  Uint128 begin() const { return begin_; }
  Uint128 end() const { return end_; }
  // At `share` of the window's weight, a fraction of 2^64: in [begin, end).
  Uint128 AtShare(uint64_t share) const { return begin_ + Scale(share, end_ - begin_); }
  // floor(share weight / 2^64), share a fraction of 2^64.
  static Uint128 Scale(uint64_t share, Uint128 weight) {
    return MultiplyHigh(share, static_cast<uint64_t>(weight)) +
           static_cast<Uint128>(share) * static_cast<uint64_t>(weight >> 64);
  }

  // The weight before a time (ms since 1970 UTC) of the window, or its end; never falling.
  Uint128 Before(int64_t time) const;

  // When the local hour of a time began, and the weight of a millisecond of it.
  int64_t HourBegin(int64_t time) const { return time - (time - midnight_) % kHour; }
  uint64_t RateAt(int64_t time) const;

  // A local day of the epoch, counted from the one in which its window begins.
  size_t DayOf(Uint128 weight) const { return DayOf(weight, 0, begins_.size() - 2); }
  // The same where it is known to be one of [first, last].
  size_t DayOf(Uint128 weight, size_t first, size_t last) const {
    for (size_t days = last - first + 1; days > 1;) {
      const size_t half = days / 2;
      first += begins_[first + half] <= weight ? half : 0;
      days -= half;
    }
    return first;
  }

  // An hour with weight: it lies in [begin, end), and `time` + (weight - begin) / rate is the
  // millisecond that holds a weight in it.
  struct Hour {
    Uint128 begin = 0;
    Uint128 end = 0;
    int64_t time = 0;
    Reciprocal rate;

    int64_t TimeOf(Uint128 weight) const {
      return time + static_cast<int64_t>(rate.Divide(static_cast<uint64_t>(weight - begin)));
    }
  };
  Hour HourOf(Uint128 weight) const;

  // The millisecond that holds a weight in [begin, end), which lies in the window; never falling.
  // `day` is DayOf(weight).
  int64_t TimeOf(Uint128 weight, size_t day) const {
    const auto [weekday, hour, within] = Find(weight, day);
    const uint64_t ms = hour_rates_[weekday * 24 + hour].Divide(within);
    return midnight_ + static_cast<int64_t>(day) * kDay + static_cast<int64_t>(hour) * kHour +
           static_cast<int64_t>(ms);
  }
  int64_t TimeOf(Uint128 weight) const { return TimeOf(weight, DayOf(weight)); }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(hour_weights_)));
    visit(std::as_bytes(std::span(factors_)));
  }

 private:
  static constexpr size_t kFactors = 1024;
  static constexpr int kFactorShift = 64 - 10;
  // A day's weight before each hour, and then beyond all weights, for a search in five steps.
  using Day = std::array<uint64_t, 32>;

  struct Place {
    size_t weekday;
    size_t hour;
    uint64_t within;  // weight in the hour, without the day's factor
  };
  Place Find(Uint128 weight, size_t day) const {
    const size_t weekday = (first_weekday_ + day) % 7;
    const Day& before = days_[weekday];
    const uint64_t within =
        factor_rates_[day_factors_[day]].Divide(static_cast<uint64_t>(weight - begins_[day]));
    size_t hour = 0;
    for (size_t jump = 16; jump > 0; jump /= 2) {
      hour += before[hour + jump] <= within ? jump : 0;
    }
    return {weekday, hour, within - before[hour]};
  }

  WindowOptions window_;
  int64_t utc_offset_;  // ms
  uint64_t key_;
  // Weights of the hours a millisecond, and factors of the days: their product times a day of ms
  // fits 64 bits.
  std::array<uint32_t, kHours> hour_weights_{};
  std::array<Reciprocal, kHours> hour_rates_;
  std::array<Day, 7> days_{};
  std::vector<uint32_t> factors_;
  std::vector<Reciprocal> factor_rates_;  // of factors_

  // Of the epoch that was started last.
  int64_t epoch_ = -1;
  int64_t midnight_ = 0;  // when its first local day began, in UTC
  size_t first_weekday_ = 0;
  std::vector<uint16_t> day_factors_;  // of factors_
  std::vector<Uint128> begins_;        // of its days, and then of the one after them
  Uint128 begin_ = 0;
  Uint128 end_ = 0;
};

}  // namespace throng::plugins
