#include "server/delivery/pacer.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace throng {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

// Rows that are handed over at once are at most this much time's.
constexpr double kBurstSeconds = 0.01;
// A delay that is made up for, and how much of the time between two pieces must pass meanwhile.
constexpr milliseconds kMadeUp{100};
constexpr double kLeastOfInterval = 0.8;
// More than any clock here holds is as good as never.
constexpr double kLongestSeconds = 1e9;

Pacer::Clock::duration DurationOf(double seconds) {
  return std::chrono::duration_cast<Pacer::Clock::duration>(
      Seconds(std::min(seconds, kLongestSeconds)));
}

double SecondsOf(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

// Seconds until `rows` have come, if the rate is `rate` now and grows by `slope` each second.
double Solve(double rows, double rate, double slope) {
  return 2 * rows / (rate + std::sqrt(std::max(0.0, rate * rate + 2 * slope * rows)));
}

}  // namespace

Pacer::Pacer(const v1::Pace& pace, Clock::time_point profile_start, Clock::time_point now)
    : rate_(pace.rate()),
      repeats_(pace.repeat()),
      is_live_(pace.has_live()),
      profile_start_(profile_start) {
  double begin = 0;
  for (const v1::PaceStep& step : pace.profile()) {
    const double end = begin + SecondsOf(step.has_over() ? step.over() : step.for_());
    const double to = step.has_over() ? step.to() : step.rate();
    steps_.push_back({begin, end, step.has_over() ? rate_ : to, to});
    rows_of_pass_ += (steps_.back().from + to) / 2 * (end - begin);
    begin = end;
    rate_ = to;
  }
  Restart(now);
}

void Pacer::Restart(Clock::time_point now) {
  constexpr double kNextToNothing = 1e-6;
  const bool must_wait = HasRate() && RateAt(now) == 0;
  due_ = earliest_ = must_wait ? now + DurationOf(SecondsFor(kNextToNothing, now)) : now;
}

double Pacer::PlaceAt(Clock::time_point time) const {
  const double seconds = std::max(0.0, Seconds(time - profile_start_).count());
  return repeats_ ? std::fmod(seconds, steps_.back().end) : seconds;
}

double Pacer::RateAt(Clock::time_point time) const {
  if (steps_.empty()) return rate_;
  const double place = PlaceAt(time);
  for (const Step& step : steps_) {
    if (place >= step.end) continue;
    return step.from + (step.to - step.from) * (place - step.begin) / (step.end - step.begin);
  }
  return rate_;
}

int64_t Pacer::MostRows(Clock::time_point time) const {
  const double rows = std::max(1.0, RateAt(time) * kBurstSeconds);
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows)));
}

double Pacer::SecondsFor(double rows, Clock::time_point from) const {
  if (steps_.empty()) return rows / rate_;
  double place = PlaceAt(from);
  double seconds = 0;
  if (repeats_) {
    const double passes = std::floor(rows / rows_of_pass_);
    rows -= passes * rows_of_pass_;
    seconds = passes * steps_.back().end;
  }
  while (seconds < kLongestSeconds) {
    for (const Step& step : steps_) {
      if (place >= step.end) continue;
      const double slope = (step.to - step.from) / (step.end - step.begin);
      const double rate = step.from + slope * (place - step.begin);
      const double left = step.end - place;
      const double rows_left = (rate + step.to) / 2 * left;
      if (rows_left >= rows && rows > 0) return seconds + Solve(rows, rate, slope);
      if (rows <= 0) return seconds;
      rows -= rows_left;
      seconds += left;
      place = step.end;
    }
    if (!repeats_) return rate_ > 0 ? seconds + rows / rate_ : kLongestSeconds;
    place = 0;
  }
  return seconds;
}

Pacer::Clock::duration Pacer::TimeFor(int64_t rows, Clock::time_point from) const {
  return DurationOf(SecondsFor(static_cast<double>(rows), from));
}

void Pacer::HandOver(int64_t rows, Clock::time_point now) {
  if (!HasRate()) return;
  const Clock::time_point from = std::max(due_, now - kMadeUp);
  due_ = from + TimeFor(rows, from);
  const Seconds interval = TimeFor(rows, now);
  earliest_ = now + DurationOf(kLeastOfInterval * interval.count());
}

Pacer::Clock::time_point Pacer::TimeOf(int64_t ms) {
  const std::chrono::system_clock::time_point time{milliseconds(ms)};
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(time - std::chrono::system_clock::now());
}

}  // namespace throng
