#include "server/dataset/statistics.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "server/dataset/world.h"

namespace throng {
namespace {

std::unique_ptr<World> MakeWorld(int64_t users, int64_t items) {
  Problems problems;
  auto world = World::Create({.users = users,
                              .items = items,
                              .active_users = 0.8,
                              .touched_items = 0.95,
                              .popular_items = 0.1,
                              .clusters = {{"all", 1, ""}},
                              .categories = {{"all", 1}},
                              .key = 7},
                             &problems);
  EXPECT_TRUE(problems.empty()) << ToString(problems);
  return world;
}

TEST(Statistics, WithoutRowsIsZeroes) {
  const auto world = MakeWorld(10, 20);
  const v1::Statistics s = Statistics(*world->abi()).Derive();
  EXPECT_EQ(s.total_users(), 10);
  EXPECT_EQ(s.total_items(), 20);
  EXPECT_EQ(s.total_interactions(), 0);
  EXPECT_EQ(s.min_interactions_per_user(), 0);
  EXPECT_EQ(s.average_rating(), 0);
  EXPECT_FALSE(s.has_first_timestamp());
}

TEST(Statistics, RowsWithoutARatingCountAsRowsOnly) {
  const auto world = MakeWorld(10, 20);
  Statistics statistics(*world->abi());
  const std::vector<uint32_t> user = {0, 1, 2, 3};
  const std::vector<int32_t> rating = {-1, 200, -1, 400};
  const std::vector<int64_t> time = {1, 2, 3, 4};
  statistics.Add(user, user, rating, time);
  const v1::Statistics s = statistics.Derive();
  EXPECT_EQ(s.total_interactions(), 4);
  EXPECT_DOUBLE_EQ(s.average_rating(), 3);
  ASSERT_EQ(s.rating_distribution_size(), 2);
  EXPECT_DOUBLE_EQ(s.rating_distribution(0).share(), 0.5);
  ASSERT_EQ(statistics.State().ratings_size(), 2);
  EXPECT_EQ(statistics.State().ratings(0).rating_hundredths(), 200);
}

TEST(Statistics, CountsExactly) {
  const auto world = MakeWorld(10, 20);
  Statistics statistics(*world->abi());
  const std::vector<uint32_t> user = {0, 0, 0, 3};
  const std::vector<uint32_t> item = {5, 5, 1, 2};
  const std::vector<int32_t> rating = {500, 450, 450, 1250};
  const std::vector<int64_t> time = {1'500, 2'000, 2'000, 9'999};
  statistics.Add(user, item, rating, time);
  const v1::Statistics s = statistics.Derive();
  EXPECT_EQ(s.total_interactions(), 4);
  EXPECT_EQ(s.unique_active_users(), 2);
  EXPECT_EQ(s.unique_items(), 3);
  EXPECT_EQ(s.max_interactions_per_user(), 3);
  EXPECT_EQ(s.min_interactions_per_user(), 1);
  EXPECT_DOUBLE_EQ(s.average_interactions_per_user(), 0.4);
  EXPECT_DOUBLE_EQ(s.average_rating(), 26.5 / 4);
  ASSERT_EQ(s.rating_distribution_size(), 3);
  EXPECT_EQ(s.rating_distribution(0).rating(), 12.5);
  EXPECT_EQ(s.rating_distribution(2).rating(), 4.5);
  EXPECT_EQ(s.rating_distribution(2).interactions(), 2);
  EXPECT_DOUBLE_EQ(s.rating_distribution(2).share(), 0.5);
  EXPECT_EQ(s.first_timestamp().seconds(), 1);
  EXPECT_EQ(s.first_timestamp().nanos(), 500'000'000);
  EXPECT_EQ(s.last_timestamp().seconds(), 9);
}

TEST(Statistics, MergedPartsAreTheWhole) {
  const auto world = MakeWorld(100'000, 70'000);
  std::mt19937 random(1);
  Statistics whole(*world->abi());
  Statistics merged(*world->abi());
  for (int part = 0; part < 3; ++part) {
    Statistics own(*world->abi());
    for (int batch = 0; batch < 10; ++batch) {
      std::vector<uint32_t> user, item;
      std::vector<int32_t> rating;
      std::vector<int64_t> time;
      for (int i = 0; i < 500; ++i) {
        user.push_back(static_cast<uint32_t>(random()) % 80'000);
        item.push_back(static_cast<uint32_t>(random()) % 60'000);
        rating.push_back(static_cast<int32_t>(100 + 50 * (random() % 9)));
        time.push_back(1'000 * part + 100 * batch + i / 10);
      }
      whole.Add(user, item, rating, time);
      own.Add(user, item, rating, time);
    }
    EXPECT_TRUE(merged.Merge(own.State()));
  }
  EXPECT_EQ(merged.State().SerializeAsString(), whole.State().SerializeAsString());
  EXPECT_EQ(merged.Derive().SerializeAsString(), whole.Derive().SerializeAsString());
}

TEST(Statistics, StateIsByNumber) {
  const auto world = MakeWorld(200'000, 10);
  Statistics statistics(*world->abi());
  const std::vector<uint32_t> user = {150'000, 150'000};
  const std::vector<uint32_t> item = {3, 4};
  const std::vector<int32_t> rating = {100, 500};
  const std::vector<int64_t> time = {-5, 7};
  statistics.Add(user, item, rating, time);
  const int64_t rank = 150'000;
  int64_t number = 0;
  world->abi()->user_number(world->abi()->self, &rank, &number, 1);
  const v1::StatisticsState state = statistics.State();
  ASSERT_EQ(state.user_rows_size(), 1);
  const v1::CountChunk& chunk = state.user_rows(0);
  EXPECT_EQ(chunk.rows(static_cast<int>(number + 1 - chunk.first_number())), 2);
  EXPECT_EQ(state.rows(), 2);
  EXPECT_EQ(state.ratings_size(), 2);
  EXPECT_EQ(state.first_time_ms(), -5);
  EXPECT_EQ(state.last_time_ms(), 7);
}

TEST(Statistics, AStateThatIsNoneOfTheWorldIsNotMerged) {
  const auto world = MakeWorld(10, 20);
  Statistics other(*world->abi());
  const std::vector<uint32_t> rank = {1, 1, 9};
  other.Add(rank, rank, std::vector<int32_t>{100, -1, 500}, std::vector<int64_t>{1, 2, 3});
  const v1::StatisticsState sound = other.State();
  std::vector<v1::StatisticsState> unsound(8, sound);
  unsound[0].set_rows(4);
  unsound[1].mutable_user_rows(0)->set_first_number(0);
  unsound[2].mutable_user_rows(0)->set_first_number(2);
  unsound[3].mutable_item_rows(0)->set_rows(0, 1 + sound.item_rows(0).rows(0));
  unsound[4].mutable_item_rows(0)->add_rows(-1);
  unsound[5].mutable_ratings(0)->set_rows(4);
  unsound[6].mutable_ratings(0)->set_rating_hundredths(-1);
  unsound[7].clear_last_time_ms();
  Statistics statistics(*world->abi());
  for (const v1::StatisticsState& state : unsound) {
    EXPECT_FALSE(statistics.Merge(state)) << state.ShortDebugString();
  }
  EXPECT_EQ(statistics.Derive().SerializeAsString(),
            Statistics(*world->abi()).Derive().SerializeAsString());
  EXPECT_TRUE(statistics.Merge(sound));
  EXPECT_EQ(statistics.State().SerializeAsString(), sound.SerializeAsString());
  EXPECT_EQ(statistics.Derive().SerializeAsString(), other.Derive().SerializeAsString());
}

// What it costs shows in tests/bench; here, that the largest world there is needs no memory but for
// what was met.
TEST(Statistics, OfTheLargestWorldAreThoseOfItsRows) {
  const auto world = MakeWorld(4'294'967'295, 4'294'967'295);
  Statistics statistics(*world->abi());
  const std::vector<uint32_t> user = {0, 4'294'967'294, 4'294'967'294, 7};
  const std::vector<uint32_t> item = {5, 4'294'967'294, 0, 5};
  statistics.Add(user, item, std::vector<int32_t>(4, 100), std::vector<int64_t>{1, 2, 3, 4});
  const v1::Statistics s = statistics.Derive();
  EXPECT_EQ(s.total_users(), 4'294'967'295);
  EXPECT_EQ(s.unique_active_users(), 3);
  EXPECT_EQ(s.unique_items(), 3);
  EXPECT_EQ(s.min_interactions_per_user(), 1);
  EXPECT_EQ(s.max_interactions_per_user(), 2);
}

}  // namespace
}  // namespace throng
