// Who interacts, and how often: few users make most of the interactions, nobody too many of them.
#include <algorithm>
#include <cmath>

#include "plugins/activity/lives.h"
#include "plugins/activity/pareto_runs.h"
#include "plugins/activity/stretch_index.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

enum class Base { kActive, kRegistered };

class Pareto {
 public:
  struct Options : LivesOptions {
    double top_share = 0.8;
    double top_fraction = 0.2;
    std::optional<int64_t> cap;
    int64_t min_per_user = 1;
    Base base = Base::kActive;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    std::vector<OptionOf<Options>> options{
        Option<&Options::top_share>("top_share",
                                    "Share of the interactions that the top users make.")
            .Range(0, 1),
        Option<&Options::top_fraction>("top_fraction", "Share of the users who are the top users.")
            .Range(0, 1),
        Option<&Options::cap>(
            "cap",
            "Most interactions of one user an epoch; unless given, 1.25 times the "
            "smallest possible.")
            .Range(1, 1e11),
        Option<&Options::min_per_user>("min_per_user",
                                       "Fewest interactions of an active user an epoch.")
            .Range(1, 1e9),
        Option<&Options::base>("base",
                               "Of whom top_fraction is meant: the active users, whom a reader of "
                               "the data sees, or all registered ones.")
            .Choices({"active", "registered"})};
    for (OptionOf<Options>& option : DeclareLivesOptions<Options>()) {
      options.push_back(std::move(option));
    }
    return options;
  }
  static void Validate(const Options& options) { CheckLives(options); }

  Pareto(const Options& options, const Dataset& dataset) {
    const int64_t eras = ErasOf(options, dataset.plan_size);
    const int64_t users = dataset.world->active_users;
    const int64_t base = options.base == Base::kActive ? users : dataset.world->users;
    RequireTopUsers(options, users, base);
    const int64_t top = std::llround(options.top_fraction * static_cast<double>(base));
    const std::vector<UserRun> plan = PlanPareto({.rows = dataset.plan_size,
                                                  .users = users,
                                                  .top_users = top,
                                                  .top_share = options.top_share,
                                                  .min_per_user = options.min_per_user,
                                                  .cap = options.cap});
    if (eras > 1) {
      lives_.emplace(options, eras, plan, top, dataset.key);
      return;
    }
    std::vector<int64_t> first_rows;
    for (size_t i = 0; i + 1 < plan.size(); ++i) Add(plan[i], plan[i + 1]);
    for (const Run& run : runs_) first_rows.push_back(run.first_row);
    run_index_ = StretchIndex<12>(std::move(first_rows), dataset.plan_size);
  }

  std::vector<int64_t> Segments(int64_t epoch) const {
    return lives_ ? lives_->FirstRows(epoch) : std::vector<int64_t>{0};
  }

  void Fill(const Rows& rows, ActivityRunColumns out) {
    lives_ ? lives_->Fill(rows, out) : FillWithoutLives(rows, out);
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    lives_ ? lives_->Tables(visit) : visit(std::as_bytes(std::span(runs_)));
  }

 private:
  struct Run {
    int64_t first_row;
    int64_t first_user;
    int64_t rows_each;
    uint64_t factor;  // floor((offset + 1) factor / 2^64) = floor(offset / rows_each)
  };

  static bool HasTopUsers(double fraction, int64_t base, int64_t users) {
    const auto top = std::llround(fraction * static_cast<double>(base));
    return top > 0 && top < users;
  }

  // A world can be too small for anybody to be at the top, or for anybody else.
  static void RequireTopUsers(const Options& options, int64_t users, int64_t base) {
    constexpr int64_t kMostNeeded = 1'000'000;
    if (users > 1 && std::llround(options.top_fraction * static_cast<double>(base)) > 0) return;
    int64_t needed = 2;
    while (needed < kMostNeeded && !HasTopUsers(options.top_fraction, needed, needed)) ++needed;
    std::string remedy;
    if (users > 1) {
      const double half = std::ceil(0.5e9 / static_cast<double>(base)) / 1e9;
      remedy = "raise top_fraction to " + detail::NumberText(half);
    }
    if (needed < kMostNeeded) {
      const bool is_of_active = options.base == Base::kActive;
      remedy += std::string(remedy.empty() ? "" : ", or ") + "ask for more users, at least " +
                detail::NumberText(needed) + (is_of_active ? " active ones" : "");
    }
    const std::string all = detail::NumberText(users) + " active ";
    throw Error(THRONG_INVALID_ARGUMENT,
                users == 1
                    ? "the only active user cannot be both of the top users and of the "
                      "others; " +
                          remedy + "."
                    : "the top users are less than half a user of " + all + "ones; " + remedy + ".",
                "top_fraction");
  }

  void Add(const UserRun& run, const UserRun& next) {
    // The product above is right while users * rows_each^2 < 2^64; beyond, which takes users of
    // 10^8 rows and thus at most some hundred of them, each user is a run and the quotient is 0.
    const auto rows_each = static_cast<Uint128>(run.rows_each);
    const int64_t users = next.first_user - run.first_user;
    const bool fits = rows_each * rows_each * static_cast<Uint128>(users) >> 64 == 0;
    const int64_t pieces = fits ? 1 : users;
    const bool is_single = users == pieces;
    const uint64_t factor = is_single ? 0 : ~uint64_t{0} / static_cast<uint64_t>(run.rows_each);
    for (int64_t i = 0; i < pieces; ++i) {
      runs_.push_back(
          {run.first_row + i * run.rows_each, run.first_user + i, run.rows_each, factor});
    }
  }

  // Place k belongs to the user whose rows [D_r, D_r + n) hold it.
  void FillWithoutLives(const Rows& rows, ActivityRunColumns out) const {
    for (size_t i = 0; i < rows.size; ++i) {
      const Run& run = runs_[run_index_.Find(rows.place[i])];
      const uint64_t offset = static_cast<uint64_t>(rows.place[i] - run.first_row);
      const uint64_t user = MultiplyHigh(offset + 1, run.factor);
      out.user[i] = run.first_user + static_cast<int64_t>(user);
      out.user_row[i] = static_cast<int64_t>(offset) - static_cast<int64_t>(user) * run.rows_each;
      out.user_rows[i] = run.rows_each;
    }
    // A user's places follow one another: his rows are one run.
    std::copy_n(out.user_row.data(), rows.size, out.run_row.data());
    std::copy_n(out.user_rows.data(), rows.size, out.run_rows.data());
  }

  std::optional<Lives> lives_;  // if there is more than one era; else these:
  std::vector<Run> runs_;
  StretchIndex<12> run_index_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("pareto", THRONG_VERSION, "Few users make most of the interactions.",
              throng::Activity<throng::plugins::Pareto>(
                  "pareto", "80/20, or any other shares, with a cap on the busiest user."))
