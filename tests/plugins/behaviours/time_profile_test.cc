// Lambda of clocks with a profile, and its inverse: exact, and beside a reference in doubles.
#include "plugins/clock/time_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "plugins/clock/log_normal.h"
#include "plugins/clock/near_hours.h"

namespace throng::plugins {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMonday = 1'704'067'200'000;  // 2024-01-01T00:00:00Z

ProfileOptions Options(int64_t start, int64_t window, const std::string& profile = "shop",
                       double utc_offset = 0, double day_variation = 0) {
  ProfileOptions options;
  options.start.ms = start;
  options.window.ms = window;
  options.profile = profile;
  options.utc_offset = utc_offset;
  options.day_variation = day_variation;
  return options;
}

std::string Weights(const std::function<double(int)>& weight) {
  std::string text;
  for (int i = 0; i < 168; ++i) text += (i == 0 ? "" : ",") + detail::NumberText(weight(i));
  return text;
}

// 0 to 167 from Monday 0h on.
int HourOfWeek(int64_t time, double utc_offset = 0) {
  const auto shift = static_cast<int64_t>(utc_offset * kHour);
  const int64_t hours = (time - kMonday + shift + int64_t{70'000} * 7 * kDay) / kHour;
  return static_cast<int>(hours % 168);
}

double AsDouble(Uint128 x) {
  return static_cast<double>(static_cast<uint64_t>(x >> 64)) * 0x1p64 +
         static_cast<double>(static_cast<uint64_t>(x));
}

struct Case {
  int64_t start;
  int64_t window;
  double utc_offset;
  double day_variation;
};

const Case kCases[] = {
    {kMonday, 1, 0, 0.15},
    {kMonday, kHour, 0, 0.15},
    {kMonday + 17 * kHour + 1'234'567, 90 * 60'000 + 1, 5.5, 1},
    {kMonday + 5 * kDay, 30 * kDay, 0, 0.15},
    {kMonday - 3 * kHour, 10 * kDay + 12'345, -14, 0.5},
    {kMonday, 365 * kDay, 14, 0.15},
    {kMonday + 1, 36'525 * kDay, 1, 1},
    {-62'135'596'800'000, 36'525 * kDay, -3.25, 0.15},
};

// Some times of a window: its ends, ends of hours, and at random.
std::vector<int64_t> TimesOf(int64_t start, int64_t window) {
  std::vector<int64_t> times = {start, start + window - 1};
  for (uint64_t i = 0; i < 500; ++i) {
    const auto within =
        static_cast<int64_t>(MultiplyHigh(Hash(1, i), static_cast<uint64_t>(window)));
    times.push_back(start + within);
    for (const int64_t beside : {-1, 0}) {
      const int64_t time = (start + within) / (kHour / 4) * (kHour / 4) + beside;
      if (time >= start && time < start + window) times.push_back(time);
    }
  }
  return times;
}

TEST(TimeProfile, InvertsItselfToTheMillisecond) {
  const std::string sparse = Weights([](int i) { return i % 3 == 0 || i < 50 ? 0 : i; });
  for (const Case& c : kCases) {
    for (const std::string& profile : {std::string("shop"), std::string("flat"), sparse}) {
      TimeProfile hours(Options(c.start, c.window, profile, c.utc_offset, c.day_variation), 7);
      for (const int64_t epoch : {0, 1, 7, 40}) {
        SCOPED_TRACE(testing::Message() << c.window << " ms, epoch " << epoch << ", " << profile);
        hours.StartEpoch(epoch);
        const int64_t start = c.start + epoch * c.window;
        EXPECT_EQ(hours.Before(start), hours.begin());
        EXPECT_EQ(hours.Before(start + c.window), hours.end());
        for (const int64_t time : TimesOf(start, c.window)) {
          const Uint128 before = hours.Before(time);
          const Uint128 after = hours.Before(time + 1);
          ASSERT_LE(before, after) << time;
          if (before == after) continue;  // an hour without weight
          for (const Uint128 weight : {before, before + (after - before) / 2, after - 1}) {
            ASSERT_EQ(hours.TimeOf(weight), time);
            ASSERT_EQ(hours.HourOf(weight).TimeOf(weight), time);
          }
        }
      }
    }
  }
}

TEST(TimeProfile, NeverFallsAndStaysInTheWindow) {
  for (const Case& c : kCases) {
    TimeProfile hours(Options(c.start, c.window, "shop", c.utc_offset, c.day_variation), 7);
    int64_t last = INT64_MIN;
    for (int64_t epoch = 0; epoch < 4; ++epoch) {
      hours.StartEpoch(epoch);
      const int64_t start = c.start + epoch * c.window;
      for (uint64_t i = 0; i <= 1000; ++i) {
        const uint64_t share = i == 1000 ? ~uint64_t{0} : i * (~uint64_t{0} / 1000);
        const int64_t time = hours.TimeOf(hours.AtShare(share));
        ASSERT_GE(time, std::max(start, last));
        ASSERT_LT(time, start + c.window);
        last = time;
      }
    }
  }
}

TEST(NearHours, AreThoseOfTheProfile) {
  const std::string sparse = Weights([](int i) { return i % 3 == 0 || i < 50 ? 0 : i; });
  NearHours near;
  for (const Case& c : kCases) {
    for (const std::string& text : {std::string("shop"), sparse}) {
      TimeProfile profile(Options(c.start, c.window, text, c.utc_offset, c.day_variation), 7);
      profile.StartEpoch(2);
      const int64_t start = c.start + 2 * c.window;
      for (uint64_t i = 0; i < 40; ++i) {
        const auto at = [&](uint64_t hash, int64_t end) {
          return static_cast<int64_t>(MultiplyHigh(hash, static_cast<uint64_t>(end)));
        };
        const int64_t first = i == 0 ? start : start + at(Hash(2, i), c.window);
        const int64_t most = std::min(start + c.window - first, kDay * static_cast<int64_t>(i));
        const int64_t last =
            first + (i == 0 ? c.window - 1 : at(Hash(3, i), std::max<int64_t>(most, 1)));
        if (!near.Take(profile, first, last, 2000)) {
          ASSERT_GT(last - first, 1998 * kHour);
          continue;
        }
        for (uint64_t j = 0; j <= 50; ++j) {
          const int64_t time = j == 50 ? last + 1 : first + at(Hash(j, i), last - first + 1);
          const Uint128 weight = profile.Before(time);
          ASSERT_EQ(near.base() + near.Within(time), weight);
          if (j == 50 || profile.Before(time + 1) == weight) continue;
          ASSERT_EQ(near.TimeOf(static_cast<uint64_t>(weight - near.base())), time);
          ASSERT_EQ(near.TimeOf(static_cast<uint64_t>(profile.Before(time + 1) - 1 - near.base())),
                    time);
        }
      }
      EXPECT_FALSE(near.Take(profile, start, start + c.window - 1, 0));
    }
  }
}

// The sum over hours of weight times length, in doubles.
double Reference(const std::function<double(int)>& weight, int64_t start, int64_t end,
                 double utc_offset) {
  double sum = 0;
  for (int64_t time = start; time < end;) {
    const auto shift = static_cast<int64_t>(utc_offset * kHour);
    const int64_t into = ((time + shift) % kHour + kHour) % kHour;
    const int64_t next = std::min(time + kHour - into, end);
    sum += weight(HourOfWeek(time, utc_offset)) * static_cast<double>(next - time);
    time = next;
  }
  return sum;
}

TEST(TimeProfile, HasTheWeightsOfItsHours) {
  const auto weight = [](int hour) {
    const int day = hour / 24;
    return 1 + hour % 24 + 0.25 * day;
  };
  for (const Case& c : kCases) {
    if (c.window > 400 * kDay) continue;
    TimeProfile hours(Options(c.start, c.window, Weights(weight), c.utc_offset, 0), 7);
    for (const int64_t epoch : {0, 1, 7}) {
      hours.StartEpoch(epoch);
      const int64_t start = c.start + epoch * c.window;
      const double all = Reference(weight, start, start + c.window, c.utc_offset);
      for (int part = 1; part < 20; ++part) {
        const int64_t time = start + c.window / 20 * part;
        const double expected = Reference(weight, start, time, c.utc_offset) / all;
        const double found =
            AsDouble(hours.Before(time) - hours.begin()) / AsDouble(hours.end() - hours.begin());
        ASSERT_NEAR(found, expected, 2e-6) << c.window << " " << epoch << " " << part;
      }
    }
  }
}

TEST(TimeProfile, TheShopHasNightsEveningsAndWeekends) {
  TimeProfile hours(Options(kMonday, 7 * kDay), 7);
  hours.StartEpoch(3);
  const double mean = AsDouble(hours.end() - hours.begin()) / 168;
  const auto weight = [&](int64_t day, int64_t hour) {
    const int64_t time = kMonday + (21 + day) * kDay + hour * kHour;
    return AsDouble(hours.Before(time + kHour) - hours.Before(time)) / mean;
  };
  EXPECT_NEAR(weight(0, 4) / weight(0, 21), 0.17 / 1.80, 1e-5);
  EXPECT_NEAR(weight(5, 12) / weight(1, 12), 1.12 / 0.92, 1e-5);
  EXPECT_NEAR(weight(6, 21), 1.80 * 1.11 / (22.34 / 24), 1e-4);
}

TEST(TimeProfile, WeekendsStayWhereTheyAre) {
  const std::string weekend = Weights([](int hour) { return hour >= 120 ? 1 : 0; });
  for (const double offset : {0.0, 5.75, -11.0}) {
    // No whole weeks, days or hours.
    TimeProfile hours(Options(kMonday + 777, 9 * kDay + 5 * kHour + 1, weekend, offset, 0.3), 7);
    for (int64_t epoch = 0; epoch < 100; ++epoch) {
      hours.StartEpoch(epoch);
      for (uint64_t i = 0; i < 50; ++i) {
        const int64_t time = hours.TimeOf(hours.AtShare(Hash(7, i)));
        ASSERT_GE(HourOfWeek(time, offset), 120) << time;
      }
    }
  }
}

// The factor is the day's, whatever window it lies in.
TEST(TimeProfile, ADayHasOneFactor) {
  TimeProfile month(Options(kMonday, 30 * kDay, "shop", 2, 0.15), 7);
  TimeProfile hours(Options(kMonday - 100 * kDay, 7 * kHour, "shop", 2, 0.15), 7);
  TimeProfile other(Options(kMonday, 30 * kDay, "shop", 2, 0.15), 8);
  month.StartEpoch(1);
  other.StartEpoch(1);
  int differ = 0;
  for (int64_t day = 31; day < 59; ++day) {
    const int64_t time = kMonday + day * kDay + 12 * kHour;
    const auto of = [&](const TimeProfile& profile) {
      return profile.Before(time + 1) - profile.Before(time);
    };
    const int64_t epoch = (time - (kMonday - 100 * kDay)) / (7 * kHour);
    hours.StartEpoch(epoch);
    EXPECT_EQ(of(month), of(hours));
    differ += of(month) == of(other) ? 0 : 1;
  }
  EXPECT_GT(differ, 20);
}

TEST(TimeProfile, DaysDifferByTheirVariation) {
  for (const double variation : {0.0, 0.15, 1.0}) {
    constexpr int64_t kDays = 20'000;
    TimeProfile hours(Options(kMonday, kDays * kDay, "flat", 0, variation), 7);
    hours.StartEpoch(0);
    std::vector<double> logs;
    for (int64_t day = 0; day < kDays; ++day) {
      const int64_t time = kMonday + day * kDay;
      logs.push_back(std::log(AsDouble(hours.Before(time + kDay) - hours.Before(time))));
    }
    const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / kDays;
    double square = 0;
    for (const double x : logs) square += (x - mean) * (x - mean);
    EXPECT_NEAR(std::sqrt(square / kDays), variation, 0.02 * variation + 1e-9);
  }
}

// ---- What cannot be -----------------------------------------------------------------------------

std::string Refusal(const ProfileOptions& options, std::string* option) {
  try {
    TimeProfile::Validate(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), THRONG_INVALID_ARGUMENT);
    *option = error.option();
    return error.what();
  }
  return "it was taken";
}

TEST(TimeProfile, RefusesWhatIsNoProfile) {
  std::string option;
  const auto of = [&](const std::string& profile, int64_t window = 30 * kDay) {
    return Refusal(Options(kMonday, window, profile), &option);
  };
  const auto one = [](int i) { return i == 9 ? 1.0 : 0.0; };
  EXPECT_EQ(of("shop"), "it was taken");
  EXPECT_EQ(of("flat", 1), "it was taken");
  EXPECT_EQ(of("[" + Weights(one) + "]"), "it was taken");
  EXPECT_THAT(of("cinema"), HasSubstr("\"cinema\" is no profile; give shop, flat, or 168 weights"));
  EXPECT_EQ(option, "profile");
  EXPECT_THAT(of("1, 2, 3"), HasSubstr("the profile has 3 of 168 weights; give one for each hour"));
  EXPECT_THAT(of(Weights(one) + ",1"), HasSubstr("has more than 168 weights"));
  EXPECT_THAT(of(Weights([](int i) { return i == 2 ? -1 : 1; })),
              HasSubstr("weight 3 of the profile is negative or no number; give 0 or more"));
  EXPECT_THAT(of(Weights([](int) { return 0; })), HasSubstr("all weights of the profile are 0"));
  EXPECT_THAT(
      of(Weights(one), 167 * kHour),
      HasSubstr("the profile has 167 hours on end with a weight of 0, and an epoch's window "
                "can lie within them; give a longer window"));
  EXPECT_EQ(option, "window");
  EXPECT_EQ(of(Weights(one), 167 * kHour + 1), "it was taken");
}

TEST(TimeProfile, SaysThatEpochsLeaveAllCalendars) {
  TimeProfile hours(Options(kMonday, 36'525 * kDay), 7);
  try {
    hours.StartEpoch(INT64_MAX / 1000);
    FAIL() << "should lie too far";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), THRONG_OUT_OF_RANGE);
    EXPECT_THAT(error.what(), HasSubstr("the windows of so many epochs lie beyond any calendar"));
  }
  hours.StartEpoch(0);
  EXPECT_EQ(hours.TimeOf(hours.begin()), kMonday);
}

// ---- Its parts ----------------------------------------------------------------------------------

TEST(LogNormalTable, HasTheQuantilesOfTheDistribution) {
  for (const double spread : {0.0, 0.15, 1.2, 2.0}) {
    const std::vector<uint32_t> table = LogNormalTable(4096, 40'000, spread);
    EXPECT_TRUE(std::is_sorted(table.begin(), table.end()));
    for (const size_t i : {size_t{0}, size_t{1}, size_t{100}, size_t{2047}, size_t{2048},
                           size_t{4000}, size_t{4095}}) {
      // Where the distribution has (i + 1/2) / 4096 before it.
      double low = -9;
      double high = 9;
      for (int step = 0; step < 100; ++step) {
        const double z = (low + high) / 2;
        const double below = 0.5 * std::erfc(-z / std::sqrt(2.0));
        (below < (static_cast<double>(i) + 0.5) / 4096 ? low : high) = z;
      }
      EXPECT_NEAR(table[i], 40'000 * std::exp(spread * low), 0.6) << i << " " << spread;
    }
  }
  EXPECT_LT(LogNormalTable(4096, 1'800'000, 2).back(), UINT32_MAX);
}

TEST(RowShares, FollowOneAnother) {
  for (const int64_t rows : {int64_t{1}, int64_t{2}, int64_t{1023}, int64_t{1024}, int64_t{5000},
                             int64_t{100'000'000'000}}) {
    const RowShares shares(rows);
    for (const int64_t first : {int64_t{0}, rows / 2, std::max<int64_t>(rows - 3000, 0)}) {
      for (int64_t row = first; row < std::min(rows, first + 3000); ++row) {
        const auto i = static_cast<uint64_t>(row);
        ASSERT_LE(shares.Begin(i) + shares.step(), shares.Begin(i + 1));
        ASSERT_LE(shares.Begin(i + 1) - shares.Begin(i) - shares.step(), RowShares::kPiece);
      }
    }
    EXPECT_GT(shares.Begin(static_cast<uint64_t>(rows)), ~uint64_t{0} - RowShares::kPiece);
  }
}

}  // namespace
}  // namespace throng::plugins
