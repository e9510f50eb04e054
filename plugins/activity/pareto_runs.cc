#include "plugins/activity/pareto_runs.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "throng/options.hpp"

namespace throng::plugins {
namespace {

constexpr int64_t kDirectUsers = 4096;  // up to which every user has a knot of its own
constexpr int64_t kHeadKnots = 1024;
constexpr int64_t kGridKnots = 3000;
constexpr double kMostRows = 1e11;

int64_t TopRows(const ParetoGoal& goal) {
  return std::llround(goal.top_share * static_cast<double>(goal.rows));
}

// ---- The curve ------------------------------------------------------------------------------

// L(y), the share of the rows beyond everybody's minimum that the first y of the users make:
//   L(y) = expm1(b w(y)) / expm1(b),  w(y) = log1p(y / x0) / log1p(1 / x0),
// which is ((y + x0)^t - x0^t) / ((1 + x0)^t - x0^t) with t = b / log1p(1 / x0), in a form that
// holds for t <= 0 too. x0 = 0 is the textbook Pareto y^t, with a vast largest user; the larger x0,
// the smaller the largest user, down to the exponential curve as x0 goes to infinity.
class LorenzCurve {
 public:
  static LorenzCurve Pareto(double f, double share) {
    LorenzCurve curve;
    curve.t_ = std::log(share) / std::log(f);
    return curve;
  }
  // The curve of that x0 with L(f) = share.
  static LorenzCurve Bent(double x0, double f, double share) {
    LorenzCurve curve;
    curve.x0_ = x0;
    curve.scale_ = std::log1p(1 / x0);
    double low = -50 / f;  // L(f) falls from 1 to f between these
    double high = curve.scale_;
    for (int i = 0; i < 200 && low < high; ++i) {
      curve.b_ = (low + high) / 2;
      (curve(f) > share ? low : high) = curve.b_;
    }
    return curve;
  }

  double operator()(double y) const {
    if (x0_ == 0) return std::pow(y, t_);
    const double w = std::log1p(y / x0_) / scale_;
    if (std::abs(b_) < 1e-12) return w;
    return std::expm1(b_ * w) / std::expm1(b_);
  }

 private:
  double x0_ = 0;
  double t_ = 1;
  double scale_ = 1;
  double b_ = 0;
};

// The goal as the curve sees it: shares of what is left when everybody has had the minimum.
struct Shape {
  explicit Shape(const ParetoGoal& goal)
      : users(static_cast<double>(goal.users)),
        minimum(static_cast<double>(goal.min_per_user)),
        spare(static_cast<double>(goal.rows - goal.users * goal.min_per_user)),
        f(static_cast<double>(goal.top_users) / users),
        share(static_cast<double>(TopRows(goal) - goal.top_users * goal.min_per_user) / spare) {}

  double Largest(const LorenzCurve& curve) const { return minimum + spare * curve(1 / users); }

  double users;
  double minimum;
  double spare;
  double f;
  double share;
};

// The curve whose largest user has `cap` rows, or the textbook Pareto where that has no more.
LorenzCurve CurveWithCap(const Shape& shape, double cap) {
  LorenzCurve curve = LorenzCurve::Pareto(shape.f, shape.share);
  if (cap >= shape.Largest(curve)) return curve;
  double low = std::log(1e-12);
  double high = std::log(1e7);
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    curve = LorenzCurve::Bent(std::exp(middle), shape.f, shape.share);
    (shape.Largest(curve) > cap ? low : high) = middle;
  }
  return curve;
}

// ---- Integers -------------------------------------------------------------------------------

// Users in a row with the same rows each.
struct Equals {
  int64_t users;
  int64_t rows_each;
};

// Consecutive users and their rows together: the first of them have one more than the last.
struct Segment {
  int64_t users;
  int64_t rows;
  int64_t Most() const { return (rows + users - 1) / users; }
  int64_t Least() const { return rows / users; }
};

// Pools neighbours until rows never rise from one user to the next (pool adjacent violators).
std::vector<Equals> Pool(const std::vector<Segment>& segments) {
  std::vector<Segment> pooled;
  for (Segment segment : segments) {
    while (!pooled.empty() && pooled.back().Least() < segment.Most()) {
      segment.users += pooled.back().users;
      segment.rows += pooled.back().rows;
      pooled.pop_back();
    }
    pooled.push_back(segment);
  }
  std::vector<Equals> runs;
  for (const Segment& segment : pooled) {
    const int64_t more = segment.rows % segment.users;
    if (more > 0) runs.push_back({more, segment.Least() + 1});
    runs.push_back({segment.users - more, segment.Least()});
  }
  return runs;
}

// Caps the first users at `cap` and carries what they lose to those who follow, filling these up
// to the cap one by one. The sum stays, and so does the order.
std::vector<Equals> CapFirst(const std::vector<Equals>& runs, int64_t cap) {
  std::vector<Equals> result;
  int64_t excess = 0;
  for (const Equals& run : runs) {
    const int64_t gap = cap - run.rows_each;
    if (gap <= 0) {
      excess -= gap * run.users;
      result.push_back({run.users, cap});
      continue;
    }
    const int64_t filled = std::min(run.users, excess / gap);
    excess -= filled * gap;
    if (filled > 0) result.push_back({filled, cap});
    int64_t left = run.users - filled;
    if (left > 0 && excess > 0) {  // less than one gap
      result.push_back({1, run.rows_each + excess});
      excess = 0;
      --left;
    }
    if (left > 0) result.push_back({left, run.rows_each});
  }
  return result;
}

// Turns "at most, from the front" into "at least, from the back".
std::vector<Equals> Mirror(std::vector<Equals> runs) {
  std::reverse(runs.begin(), runs.end());
  for (Equals& run : runs) run.rows_each = -run.rows_each;
  return runs;
}

// Ranks at which the curve is rounded: all, or the head one by one and then ever coarser.
std::vector<int64_t> Knots(const ParetoGoal& goal) {
  std::vector<int64_t> knots;
  const int64_t single = goal.users <= kDirectUsers ? goal.users : kHeadKnots;
  for (int64_t rank = 0; rank <= single; ++rank) knots.push_back(rank);
  if (single == goal.users) return knots;
  for (int64_t i = 1; i <= kGridKnots; ++i) {
    const double y = static_cast<double>(i) / static_cast<double>(kGridKnots);
    knots.push_back(std::llround(static_cast<double>(goal.users) * y * y * std::sqrt(y)));
  }
  knots.push_back(goal.top_users);
  std::sort(knots.begin(), knots.end());
  knots.erase(std::unique(knots.begin(), knots.end()), knots.end());
  return knots;
}

// ---- What is possible -----------------------------------------------------------------------

// The users outside the top have at least a row more than the minimum among them, and nobody
// outside the top need have more rows than somebody in it.
bool HasEnoughRows(const ParetoGoal& goal) {
  const int64_t rest = goal.users - goal.top_users;
  const int64_t rest_rows = goal.rows - TopRows(goal);
  return rest_rows > rest * goal.min_per_user &&
         TopRows(goal) >= goal.top_users * ((rest_rows + rest - 1) / rest);
}

// The smallest such number of rows above the goal's, 0 if there is none up to 10^11.
int64_t NextRowsThatFit(ParetoGoal goal) {
  const int64_t rest = goal.users - goal.top_users;
  const int64_t rest_rows = goal.rows - TopRows(goal);
  const int64_t level = std::max((rest_rows + rest - 1) / rest, goal.min_per_user + 1);
  const double needed =
      std::max(static_cast<double>(goal.top_users) * static_cast<double>(level) / goal.top_share,
               (static_cast<double>(rest) * static_cast<double>(goal.min_per_user) + 0.5) /
                   (1 - goal.top_share));
  if (needed > kMostRows) return 0;
  goal.rows = std::max(goal.rows, static_cast<int64_t>(needed) - 2);
  for (int tries = 0; tries < 1000 && !HasEnoughRows(goal); ++tries) ++goal.rows;
  return HasEnoughRows(goal) ? goal.rows : 0;
}

std::string Text(int64_t value) { return std::to_string(value); }

void CheckPossible(const ParetoGoal& goal) {
  const int64_t rest = goal.users - goal.top_users;
  if (rest < 1) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the top users are all of the " + Text(goal.users) +
                    " active users, so that nobody is left for the rest; lower top_fraction.",
                "top_fraction");
  }
  const double f = static_cast<double>(goal.top_users) / static_cast<double>(goal.users);
  if (goal.top_share >= 1) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the top users cannot have all interactions; lower top_share below 1.",
                "top_share");
  }
  if (goal.top_share <= f) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the top " + Text(goal.top_users) + " of " + Text(goal.users) +
                    " active users must have more than their number's share of the interactions; "
                    "raise top_share above " +
                    detail::NumberText(f) + ".",
                "top_share");
  }
  if (HasEnoughRows(goal)) return;
  const int64_t larger = NextRowsThatFit(goal);
  throw Error(THRONG_INVALID_ARGUMENT,
              Text(goal.rows) + " interactions are too few for the top " + Text(goal.top_users) +
                  " of " + Text(goal.users) + " active users to make " +
                  detail::NumberText(goal.top_share) + " of them and for the others to have " +
                  Text(goal.min_per_user) + " or more each. " +
                  (larger > 0 ? "The next number that fits is " + Text(larger) +
                                    " (plan_size, or interactions where that is not given); or "
                                    "ask for fewer users."
                              : "Ask for fewer users."));
}

}  // namespace

int64_t SmallestCap(const ParetoGoal& goal) {
  const Shape shape(goal);
  double low = 0;
  double high = 50 / shape.f;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double c = (low + high) / 2;
    const double share = std::expm1(-c * shape.f) / std::expm1(-c);
    (share < shape.share ? low : high) = c;
  }
  const double largest =
      shape.minimum + shape.spare * std::expm1(-high / shape.users) / std::expm1(-high);
  return static_cast<int64_t>(std::ceil(largest * (1 - 1e-13) - 1e-6));
}

std::vector<UserRun> PlanPareto(const ParetoGoal& goal) {
  CheckPossible(goal);
  const int64_t smallest_cap = SmallestCap(goal);
  const int64_t cap = goal.cap.value_or((5 * smallest_cap + 3) / 4);
  if (cap < smallest_cap) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "cap " + Text(cap) + " is too small: with " + Text(goal.rows) +
                    " interactions of " + Text(goal.users) + " active users the smallest is " +
                    Text(smallest_cap) + ".",
                "cap");
  }
  const Shape shape(goal);
  const LorenzCurve curve = CurveWithCap(shape, static_cast<double>(cap));
  const int64_t top_rows = TopRows(goal);

  std::vector<Segment> head;
  std::vector<Segment> tail;
  int64_t rank = 0;
  int64_t rows = 0;
  for (const int64_t knot : Knots(goal)) {
    if (knot == 0) continue;
    int64_t rows_there = knot * goal.min_per_user +
                         std::llround(shape.spare * curve(static_cast<double>(knot) / shape.users));
    if (knot < goal.top_users) rows_there = std::min(rows_there, top_rows);
    if (knot == goal.top_users) rows_there = top_rows;
    if (knot > goal.top_users) rows_there = std::clamp(rows_there, top_rows, goal.rows);
    if (knot == goal.users) rows_there = goal.rows;
    (knot <= goal.top_users ? head : tail).push_back({knot - rank, rows_there - rows});
    rank = knot;
    rows = rows_there;
  }
  std::vector<Equals> runs = Pool(head);
  std::vector<Equals> rest = Pool(tail);
  if (runs.back().rows_each < rest.front().rows_each) {
    // Rounding put a busier user behind the top: level both sides there.
    const int64_t rest_users = goal.users - goal.top_users;
    const int64_t level =
        std::max(runs.back().rows_each, (goal.rows - top_rows + rest_users - 1) / rest_users);
    runs = Mirror(CapFirst(Mirror(std::move(runs)), -level));
    rest = CapFirst(rest, level);
  }
  runs.insert(runs.end(), rest.begin(), rest.end());

  std::vector<UserRun> plan;
  UserRun next;
  for (const Equals& run : runs) {
    if (plan.empty() || plan.back().rows_each != run.rows_each) {
      plan.push_back({next.first_user, next.first_row, run.rows_each});
    }
    next.first_user += run.users;
    next.first_row += run.users * run.rows_each;
  }
  plan.push_back(next);
  return plan;
}

}  // namespace throng::plugins
