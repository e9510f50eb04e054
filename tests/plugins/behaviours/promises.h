// What the presets `seed` and `seed-ranges` promise of an epoch, counted over all of its rows:
// exact to one row, user or item.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/behaviours/planned_dataset.h"

namespace throng {

inline constexpr int64_t kStart = 1'704'067'200'000;  // 2024-01-01T00:00:00Z
inline constexpr int64_t kWindow = int64_t{30} * 86'400'000;

struct Size {
  int64_t users;
  int64_t items;
  int64_t rows;
};

inline std::string SizeYaml(const Size& size) {
  return "interactions: " + std::to_string(size.rows) +
         ", world: {users: " + std::to_string(size.users) +
         ", items: " + std::to_string(size.items) + "}";
}

inline size_t At(int64_t i) { return static_cast<size_t>(i); }

// Whether `count` is `share` of `total`, rounded down or up.
inline void ExpectShare(int64_t count, double share, int64_t total) {
  EXPECT_LT(std::abs(static_cast<double>(count) - share * static_cast<double>(total)), 1.000001);
}

// The columns of one epoch and what is counted in them.
class Epoch {
 public:
  Epoch(const Plan& plan, const Columns& columns, int64_t epoch)
      : plan_(plan), world_(plan.world()), c_(columns), epoch_(epoch) {
    user_rows_.resize(At(world_.users));
    item_rows_.resize(At(world_.items));
    kind_rows_.resize(plan.kinds().size());
    for (size_t i = 0; i < rows(); ++i) {
      ++user_rows_[At(c_.user[i])];
      ++item_rows_[At(c_.item[i])];
      ++kind_rows_[c_.kind[i]];
    }
  }

  size_t rows() const { return c_.capacity(); }
  int64_t total() const { return static_cast<int64_t>(rows()); }

  // 80% of the users are active; the busiest `top` users that a reader finds have `share` of the
  // rows; each user's rows are numbered 0, 1, ... once.
  void ExpectUsers(int64_t top, double share, int64_t least) const {
    std::vector<int64_t> sorted = user_rows_;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    EXPECT_EQ(std::count_if(sorted.begin(), sorted.end(), [](int64_t n) { return n > 0; }),
              world_.active_users);
    EXPECT_EQ(std::accumulate(sorted.begin(), sorted.begin() + top, int64_t{0}),
              std::llround(share * static_cast<double>(total())));
    EXPECT_GE(sorted[At(world_.active_users - 1)], least);
    // Rank order is activity order.
    EXPECT_TRUE(std::is_sorted(user_rows_.begin(), user_rows_.end(), std::greater<>()));

    std::vector<int64_t> first(user_rows_.size(), 0);
    std::partial_sum(user_rows_.begin(), user_rows_.end() - 1, first.begin() + 1);
    std::vector<bool> seen(rows(), false);
    for (size_t i = 0; i < rows(); ++i) {
      ASSERT_EQ(c_.user_rows[i], user_rows_[At(c_.user[i])]);
      ASSERT_GE(c_.user_row[i], 0);
      ASSERT_LT(c_.user_row[i], c_.user_rows[i]);
      const size_t place = At(first[At(c_.user[i])] + c_.user_row[i]);
      ASSERT_FALSE(seen[place]);
      seen[place] = true;
    }
  }

  void ExpectLargestUser(int64_t rows) const { EXPECT_EQ(user_rows_[0], rows); }

  // 60/30/10 to one row; ordinals within a kind are all there.
  void ExpectKinds(const std::vector<double>& shares) const {
    ASSERT_EQ(plan_.kinds().size(), shares.size());
    std::vector<std::vector<bool>> seen;
    for (size_t kind = 0; kind < shares.size(); ++kind) {
      EXPECT_EQ(kind_rows_[kind], plan_.kinds()[kind].rows);
      ExpectShare(kind_rows_[kind], shares[kind], total());
      seen.emplace_back(At(kind_rows_[kind]), false);
    }
    for (size_t i = 0; i < rows(); ++i) {
      ASSERT_LT(At(c_.kind_row[i]), seen[c_.kind[i]].size());
      ASSERT_FALSE(seen[c_.kind[i]][At(c_.kind_row[i])]);
      seen[c_.kind[i]][At(c_.kind_row[i])] = true;
    }
  }

  // 60/30/10 to about one row in each user, too.
  void ExpectKindsOfUsers(const std::vector<double>& shares) const {
    std::vector<std::vector<int64_t>> of_user(shares.size(),
                                              std::vector<int64_t>(user_rows_.size(), 0));
    for (size_t i = 0; i < rows(); ++i) ++of_user[c_.kind[i]][At(c_.user[i])];
    for (size_t kind = 0; kind < shares.size(); ++kind) {
      for (size_t user = 0; user < user_rows_.size(); ++user) {
        // Less than one at either end of the user's stretch, and once more where that wraps.
        ASSERT_LT(std::abs(static_cast<double>(of_user[kind][user]) -
                           shares[kind] * static_cast<double>(user_rows_[user])),
                  3);
      }
    }
  }

  // Popular choices are popular items, all others are of the tail, preferred ones of the right
  // category where there is one. `all_touched`: every touched item really is.
  void ExpectItems(bool all_touched) const {
    std::vector<int32_t> cluster(rows());
    std::vector<int32_t> category(rows());
    world_.user_cluster(world_.self, c_.user.data(), cluster.data(), rows());
    world_.item_category(world_.self, c_.item.data(), category.data(), rows());
    for (size_t i = 0; i < rows(); ++i) {
      ASSERT_EQ(c_.item[i] < world_.popular_items, c_.kind[i] == 1);
      ASSERT_LT(c_.item[i], world_.touched_items);
      const int32_t prefers = world_.clusters[At(cluster[i])]->prefers;
      if (c_.kind[i] == 0 && prefers >= 0) {
        ASSERT_EQ(category[i], prefers);
      }
    }
    const int64_t popular =
        std::accumulate(item_rows_.begin(), item_rows_.begin() + world_.popular_items, int64_t{0});
    EXPECT_EQ(popular, kind_rows_[1]);
    const auto touched =
        std::count_if(item_rows_.begin(), item_rows_.end(), [](int64_t n) { return n > 0; });
    if (all_touched) {
      EXPECT_EQ(touched, world_.touched_items);
    }
  }

  // Random choices are even over the tail, to one.
  void ExpectEvenRandom() const {
    std::vector<int64_t> random(item_rows_.size(), 0);
    for (size_t i = 0; i < rows(); ++i) random[At(c_.item[i])] += c_.kind[i] == 2 ? 1 : 0;
    const auto [least, most] = std::minmax_element(random.begin() + world_.popular_items,
                                                   random.begin() + world_.touched_items);
    EXPECT_LE(*most - *least, 1);
  }

  // Specialists choose from their category with the share of preferred choices plus that part of
  // the others that falls there by chance.
  void ExpectAffinity(double tolerance) const {
    std::vector<int32_t> cluster(rows());
    std::vector<int32_t> category(rows());
    world_.user_cluster(world_.self, c_.user.data(), cluster.data(), rows());
    world_.item_category(world_.self, c_.item.data(), category.data(), rows());
    int64_t specialists = 0;
    int64_t inside = 0;
    for (size_t i = 0; i < rows(); ++i) {
      const int32_t prefers = world_.clusters[At(cluster[i])]->prefers;
      specialists += prefers >= 0 ? 1 : 0;
      inside += prefers == category[i] ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(inside) / static_cast<double>(specialists), 0.68, tolerance);
  }

  void ExpectHistogram(const std::vector<double>& shares) const {
    std::map<int32_t, int64_t> counts;
    for (const int32_t rating : c_.rating) ++counts[rating];
    for (size_t i = 0; i < shares.size(); ++i) {
      const auto rating = static_cast<int32_t>(100 + 50 * i);
      ExpectShare(counts[rating], shares[i], total());
      counts.erase(rating);
    }
    EXPECT_THAT(counts, ::testing::IsEmpty());
  }

  // Every kind evenly within its range.
  void ExpectRanges(const std::vector<std::pair<int32_t, int32_t>>& ranges) const {
    std::vector<std::map<int32_t, int64_t>> counts(ranges.size());
    for (size_t i = 0; i < rows(); ++i) ++counts[c_.kind[i]][c_.rating[i]];
    for (size_t kind = 0; kind < ranges.size(); ++kind) {
      const auto [low, high] = ranges[kind];
      for (int32_t rating = low; rating <= high; rating += 50) {
        ExpectShare(counts[kind][rating], 50.0 / (high - low + 50), kind_rows_[kind]);
        counts[kind].erase(rating);
      }
      EXPECT_THAT(counts[kind], ::testing::IsEmpty());
    }
  }

  // Row i lies in the i-th of as many equal parts of the epoch's window.
  void ExpectTimes() const {
    const int64_t start = kStart + epoch_ * kWindow;
    __extension__ using Int128 = __int128;
    for (size_t i = 0; i < rows(); ++i) {
      const Int128 row = static_cast<int64_t>(i);
      const auto least = static_cast<int64_t>(Int128{kWindow} * row / total());
      const auto most = static_cast<int64_t>((Int128{kWindow} * (row + 1) - 1) / total());
      ASSERT_GE(c_.time[i], start + least);
      ASSERT_LE(c_.time[i], start + most);
      if (i > 0) {
        ASSERT_GE(c_.time[i], c_.time[i - 1]);
      }
    }
  }

 private:
  const Plan& plan_;
  const throng_world& world_;
  const Columns& c_;
  int64_t epoch_;
  std::vector<int64_t> user_rows_;
  std::vector<int64_t> item_rows_;
  std::vector<int64_t> kind_rows_;
};

inline const std::vector<double> kSeedHistogram = {0.05, 0.045, 0.055, 0.06, 0.12,
                                                   0.13, 0.21,  0.18,  0.15};
inline const std::vector<double> kSeedKinds = {0.6, 0.3, 0.1};

// What holds for every plan of the presets' behaviours. `is_exact`: with enough rows for the items.
inline void ExpectSeed(const PlannedDataset& dataset, int64_t epoch, bool is_exact) {
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Plan& plan = *dataset.plan();
  EXPECT_EQ(plan.warnings().empty(), is_exact);
  const int64_t rows = plan.spec().plan_size();
  const Columns columns = dataset.Rows(epoch * rows, rows);
  const Epoch counted(plan, columns, epoch);
  const int64_t top = std::llround(0.2 * static_cast<double>(plan.world().active_users));
  counted.ExpectUsers(top, 0.8, 1);
  counted.ExpectKinds(kSeedKinds);
  counted.ExpectKindsOfUsers(kSeedKinds);
  counted.ExpectItems(is_exact);
  counted.ExpectEvenRandom();
  counted.ExpectTimes();
  if (plan.spec().rating().component() == "calibrated") {
    counted.ExpectHistogram(kSeedHistogram);
  } else {
    counted.ExpectRanges({{400, 500}, {300, 500}, {100, 500}});
  }
}

}  // namespace throng
