// The plans of behaviours before any row is filled: curves of users, tables of ratings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "plugins/activity/pareto_runs.h"
#include "plugins/choice/kinds.h"
#include "plugins/rating/rating_table.h"
#include "throng/rounding.hpp"

namespace throng::plugins {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// ---- Users ----------------------------------------------------------------------------------

ParetoGoal Goal(int64_t rows, int64_t users, double share = 0.8, double fraction = 0.2) {
  return {.rows = rows,
          .users = users,
          .top_users = std::llround(fraction * static_cast<double>(users)),
          .top_share = share,
          .min_per_user = 1,
          .cap = {}};
}

int64_t RowsOfFirst(const std::vector<UserRun>& plan, int64_t users) {
  int64_t rows = 0;
  for (size_t i = 0; i + 1 < plan.size() && plan[i].first_user < users; ++i) {
    rows += (std::min(users, plan[i + 1].first_user) - plan[i].first_user) * plan[i].rows_each;
  }
  return rows;
}

void ExpectGood(const ParetoGoal& goal) {
  SCOPED_TRACE(::testing::Message() << goal.rows << " rows, " << goal.users << " users, top "
                                    << goal.top_users << " have " << goal.top_share);
  const std::vector<UserRun> plan = PlanPareto(goal);
  ASSERT_GE(plan.size(), 2);
  EXPECT_LE(plan.size(), 8200);
  EXPECT_EQ(plan.back().first_user, goal.users);
  EXPECT_EQ(plan.back().first_row, goal.rows);
  for (size_t i = 0; i + 1 < plan.size(); ++i) {
    EXPECT_GT(plan[i].rows_each, plan[i + 1].rows_each);
    EXPECT_EQ(plan[i + 1].first_row - plan[i].first_row,
              plan[i].rows_each * (plan[i + 1].first_user - plan[i].first_user));
  }
  EXPECT_GE(plan[plan.size() - 2].rows_each, goal.min_per_user);
  EXPECT_LE(plan[0].rows_each, goal.cap.value_or((5 * SmallestCap(goal) + 3) / 4));
  EXPECT_EQ(RowsOfFirst(plan, goal.top_users),
            std::llround(goal.top_share * static_cast<double>(goal.rows)));
}

TEST(Pareto, HasTheCapsOfTheModel) {
  EXPECT_EQ(SmallestCap(Goal(50'000, 400)), 1004);
  EXPECT_EQ(PlanPareto(Goal(50'000, 400))[0].rows_each, 1255);
  EXPECT_EQ(SmallestCap(Goal(100, 16)), 49);
}

TEST(Pareto, WithoutACapIsTheTextbooksCurve) {
  ParetoGoal goal = Goal(50'000, 500);
  goal.cap = goal.rows;
  EXPECT_NEAR(static_cast<double>(PlanPareto(goal)[0].rows_each), 0.43 * 50'000, 500);
}

TEST(Pareto, HoldsItsShareForAnySize) {
  for (const auto& [rows, users] :
       std::vector<std::pair<int64_t, int64_t>>{{28, 6},
                                                {100, 16},
                                                {5'000, 80},
                                                {50'000, 400},
                                                {1'000'000, 400},
                                                {1'000'000, 8'000},
                                                {10'000'000, 800'000},
                                                {100'000'000'000, 10},
                                                {100'000'000'000, 800'000}}) {
    ExpectGood(Goal(rows, users));
  }
}

TEST(Pareto, HoldsOtherSharesAndMinima) {
  for (const double share : {0.3, 0.5, 0.9, 0.99}) {
    for (const double fraction : {0.01, 0.1, 0.25}) {
      for (const int64_t least : {1, 2, 7}) {
        ParetoGoal goal = Goal(3'234'567, 3'001, share, fraction);
        goal.min_per_user = least;
        ExpectGood(goal);
        goal.cap = SmallestCap(goal);
        ExpectGood(goal);
        goal.cap = 3 * *goal.cap;
        ExpectGood(goal);
      }
    }
  }
}

// Every number of rows either fits, and then holds, or the refusal names the next one that does.
TEST(Pareto, SaysWhichNumberOfRowsFits) {
  for (const auto& [share, fraction] :
       std::vector<std::pair<double, double>>{{0.8, 0.2}, {0.51, 0.5}, {0.35, 0.3}}) {
    int64_t promised = 0;
    for (int64_t rows = 41; rows < 700; ++rows) {
      const ParetoGoal goal = Goal(rows, 40, share, fraction);
      try {
        PlanPareto(goal);
        EXPECT_TRUE(promised == 0 || rows == promised) << rows << " fits, said " << promised;
        promised = 0;
        ExpectGood(goal);
      } catch (const Error& error) {
        const std::string text = error.what();
        const size_t at = text.find("fits is ");
        ASSERT_NE(at, std::string::npos) << text;
        const int64_t next = std::stoll(text.substr(at + 8));
        EXPECT_GT(next, rows);
        EXPECT_TRUE(promised == 0 || next == promised) << text;
        promised = next;
      }
    }
  }
}

// ---- Kinds ----------------------------------------------------------------------------------

TEST(RowsByKind, ListsTheRowsOfEachKindInOrder) {
  for (const size_t kinds : {size_t{1}, size_t{3}, size_t{8}, size_t{9}, size_t{256}}) {
    std::vector<uint8_t> kind;
    for (uint64_t i = 0; i < 1000; ++i) kind.push_back(static_cast<uint8_t>(Hash(1, i) % kinds));
    RowsByKind by_kind(kinds);
    by_kind.Sort(kind);
    size_t all = 0;
    for (size_t k = 0; k < kinds; ++k) {
      const std::span<const uint32_t> rows = by_kind.Of(k);
      all += rows.size();
      EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
      for (const uint32_t row : rows) ASSERT_EQ(kind[row], k);
    }
    EXPECT_EQ(all, kind.size());
    by_kind.Sort({});
    EXPECT_TRUE(by_kind.Of(0).empty());
  }
}

// ---- Ratings --------------------------------------------------------------------------------

std::vector<Kind> SeedKinds(int64_t rows) {
  return {{"preferred", rows * 6 / 10},
          {"popular", rows * 3 / 10},
          {"random", rows - rows * 6 / 10 - rows * 3 / 10}};
}

double Mean(const RatingCounts& counts, size_t kind) {
  double sum = 0;
  double rows = 0;
  for (size_t r = 0; r < kRatings; ++r) {
    const auto count = static_cast<double>(counts[kind * kRatings + r]);
    rows += count;
    sum += count * RatingAt(r) / 100;
  }
  return sum / rows;
}

TEST(FittedRatings, HoldKindsAndHistogramToOneRow) {
  for (const int64_t rows : {7, 10, 28, 99, 100, 5'000, 50'000, 1'000'000}) {
    for (const std::string name : {"seed", "movielens", "jshape"}) {
      const std::vector<Kind> kinds = SeedKinds(rows);
      const Histogram histogram = ParseHistogram(name);
      const RatingCounts counts =
          FittedRatings(kinds, ParseRanges(kDefaultRanges, kinds), histogram, 0.02, 0.7, 0);
      const std::vector<int64_t> expected = Apportion(rows, IntegerWeights(histogram));
      for (size_t r = 0; r < kRatings; ++r) {
        EXPECT_EQ(counts[r] + counts[kRatings + r] + counts[2 * kRatings + r], expected[r]);
      }
      for (size_t k = 0; k < kinds.size(); ++k) {
        const auto row = counts.begin() + static_cast<std::ptrdiff_t>(k * kRatings);
        EXPECT_EQ(std::accumulate(row, row + kRatings, int64_t{0}), kinds[k].rows);
        EXPECT_GE(*std::min_element(row, row + kRatings), 0);
      }
    }
  }
}

TEST(FittedRatings, HaveTheMeansAndTheLeakOfTheModel) {
  const std::vector<Kind> kinds = SeedKinds(1'000'000);
  const std::vector<RatingRange> ranges = ParseRanges(kDefaultRanges, kinds);
  const RatingCounts counts = FittedRatings(kinds, ranges, ParseHistogram("seed"), 0.02, 0.7, 0);
  EXPECT_NEAR(Mean(counts, 0), 3.97, 0.005);
  EXPECT_NEAR(Mean(counts, 1), 3.33, 0.005);
  EXPECT_NEAR(Mean(counts, 2), 2.12, 0.005);
  int64_t outside = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto [low, high] = ranges[i / kRatings];
    if (i % kRatings < low || i % kRatings > high) outside += counts[i];
  }
  EXPECT_NEAR(static_cast<double>(outside) / 1e6, 0.19, 0.002);
}

TEST(FittedRatings, MayHaveKindsWithoutRows) {
  const std::vector<Kind> kinds = {{"preferred", 0}, {"popular", 70}, {"random", 30}};
  const RatingCounts counts = FittedRatings(kinds, ParseRanges(kDefaultRanges, kinds),
                                            ParseHistogram("seed"), 0.02, 0.7, 0);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.begin() + kRatings, int64_t{0}), 0);
  EXPECT_EQ(counts[kRatings + 8] + counts[2 * kRatings + 8], 15);
}

TEST(FittedRatings, SayWhenTooFewMayLeaveTheirRange) {
  const std::vector<Kind> kinds = SeedKinds(7);
  try {
    FittedRatings(kinds, ParseRanges(kDefaultRanges, kinds), ParseHistogram("jshape"), 1e-4, 0.01,
                  0);
    FAIL() << "should not fit";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("raise leak or decay"));
    EXPECT_EQ(error.option(), "leak");
  }
}

TEST(EvenRatings, AreEvenWithinEachRange) {
  const std::vector<Kind> kinds = {{"a", 10}, {"b", 9}, {"c", 0}};
  EXPECT_THAT(EvenRatings(kinds, ParseRanges("a=4.5-5.0,b=1-5", kinds)),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 5, 5,  //
                          1, 1, 1, 1, 1, 1, 1, 1, 1,  //
                          0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(ParseHistogram, TakesNamesAndNumbers) {
  for (const std::string name : {"seed", "movielens", "jshape"}) {
    const Histogram histogram = ParseHistogram(name);
    EXPECT_NEAR(std::accumulate(histogram.begin(), histogram.end(), 0.0), 1, 1e-9);
  }
  EXPECT_THAT(ParseHistogram(" 0.2, 0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1"),
              ElementsAre(0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1));
  for (const std::string text : {"", "0.5,0.5", "nan,0,0,0,0,0,0,0,1", "-1,2,0,0,0,0,0,0,0",
                                 "1,0,0,0,0,0,0,0,0,0", "1x,0,0,0,0,0,0,0,0"}) {
    EXPECT_THROW(ParseHistogram(text), Error) << text;
  }
}

TEST(ParseRanges, RefusesWhatIsNoRange) {
  const std::vector<Kind> kinds = SeedKinds(10);
  EXPECT_EQ(ParseRanges("", kinds)[0].high, 8);
  EXPECT_EQ(ParseRanges("popular = 2.5 - 3", kinds)[1].low, 3);
  for (const std::string text : {"preferred", "=1-5", "a=5-4", "a=0.5-1", "a=1-5.5", "a=1.2-3",
                                 "a=1", "a=1-2-3", "a=1-2,", "a=b=1-2", "a=nan-5"}) {
    EXPECT_THROW(ParseRanges(text, kinds), Error) << text;
  }
}

}  // namespace
}  // namespace throng::plugins
