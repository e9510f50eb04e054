// The plans of behaviours before any row is filled: curves of users, rows by kind.
#include <gtest/gtest.h>

#include <cmath>

#include "plugins/activity/pareto_runs.h"
#include "plugins/choice/kinds.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

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

}  // namespace
}  // namespace throng::plugins
