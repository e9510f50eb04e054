#include "server/delivery/pacer.h"

#include <google/protobuf/duration.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace throng {
namespace {

using std::chrono::milliseconds;
using Clock = Pacer::Clock;
using Seconds = std::chrono::duration<double>;

constexpr Clock::time_point kStart{std::chrono::hours(100)};

Clock::time_point At(double seconds) {
  return kStart + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}

double SecondsAt(Clock::time_point time) { return Seconds(time - kStart).count(); }

v1::Pace RateOf(double rate) {
  v1::Pace pace;
  pace.set_rate(rate);
  return pace;
}

void Hold(v1::Pace* pace, double rate, int seconds) {
  v1::PaceStep* step = pace->add_profile();
  step->set_rate(rate);
  step->mutable_for_()->set_seconds(seconds);
}

void Ramp(v1::Pace* pace, double to, int seconds) {
  v1::PaceStep* step = pace->add_profile();
  step->set_to(to);
  step->mutable_over()->set_seconds(seconds);
}

// Hands over in pieces of what the pacer allows, each as soon as it is due, until `end`; the rows.
int64_t RowsUntil(Pacer* pacer, double end) {
  int64_t rows = 0;
  while (pacer->due() < At(end)) {
    const Clock::time_point now = pacer->due();
    const int64_t piece = pacer->MostRows(now);
    pacer->HandOver(piece, now);
    rows += piece;
  }
  return rows;
}

TEST(Pacer, HoldsARateOverAnyTime) {
  for (const double rate : {0.5, 1.0, 7.0, 999.0, 1e4, 1e6, 123'456.7}) {
    Pacer pacer(RateOf(rate), kStart, kStart);
    int64_t before = 0;
    for (int tens = 1; tens <= 5; ++tens) {
      const int64_t rows = before + RowsUntil(&pacer, 10.0 * tens);
      EXPECT_NEAR(static_cast<double>(rows - before), 10 * rate, std::max(1.0, 0.01 * 10 * rate));
      before = rows;
    }
  }
}

TEST(Pacer, PiecesAreTenMillisecondsAtMost) {
  EXPECT_EQ(Pacer(RateOf(1), kStart, kStart).MostRows(kStart), 1);
  EXPECT_EQ(Pacer(RateOf(199), kStart, kStart).MostRows(kStart), 1);
  EXPECT_EQ(Pacer(RateOf(1'000), kStart, kStart).MostRows(kStart), 8);
  EXPECT_EQ(Pacer(RateOf(1'000'000), kStart, kStart).MostRows(kStart), 8192);
}

TEST(Pacer, MakesUpForAShortDelayWithoutABurst) {
  Pacer pacer(RateOf(1'000), kStart, kStart);
  RowsUntil(&pacer, 1);
  pacer.HandOver(8, pacer.due() + milliseconds(80));
  // At most a quarter faster than the rate.
  const Clock::time_point late = pacer.due();
  const int64_t rows = RowsUntil(&pacer, SecondsAt(late) + 0.1);
  EXPECT_LE(rows, 128 + 8);
  EXPECT_GT(rows, 110);
  // By then it is where it would have been.
  const double at = SecondsAt(late) + 0.1;
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, at + 10)), 10'000, 100);
}

TEST(Pacer, DoesNotCatchUpAfterAStall) {
  Pacer pacer(RateOf(1'000), kStart, kStart);
  RowsUntil(&pacer, 1);
  pacer.HandOver(8, At(60));
  EXPECT_LE(RowsUntil(&pacer, 61), 1'000 + 100 + 8);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 71)), 10'000, 100);
  pacer.Restart(At(100));
  EXPECT_EQ(pacer.due(), At(100));
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 110)), 10'000, 100);
}

TEST(Pacer, FollowsAProfile) {
  v1::Pace pace;
  Hold(&pace, 100, 10);
  Ramp(&pace, 5'000, 20);
  Hold(&pace, 0, 5);
  Hold(&pace, 1'000, 5);
  Pacer pacer(pace, kStart, kStart);
  EXPECT_DOUBLE_EQ(pacer.RateAt(At(20)), 2'550);
  EXPECT_DOUBLE_EQ(pacer.RateAt(At(33)), 0);
  EXPECT_DOUBLE_EQ(pacer.RateAt(At(1'000)), 1'000);  // the last one holds
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 10)), 1'000, 10);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 20)), 100 * 10 + 4'900 / 4.0 * 10, 140);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 30)), 25'500 + 12'250, 380);
  EXPECT_LE(RowsUntil(&pacer, 34.9), 64);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 45)), 10'000, 140);
}

TEST(Pacer, RepeatsAProfileAndKnowsWhenItBegan) {
  v1::Pace pace;
  Hold(&pace, 0, 9);
  Hold(&pace, 10'000, 1);
  pace.set_repeat(true);
  // It began long ago, in the middle of a pass.
  Pacer pacer(pace, At(-1'000'004), kStart);
  EXPECT_DOUBLE_EQ(pacer.RateAt(kStart), 0);
  EXPECT_NEAR(SecondsAt(pacer.due()), 5, 0.001);
  EXPECT_DOUBLE_EQ(pacer.RateAt(At(5.5)), 10'000);
  EXPECT_EQ(RowsUntil(&pacer, 4.9), 0);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 6.1)), 10'000, 150);
  EXPECT_NEAR(static_cast<double>(RowsUntil(&pacer, 106.1)), 100'000, 1'000);
}

TEST(Pacer, KnowsWhenATimeIs) {
  const auto now =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const Clock::time_point before = Clock::now();
  const Clock::time_point due = Pacer::TimeOf(now.count() + 60'000);
  EXPECT_NEAR(Seconds(due - before).count(), 60, 5);
  v1::Pace pace;
  pace.mutable_live();
  EXPECT_TRUE(Pacer(pace, kStart, kStart).IsLive());
  EXPECT_FALSE(Pacer(pace, kStart, kStart).HasRate());
}

}  // namespace
}  // namespace throng
