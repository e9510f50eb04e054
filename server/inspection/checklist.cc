#include "server/inspection/checklist.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/inspection/checks.h"
#include "server/inspection/promises.h"

namespace throng {
namespace {

constexpr int64_t kDevelopment = 1'000;
constexpr int64_t kProduction = 20'000;
constexpr int64_t kHighQuality = 100'000;
constexpr int64_t kLeastMembers = 10;     // users, items
constexpr double kMostOfOne = 0.5;        // of the rows
constexpr int kLeastRatings = 3;          // different ones
constexpr double kMostOfOneRating = 0.8;  // of the rows that have one
constexpr double kLeastSeconds = 86'400;
constexpr int kLeastHours = 24;  // of the week
constexpr double kLeastCoverage = 0.5;

void CheckSize(const v1::Statistics& s, Checks* checks) {
  const int64_t rows = s.total_interactions();
  std::string reason;
  if (rows >= kHighQuality) {
    reason =
        "Enough for high-quality models (100000 and more), and so for production and "
        "development.";
  } else if (rows >= kProduction) {
    reason =
        "Enough for production training (20000 to 50000) and development; high-quality "
        "models need 100000.";
  } else if (rows >= kDevelopment) {
    reason = "Enough for development and testing (1000 to 5000); production training needs 20000.";
  } else {
    reason =
        "Too few even for development and testing, which need 1000; ask for more "
        "interactions.";
  }
  checks->Add("enough_data", "Enough data for its purpose", rows >= kDevelopment,
              Counted(rows, "row", "rows"), "at least 1000 rows", reason);
}

void CheckIds(const v1::Statistics& s, Checks* checks) {
  const int64_t users = s.unique_active_users();
  const int64_t items = s.unique_items();
  const double most = s.total_interactions() == 0
                          ? 0
                          : static_cast<double>(s.max_interactions_per_user()) /
                                static_cast<double>(s.total_interactions());
  const bool are_many = users >= kLeastMembers && items >= kLeastMembers;
  checks->Add("diverse_ids", "User and item ids are diverse", are_many && most <= kMostOfOne,
              fmt::format("{} users, {} items, the busiest user has {} of the rows", users, items,
                          Percent(most)),
              "at least 10 users and 10 items, and nobody with more than 50% of the rows",
              !are_many ? "There are too few ids to learn from; ask for more users and items."
              : most <= kMostOfOne ? "Rows are of many users and items."
                                   : "One user is most of the data; a model learns that user.");
}

void CheckRatings(const v1::Statistics& s, Checks* checks) {
  const char* id = "ratings_vary";
  const char* title = "Ratings vary";
  if (s.rating_distribution().empty()) {
    return checks->Skip(id, title, "No row has a rating.", "at least 3 different ratings");
  }
  double most = 0;
  for (const v1::RatingShare& line : s.rating_distribution()) most = std::max(most, line.share());
  const int ratings = s.rating_distribution_size();
  const bool vary = ratings >= kLeastRatings && most <= kMostOfOneRating;
  checks->Add(
      id, title, vary,
      fmt::format("{} different ratings from {} to {}, {} of the rows have the most frequent one",
                  ratings, s.rating_distribution(ratings - 1).rating(),
                  s.rating_distribution(0).rating(), Percent(most)),
      "at least 3 different ratings, none of more than 80% of the rows",
      vary ? "There are opinions to learn from."
           : "Nearly all ratings are alike; look at the column, or at dataset.rating.");
}

void CheckTimes(const v1::Statistics& s, const v1::Figures* figures, Checks* checks) {
  const char* id = "times_spread";
  const char* title = "Times spread";
  const std::string expected = "at least a day, in 24 different hours of the week";
  if (!s.has_first_timestamp()) return checks->Skip(id, title, "No row has a time.", expected);
  const auto seconds =
      static_cast<double>(s.last_timestamp().seconds() - s.first_timestamp().seconds());
  int hours = 0;
  if (figures != nullptr) {
    hours = static_cast<int>(std::count_if(figures->hour_of_week_rows().begin(),
                                           figures->hour_of_week_rows().end(),
                                           [](int64_t rows) { return rows > 0; }));
  }
  const bool spread = seconds >= kLeastSeconds && (figures == nullptr || hours >= kLeastHours);
  std::string figure = fmt::format("{:.1f} days", seconds / 86'400);
  if (figures != nullptr) figure += fmt::format(", {} of 168 hours of the week", hours);
  checks->Add(id, title, spread, figure, expected,
              spread ? "There is a before and an after, to split by and to learn from."
                     : "All happens at about the same time; give dataset.clock a longer window.");
}

void CheckCoverage(const std::string& id, const std::string& title, int64_t with_rows,
                   int64_t total, bool is_known, const std::string& what, Checks* checks) {
  const std::string expected = "at least 50% of the " + what;
  if (!is_known) {
    return checks->Skip(id, title,
                        "How many " + what +
                            " there are is not known, only who has rows; name the "
                            "spec.",
                        expected);
  }
  const double share = total == 0 ? 0 : static_cast<double>(with_rows) / static_cast<double>(total);
  const bool holds = share >= kLeastCoverage;
  checks->Add(
      id, title, holds, fmt::format("{} of {} ({})", with_rows, total, Percent(share)), expected,
      holds ? "Few are left that nothing is known of."
            : "Of most nothing is known; ask for more interactions, or for fewer " + what + ".");
}

}  // namespace

bool IsWhole(const Plan& plan, int64_t rows) {
  return plan.spec().has_interactions() && rows == plan.spec().interactions() && rows > 0 &&
         rows % plan.spec().plan_size() == 0;
}

v1::Checklist MakeChecklist(const Evidence& evidence) {
  v1::Checklist list;
  Checks checks(&list);
  const v1::Statistics& s = evidence.statistics;
  CheckSize(s, &checks);
  CheckIds(s, &checks);
  CheckRatings(s, &checks);
  CheckTimes(s, evidence.figures, &checks);
  const bool is_known = !s.totals_are_seen();
  CheckCoverage("user_coverage", "User coverage is good", s.unique_active_users(), s.total_users(),
                is_known, "users", &checks);
  CheckCoverage("item_coverage", "Item coverage is good", s.unique_items(), s.total_items(),
                is_known, "items", &checks);
  if (evidence.damaged_records) {
    const int64_t damaged = *evidence.damaged_records;
    checks.Add("readable", "All records can be read", damaged == 0,
               Counted(damaged, "damaged record", "damaged records"), "none",
               damaged == 0 ? "Every record is a row."
                            : "Some records are not rows; they are left out of all figures.");
  }
  if (evidence.expected_rows) {
    const bool holds = *evidence.expected_rows == s.total_interactions();
    checks.Add("complete", "As many rows as the manifests say", holds,
               Counted(s.total_interactions(), "row", "rows"),
               Counted(*evidence.expected_rows, "row", "rows"),
               holds ? "Nothing is missing, nothing is too much."
                     : "Rows are missing or too many; `throngctl verify` says which.");
  }
  CheckPromises(evidence, &checks);
  return list;
}

v1::Checklist MakeChecklist(const v1::Statistics& statistics, const Plan& plan) {
  return MakeChecklist({.statistics = statistics,
                        .plan = &plan,
                        .is_whole = IsWhole(plan, statistics.total_interactions())});
}

}  // namespace throng
