// What the options of `clustered` change: whether people differ in their kinds of choices, and
// whether a user may have two hits. The promises of an epoch hold either way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/plugins/behaviours/promises.h"

namespace throng {
namespace {

using ::testing::HasSubstr;

std::string Yaml(const std::string& placement, const std::string& mix, const Size& size) {
  return "{choice: {component: clustered, options: {placement: " + placement + ", mix: " + mix +
         "}}, " + SizeYaml(size) + "}";
}

// The variance of users' random choices against that of independent ones.
double Variance(const Columns& columns, int64_t rows_of_user) {
  std::map<int64_t, int64_t> random;
  for (size_t i = 0; i < columns.capacity(); ++i) {
    if (columns.user_rows[i] == rows_of_user) random[columns.user[i]] += columns.kind[i] == 2;
  }
  double sum = 0;
  const double expected = 0.1 * static_cast<double>(rows_of_user);
  for (const auto& [user, n] : random) sum += std::pow(static_cast<double>(n) - expected, 2);
  EXPECT_GT(random.size(), 200);
  return sum / static_cast<double>(random.size()) / (0.9 * expected);
}

TEST(Clustered, APeoplesMixIsExactOrItsEpochsAlone) {
  const Size size{20'000, 1'000, 400'000};
  const PlannedDataset seed("{" + SizeYaml(size) + "}");
  const PlannedDataset mended(Yaml("independent", "exact", size));
  ASSERT_NE(mended.plan(), nullptr) << ToString(mended.problems());
  const Columns of_seed = seed.Rows(0, size.rows);
  const Columns of_mended = mended.Rows(0, size.rows);
  EXPECT_LT(Variance(of_seed, 5), 0.6);
  EXPECT_NEAR(Variance(of_mended, 5), 1, 0.2);
  for (size_t kind = 0; kind < 3; ++kind) {
    EXPECT_EQ(mended.plan()->kinds()[kind].rows, seed.plan()->kinds()[kind].rows);
  }
}

TEST(Clustered, HoldsThePromisesOfAnEpochWithAnyOptions) {
  for (const Size& size : {Size{500, 1'000, 50'000}, Size{100, 200, 5'000}}) {
    for (const auto& [placement, mix] : std::vector<std::pair<std::string, std::string>>{
             {"independent", "exact"}, {"independent", "by_user"}, {"spread", "by_user"}}) {
      const PlannedDataset dataset(Yaml(placement, mix, size));
      ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
      for (const int64_t epoch : {0, 1}) {
        const Columns columns = dataset.Rows(epoch * size.rows, size.rows);
        const Epoch counted(*dataset.plan(), columns, epoch);
        counted.ExpectItems(true);
        counted.ExpectAffinity(0.02);
        std::set<std::pair<uint8_t, int64_t>> rows;
        for (size_t i = 0; i < columns.capacity(); ++i) {
          rows.emplace(columns.kind[i], columns.kind_row[i]);
          ASSERT_LT(columns.kind_row[i], dataset.plan()->kinds()[columns.kind[i]].rows);
        }
        EXPECT_EQ(rows.size(), columns.capacity());
        if (mix == "by_user") counted.ExpectKinds(kSeedKinds);
      }
    }
  }
}

// Pairs of preferred items of the top twentieth of the tail that a user with 2 to 6 preferred
// choices has.
int64_t PairsOfHits(const PlannedDataset& dataset, const Columns& columns) {
  const throng_world& world = dataset.plan()->world();
  const int64_t hits = world.popular_items + (world.touched_items - world.popular_items) / 20;
  std::map<int64_t, std::pair<int64_t, int64_t>> users;  // preferred choices, hits
  for (size_t i = 0; i < columns.capacity(); ++i) {
    if (columns.kind[i] != 0) continue;
    ++users[columns.user[i]].first;
    users[columns.user[i]].second += columns.item[i] < hits ? 1 : 0;
  }
  int64_t pairs = 0;
  for (const auto& [user, of] : users) {
    if (of.first <= 6) pairs += of.second * (of.second - 1) / 2;
  }
  return pairs;
}

TEST(Clustered, TwoHitsMeetWhereChoicesAreIndependent) {
  const Size size{20'000, 1'000, 400'000};
  const PlannedDataset spread(Yaml("spread", "by_user", size));
  const PlannedDataset independent(Yaml("independent", "by_user", size));
  EXPECT_LT(PairsOfHits(spread, spread.Rows(0, size.rows)), 20);
  EXPECT_GT(PairsOfHits(independent, independent.Rows(0, size.rows)), 100);
}

TEST(Clustered, PreferredChoicesOfAllHoldTheCurveToOneRowWhereTheyAreIndependent) {
  // One category that all prefer: the curve is of the whole tail.
  const PlannedDataset dataset(
      "{choice: {component: clustered, options: {placement: independent, mix: exact}}, "
      "interactions: 50000, world: {users: 500, items: 1000, clusters: [{name: a, share: 1, "
      "prefers: x}], categories: [{name: x, share: 1}]}}");
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Columns columns = dataset.Rows(0, 50'000);
  std::vector<int64_t> rows(950, 0);
  for (size_t i = 0; i < columns.capacity(); ++i) {
    rows[At(columns.item[i])] += columns.kind[i] == 0 ? 1 : 0;
  }
  const double power = std::log(100.0 / 950) / std::log(0.3);
  for (int64_t item = 100; item < 950; ++item) {
    const auto share_before = [&](int64_t i) {
      return (std::pow(static_cast<double>(i) / 950, 1 / power) - 0.3) / 0.7;
    };
    const double quota = 30'000 * (share_before(item + 1) - share_before(item));
    EXPECT_LT(std::abs(static_cast<double>(rows[At(item)]) - quota), 1.05) << item;
  }
}

TEST(Clustered, RefusesToSpreadWhatItCannotCount) {
  const PlannedDataset dataset(Yaml("spread", "exact", {500, 1'000, 50'000}));
  EXPECT_EQ(dataset.plan(), nullptr);
  EXPECT_THAT(ToString(dataset.problems()),
              HasSubstr("placement: spread needs to know how many preferred choices each user has; "
                        "set mix to by_user, or placement to independent."));
}

}  // namespace
}  // namespace throng
