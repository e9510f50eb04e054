// How many interactions each user has, so that few users make most of them: the plan of `pareto`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace throng::plugins {

// What is asked for. Ranks count from the busiest user.
struct ParetoGoal {
  int64_t rows = 0;       // N, at most 10^11
  int64_t users = 0;      // A, who are active
  int64_t top_users = 0;  // of them, at least 1
  double top_share = 0;   // of the rows, for the top users
  int64_t min_per_user = 1;
  std::optional<int64_t> cap;  // most rows of one user; default: 1.25 times the smallest possible
};

// Users [first_user, next run's) have `rows_each` rows each, from row `first_row` of the grid on.
struct UserRun {
  int64_t first_user = 0;
  int64_t first_row = 0;
  int64_t rows_each = 0;
};

// At most about 8000 runs, with never more rows from one user to the next, all users together
// having the goal's rows and the top users round(top_share * rows) of them, and a last one {users,
// rows, 0} that ends them. Throws Error where that is impossible, saying what would fit.
std::vector<UserRun> PlanPareto(const ParetoGoal& goal);

// The smallest cap that a curve of this family can keep; `goal` must be possible otherwise.
int64_t SmallestCap(const ParetoGoal& goal);

}  // namespace throng::plugins
