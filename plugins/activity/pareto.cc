// Who interacts, and how often: few users make most of the interactions, nobody too many of them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "plugins/activity/pareto_runs.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

enum class Base { kActive, kRegistered };

class Pareto {
 public:
  struct Options {
    double top_share = 0.8;
    double top_fraction = 0.2;
    std::optional<int64_t> cap;
    int64_t min_per_user = 1;
    Base base = Base::kActive;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {
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
  }

  Pareto(const Options& options, const Dataset& dataset)
      : step_(~uint64_t{0} / static_cast<uint64_t>(dataset.plan_size)) {
    const int64_t users = dataset.world->active_users;
    const int64_t base = options.base == Base::kActive ? users : dataset.world->users;
    RequireTopUsers(options, users, base);
    const std::vector<UserRun> plan =
        PlanPareto({.rows = dataset.plan_size,
                    .users = users,
                    .top_users = std::llround(options.top_fraction * static_cast<double>(base)),
                    .top_share = options.top_share,
                    .min_per_user = options.min_per_user,
                    .cap = options.cap});
    for (size_t i = 0; i + 1 < plan.size(); ++i) Add(plan[i], plan[i + 1]);
    BuildGuide();
  }

  // Place k belongs to the user whose rows [D_r, D_r + n) hold it.
  void Fill(const Rows& rows, ActivityRunColumns out) const {
    for (size_t i = 0; i < rows.size; ++i) {
      const auto k = static_cast<uint64_t>(rows.place[i]);
      size_t at = guide_[(k * step_) >> kGuideShift];
      for (size_t jump = widest_jump_; jump > 0; jump /= 2) {
        at += first_row_[at + jump] <= rows.place[i] ? jump : 0;
      }
      const Run& run = runs_[at];
      const uint64_t offset = k - static_cast<uint64_t>(run.first_row);
      const uint64_t user = MultiplyHigh(offset + 1, run.factor);
      out.user[i] = run.first_user + static_cast<int64_t>(user);
      out.user_row[i] = static_cast<int64_t>(offset) - static_cast<int64_t>(user) * run.rows_each;
      out.user_rows[i] = run.rows_each;
    }
    // A user's places follow one another: his rows are one run.
    std::copy_n(out.user_row.data(), rows.size, out.run_row.data());
    std::copy_n(out.user_rows.data(), rows.size, out.run_rows.data());
  }

  template <class Visit>
  void Tables(Visit&& visit) const {
    visit(std::as_bytes(std::span(runs_)));
  }

 private:
  static constexpr size_t kGuideSize = 4096;
  static constexpr int kGuideShift = 64 - 12;

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

  // For each 4096th of the grid the run in which it begins, and how far its last run is from there.
  void BuildGuide() {
    for (const Run& run : runs_) first_row_.push_back(run.first_row);
    guide_.resize(kGuideSize);
    size_t at = 0;
    size_t widest = 0;
    for (size_t i = 0; i < kGuideSize; ++i) {
      const size_t begin = at;
      const uint64_t edge = uint64_t{i} << kGuideShift;
      const auto first = static_cast<int64_t>(edge / step_ + (edge % step_ > 0 ? 1 : 0));
      while (at + 1 < runs_.size() && first_row_[at + 1] <= first) ++at;
      widest = std::max(widest, at - begin);
      guide_[i] = static_cast<uint32_t>(at);
    }
    widest = std::max(widest, runs_.size() - 1 - at);
    widest_jump_ = std::bit_floor(widest);
    first_row_.resize(first_row_.size() + 2 * widest_jump_, std::numeric_limits<int64_t>::max());
  }

  uint64_t step_;
  std::vector<Run> runs_;
  std::vector<int64_t> first_row_;  // of each run, and then beyond all rows
  std::vector<uint32_t> guide_;
  size_t widest_jump_ = 0;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("pareto", THRONG_VERSION, "Few users make most of the interactions.",
              throng::Activity<throng::plugins::Pareto>(
                  "pareto", "80/20, or any other shares, with a cap on the busiest user."))
