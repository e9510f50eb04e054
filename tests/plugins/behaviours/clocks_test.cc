// The clocks `diurnal` and `sessions`, loaded as the worker loads them, over sessions made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "server/control/status.h"
#include "server/dataset/columns.h"
#include "server/dataset/segments.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/host/option_values.h"
#include "throng/random.hpp"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kStart = 1'704'067'200'000;  // 2024-01-01T00:00:00Z, a Monday
constexpr int64_t kHour = 3'600'000;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kShuffled = 0;

size_t At(int64_t i) { return static_cast<size_t>(i); }

const Catalogue& Plugins() {
  static const absl::StatusOr<Catalogue> kCatalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER});
  return kCatalogue.value();
}

class Clock {
 public:
  using Options = std::map<std::string, std::string>;

  Clock(const std::string& name, int64_t rows, const Options& options = {}) : rows_(rows) {
    const Component& component = *Plugins().Find(Role::kClock, name).value();
    values_ = OptionValues::Parse(component, options, "dataset.clock", 0, &problems_);
    if (!problems_.empty()) return;
    environment_.log = [this](int32_t, const std::string&, const std::string& sentence) {
      remarks_.push_back(sentence);
    };
    dataset_.struct_size = sizeof dataset_;
    dataset_.key = 42;
    dataset_.plan_size = rows;
    dataset_.from_time = INT64_MIN;
    auto made = PluginBehaviour::Create(component, environment_, dataset_, values_.values());
    EXPECT_TRUE(made.ok()) << made.status();
    behaviour_ = *std::move(made);
    segments_ = Segments({0}, rows, block_rows());
  }

  std::string problems() const { return ToString(problems_); }
  const std::vector<std::string>& remarks() const { return remarks_; }
  int64_t block_rows() const { return behaviour_->BlockRows(); }

  // The range that holds a row: a whole block, or what is left of the epoch.
  SegmentRange RangeOf(int64_t row) const { return segments_.At(row); }

  // Rows of an epoch, not sorted: sessions of lengths that follow one another, cut at `rows`; the
  // place of a row is its number. kShuffled: each row is a session.
  Columns Fill(int64_t epoch, int64_t first, int64_t rows, int64_t longest = 19) const {
    Columns columns(At(rows));
    std::vector<int64_t> session(At(rows));
    for (int64_t begin = 0; begin < rows;) {
      int64_t size = 1;
      if (longest != kShuffled) {
        const uint64_t hash = Hash(static_cast<uint64_t>(epoch), static_cast<uint64_t>(begin));
        size += static_cast<int64_t>(hash % static_cast<uint64_t>(longest));
      }
      size = std::min(size, rows - begin);
      for (int64_t i = 0; i < size; ++i) {
        columns.place[At(begin + i)] = first + begin + i;
        session[At(begin + i)] = first + begin;
        columns.session_row[At(begin + i)] = i;
        columns.session_rows[At(begin + i)] = size;
      }
      begin += size;
    }
    const absl::Status status = FillInto(epoch, first, session, &columns);
    EXPECT_TRUE(status.ok()) << status;
    return columns;
  }

  absl::Status FillInto(int64_t epoch, int64_t first, std::vector<int64_t>& session,
                        Columns* columns) const {
    throng_batch batch = columns->At(0);
    const int64_t segments[] = {0, rows_};
    batch.segments = segments;
    batch.rows = static_cast<uint32_t>(columns->capacity());
    batch.first_row = epoch * rows_ + first;
    batch.epoch = epoch;
    batch.epoch_row = first;
    batch.session = session.data();
    return behaviour_->Fill(batch);
  }

 private:
  int64_t rows_;
  Problems problems_;
  OptionValues values_;
  Environment environment_;
  std::vector<std::string> remarks_;
  throng_dataset dataset_{};
  std::unique_ptr<PluginBehaviour> behaviour_;
  Segments segments_;
};

// 168 weights as text.
template <class F>
std::string Weights(const F& weight) {
  std::string text;
  for (int i = 0; i < 168; ++i) text += (i == 0 ? "" : ",") + std::to_string(weight(i));
  return text;
}

int64_t HourOfWeek(int64_t time) { return (time - kStart) / kHour % 168; }

struct Case {
  int64_t rows;
  std::string window;
  int64_t window_ms;
};

// From one row a month to a thousand a millisecond.
const Case kCases[] = {{1, "30d", 30 * kDay},
                       {129, "1h", kHour},
                       {50'000, "30d", 30 * kDay},
                       {50'000, "1h", kHour},
                       {30'000, "10ms", 10},
                       {200'000, "9d5h1ms", 9 * kDay + 5 * kHour + 1},
                       {200'000, "365d", 365 * kDay},
                       {20'000, "36525d", 36'525 * kDay},
                       {1'000'000'000, "30d", 30 * kDay},
                       {100'000'000'000, "1h", kHour},
                       {100'000'000'000, "1ms", 1}};

// Up to four blocks at each end of an epoch, and as many around its middle.
std::vector<int64_t> SomeBlocks(const Clock& clock, int64_t rows) {
  std::vector<int64_t> firsts;
  for (const int64_t near : {int64_t{0}, rows / 2, rows - 1}) {
    int64_t first = clock.RangeOf(near).first;
    for (int i = 0; i < 2 && first > 0; ++i) first = clock.RangeOf(first - 1).first;
    for (int i = 0; i < 4 && first < rows; ++i) {
      firsts.push_back(first);
      first += clock.RangeOf(first).rows;
    }
  }
  std::sort(firsts.begin(), firsts.end());
  firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
  return firsts;
}

// ---- Sessions -----------------------------------------------------------------------------------

TEST(Sessions, LieInTheirBlocksSlicesWhichFollowOneAnother) {
  for (const Case& c : kCases) {
    const Clock sessions("sessions", c.rows, {{"window", c.window}, {"utc_offset", "-4.5"}});
    const Clock diurnal("diurnal", c.rows, {{"window", c.window}, {"utc_offset", "-4.5"}});
    for (const int64_t longest : {kShuffled, int64_t{19}, int64_t{64}}) {
      SCOPED_TRACE(testing::Message() << c.rows << " rows in " << c.window << ", " << longest);
      int64_t last = INT64_MIN;
      for (const int64_t epoch : {0, 1}) {
        const int64_t start = kStart + epoch * c.window_ms;
        for (const int64_t first : SomeBlocks(sessions, c.rows)) {
          const int64_t rows = sessions.RangeOf(first).rows;
          Columns columns = sessions.Fill(epoch, first, rows, longest);
          for (size_t i = 1; i < At(rows); ++i) {
            if (columns.session_row[i] == 0) continue;
            ASSERT_GE(columns.time[i], columns.time[i - 1]);
          }
          columns.SortByTime(0, At(rows));
          ASSERT_GE(columns.time.front(), std::max(start, last));
          last = columns.time.back();
          ASSERT_LT(last, start + c.window_ms);
          // The slices are those of the clock without sessions.
          if (first > 0) {
            ASSERT_GE(columns.time.front(), diurnal.Fill(epoch, first - 1, 1).time[0]);
          }
          if (first + rows < c.rows) {
            ASSERT_LE(last, diurnal.Fill(epoch, first + rows, 1).time[0]);
          }
        }
      }
    }
  }
}

double Quantile(std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size()))];
}

TEST(Sessions, HaveLogNormalGaps) {
  struct Expected {
    Clock::Options options;
    double median;
    double spread;
  };
  for (const Expected& expected :
       {Expected{{}, 40, 1.2}, Expected{{{"gap", "20s"}, {"gap_spread", "0.5"}}, 20, 0.5}}) {
    const Clock clock("sessions", 200'000, expected.options);
    std::vector<double> gaps;
    for (int64_t first = 0; first < 200'000; first += clock.RangeOf(first).rows) {
      const Columns columns = clock.Fill(0, first, clock.RangeOf(first).rows);
      for (size_t i = 1; i < columns.capacity(); ++i) {
        if (columns.session_row[i] == 0) continue;
        gaps.push_back(static_cast<double>(columns.time[i] - columns.time[i - 1]) / 1000);
      }
    }
    std::sort(gaps.begin(), gaps.end());
    for (const auto& [share, z] : {std::pair(0.1, -1.28155), std::pair(0.5, 0.0),
                                   std::pair(0.9, 1.28155), std::pair(0.99, 2.32635)}) {
      const double found = std::log(Quantile(gaps, share) / expected.median) / expected.spread;
      EXPECT_NEAR(found, z, 0.03) << share;
    }
  }
}

TEST(Sessions, OfAGapThatNeverVariesAreCombs) {
  const Clock clock("sessions", 5'000, {{"gap", "3s"}, {"gap_spread", "0"}});
  const Columns columns = clock.Fill(0, 0, clock.RangeOf(0).rows);
  for (size_t i = 1; i < columns.capacity(); ++i) {
    if (columns.session_row[i] == 0) continue;
    ASSERT_EQ(columns.time[i] - columns.time[i - 1], 3000);
  }
}

// Sessions begin when the profile says, also within a block's slice.
TEST(Sessions, BeginByTheProfile) {
  constexpr int64_t kRows = 400'000;
  const Clock clock("sessions", kRows, {{"window", "28d"}, {"day_variation", "0"}});
  std::vector<double> of_hour(24);
  double all = 0;
  for (int64_t first = 0; first < kRows; first += clock.RangeOf(first).rows) {
    const Columns columns = clock.Fill(0, first, clock.RangeOf(first).rows);
    for (size_t i = 0; i < columns.capacity(); ++i) {
      if (columns.session_row[i] > 0) continue;
      ++of_hour[At(HourOfWeek(columns.time[i]) % 24)];
      ++all;
    }
  }
  EXPECT_NEAR(of_hour[21] / all, 1.80 / 22.34, 0.004);
  EXPECT_NEAR(of_hour[4] / all, 0.17 / 22.34, 0.002);
  EXPECT_NEAR(of_hour[12] / all, 1.20 / 22.34, 0.003);
}

// A row's time is its own, wherever the other rows of its session are.
TEST(Sessions, AreAFunctionOfTheRow) {
  for (const std::string window : {"30d", "20m"}) {
    const Clock clock("sessions", 20'000, {{"window", window}});
    const int64_t rows = clock.RangeOf(0).rows;
    const Columns ordered = clock.Fill(2, 0, rows, 64);
    const Permutation permutation(static_cast<uint64_t>(rows), 5);
    Columns shuffled(At(rows));
    std::vector<int64_t> session(At(rows));
    for (size_t i = 0; i < At(rows); ++i) {
      const auto from = permutation.Map(i);
      shuffled.place[i] = ordered.place[from];
      session[i] = ordered.place[from] - ordered.session_row[from];
      shuffled.session_row[i] = ordered.session_row[from];
      shuffled.session_rows[i] = ordered.session_rows[from];
    }
    ASSERT_TRUE(clock.FillInto(2, 0, session, &shuffled).ok());
    for (size_t i = 0; i < At(rows); ++i) {
      ASSERT_EQ(shuffled.time[i], ordered.time[permutation.Map(i)]) << i;
    }
    EXPECT_EQ(clock.Fill(2, 0, rows, 64).time, ordered.time) << "after another epoch";
    EXPECT_NE(clock.Fill(3, 0, rows, 64).time, ordered.time);
    EXPECT_EQ(Clock("sessions", 20'000, {{"window", window}}).Fill(2, 0, rows, 64).time,
              ordered.time);
  }
}

TEST(Sessions, WishForBlocksOfAnHourOrMore) {
  const auto wish = [](int64_t rows, const std::string& window) {
    return Clock("sessions", rows, {{"window", window}}).block_rows();
  };
  EXPECT_EQ(wish(50'000, "30d"), 4096);
  EXPECT_EQ(wish(2'949'120, "30d"), 4096);
  EXPECT_EQ(wish(2'949'121, "30d"), 8192);
  EXPECT_EQ(wish(10'000'000, "30d"), 16'384);
  EXPECT_EQ(wish(1'000'000'000, "30d"), 65'408);
  EXPECT_EQ(wish(100'000'000'000, "1ms"), 65'408);
  EXPECT_EQ(wish(100'000'000'000, "36525d"), 65'408);
  EXPECT_EQ(wish(1, "36525d"), 4096);
}

TEST(Sessions, ThatAreSqueezedAreSaid) {
  const auto remarks = [](int64_t rows, const Clock::Options& options) {
    return Clock("sessions", rows, options).remarks();
  };
  EXPECT_THAT(remarks(50'000, {}), IsEmpty());
  EXPECT_THAT(remarks(50'000'000, {}), IsEmpty());
  EXPECT_THAT(
      remarks(1'000'000'000, {}),
      ElementsAre("sessions are squeezed: each lies within the slice of time that its block of "
                  "rows has, about 169 s for 65408 rows, so the gaps of those that would last "
                  "longer shrink; ask for fewer interactions or for a longer window."));
  EXPECT_THAT(remarks(1'000'000'000, {{"gap", "1s"}}), IsEmpty());
  // Blocks of one era each.
  EXPECT_THAT(remarks(50'000, {{"window", "1h"}}),
              ElementsAre(HasSubstr("about 360 s for 5000 rows")));
  EXPECT_THAT(remarks(100, {{"window", "10m"}}),
              ElementsAre(HasSubstr("about 600 s for 100 rows")));
  EXPECT_THAT(remarks(100'000'000'000, {{"window", "1h"}}),
              ElementsAre(HasSubstr("about 2 ms for 65408 rows")));
}

// ---- Diurnal ------------------------------------------------------------------------------------

// Every N-th of the weight has one row.
TEST(Diurnal, HasItsHoursExactly) {
  constexpr int64_t kRows = 336'000;
  const auto weight = [](int hour) { return hour % 7 == 3 ? 0 : 1 + hour % 24; };
  double all = 0;
  for (int hour = 0; hour < 168; ++hour) all += weight(hour);
  const Clock clock("diurnal", kRows,
                    {{"window", "14d"}, {"profile", Weights(weight)}, {"day_variation", "0"}});
  const Columns columns = clock.Fill(1, 0, kRows);
  EXPECT_TRUE(std::is_sorted(columns.time.begin(), columns.time.end()));
  std::vector<int64_t> found(336);
  for (const int64_t time : columns.time) ++found[At((time - kStart) / kHour - 336)];
  for (size_t hour = 0; hour < found.size(); ++hour) {
    const double expected = kRows / 2.0 * weight(static_cast<int>(hour % 168)) / all;
    ASSERT_NEAR(static_cast<double>(found[hour]), expected, expected == 0 ? 0 : 2.01) << hour;
  }
}

TEST(Diurnal, KeepsLocalTime) {
  const std::string monday_9 = Weights([](int hour) { return hour == 9 ? 1 : 0; });
  for (const double offset : {0.0, 5.5, -14.0, 14.0}) {
    const Clock clock("diurnal", 1000,
                      {{"profile", monday_9}, {"utc_offset", std::to_string(offset)}});
    for (const int64_t epoch : {0, 5, 11}) {
      for (const int64_t time : clock.Fill(epoch, 0, 1000).time) {
        ASSERT_EQ(HourOfWeek(time + static_cast<int64_t>(offset * kHour)), 9) << offset;
      }
    }
  }
}

TEST(Diurnal, IsTheSameInAnyBatch) {
  for (const Case& c : kCases) {
    const Clock clock("diurnal", c.rows, {{"window", c.window}});
    const int64_t rows = std::min<int64_t>(c.rows, 5000);
    const int64_t first = c.rows - rows;
    const Columns whole = clock.Fill(3, first, rows);
    EXPECT_TRUE(std::is_sorted(whole.time.begin(), whole.time.end()));
    EXPECT_GE(whole.time.front(), kStart + 3 * c.window_ms);
    EXPECT_LT(whole.time.back(), kStart + 4 * c.window_ms);
    for (int64_t begin = 0; begin < rows; begin += 733) {
      const int64_t size = std::min<int64_t>(733, rows - begin);
      const Columns part = clock.Fill(3, first + begin, size);
      for (size_t i = 0; i < At(size); ++i) ASSERT_EQ(part.time[i], whole.time[At(begin) + i]);
    }
  }
}

// ---- What cannot be -----------------------------------------------------------------------------

TEST(Refusal, OfAClockNamesTheOptionAndTheRemedy) {
  for (const std::string name : {"diurnal", "sessions"}) {
    const auto problem = [&](const Clock::Options& options) {
      return Clock(name, 1000, options).problems();
    };
    EXPECT_THAT(problem({{"profile", "1,2"}}),
                HasSubstr("dataset.clock.options.profile: the profile has 2 of 168 weights"));
    EXPECT_THAT(problem({{"utc_offset", "15"}}), HasSubstr("is 15; it must be from -14 to 14"));
    EXPECT_THAT(problem({{"day_variation", "1.5"}}), HasSubstr("it must be from 0 to 1"));
    EXPECT_THAT(
        problem({{"window", "9h"}, {"profile", Weights([](int hour) { return hour / 10; })}}),
        HasSubstr("dataset.clock.options.window: the profile has 10 hours on end with a "
                  "weight of 0"));
  }
  EXPECT_THAT(Clock("sessions", 1, {{"gap", "2h"}}).problems(), HasSubstr("from 1ms to 30m"));
}

TEST(Refusal, OfAnEpochBeyondAllCalendars) {
  for (const std::string name : {"uniform", "diurnal", "sessions"}) {
    const Clock clock(name, 10, {{"window", "36525d"}});
    Columns columns(1);
    std::vector<int64_t> session(1);
    const absl::Status status = clock.FillInto(INT64_MAX / 100, 0, session, &columns);
    EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
    EXPECT_THAT(MessageOf(status),
                HasSubstr("ask for fewer interactions, or for a shorter window"));
  }
}

}  // namespace
}  // namespace throng
