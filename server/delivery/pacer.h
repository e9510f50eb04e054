// When rows are due: at a rate, by a profile of rates, or at the time of each of them. It decides
// nothing about what is written.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "throng/v1/spec.pb.h"

namespace throng {

class Pacer {
 public:
  using Clock = std::chrono::steady_clock;

  // As fast as possible.
  Pacer() = default;
  // A valid pace. A profile began at `profile_start`, which may have been long ago; the first rows
  // are due `now`.
  Pacer(const v1::Pace& pace, Clock::time_point profile_start, Clock::time_point now);

  // Whether rows are due one after the other, whatever their times are.
  bool HasRate() const { return rate_ > 0 || !steps_.empty(); }
  // Whether each row is due at its own time.
  bool IsLive() const { return is_live_; }
  // Rows a second that are asked for at a time; 0: none, or as fast as possible.
  double RateAt(Clock::time_point time) const;
  // The most rows to hand over at once then: those of 10 ms, rounded down to a power of two.
  int64_t MostRows(Clock::time_point time) const;

  // When the next rows are due.
  Clock::time_point due() const { return std::max(due_, earliest_); }
  // So many rows are handed over now. A delay of up to 100 ms is made up for, at most a quarter
  // faster than the rate; what a longer one held up is not.
  void HandOver(int64_t rows, Clock::time_point now);
  // Nothing was to be handed over until now; the next rows are due as soon as the rate is above 0.
  void Restart(Clock::time_point now);

  // When a row of that time, in milliseconds since 1970 UTC, is due by the wall clock.
  static Clock::time_point TimeOf(int64_t ms);

 private:
  // A part of a profile, in which the rate goes from one to another in a straight line.
  struct Step {
    double begin;  // seconds since the profile's start
    double end;
    double from;  // rows a second
    double to;
  };

  // Seconds since the profile's start; of one that is repeated, since it last began.
  double PlaceAt(Clock::time_point time) const;
  // How long it takes from then until so many rows have come.
  Clock::duration TimeFor(int64_t rows, Clock::time_point from) const;
  double SecondsFor(double rows, Clock::time_point from) const;

  double rate_ = 0;  // for ever; after a profile that is not repeated
  std::vector<Step> steps_;
  bool repeats_ = false;
  double rows_of_pass_ = 0;  // of the whole profile
  bool is_live_ = false;
  Clock::time_point profile_start_;
  Clock::time_point due_;       // by the schedule
  Clock::time_point earliest_;  // however late the schedule is
};

}  // namespace throng
