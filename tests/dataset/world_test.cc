// The world's counts are exact, its functions are bijections, and clusters are balanced by
// activity.
#include "server/dataset/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace throng {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

WorldParameters SeedWorld(int64_t users, int64_t items) {
  return {.users = users,
          .items = items,
          .active_users = 0.8,
          .touched_items = 0.95,
          .popular_items = 0.1,
          .clusters = {{"tech_enthusiasts", 0.15, "electronics"},
                       {"fashion_lovers", 0.15, "fashion"},
                       {"home_makers", 0.15, "home"},
                       {"sports_fans", 0.15, "sports"},
                       {"bookworms", 0.15, "books"},
                       {"general", 0.25, ""}},
          .categories = {{"electronics", 0.2},
                         {"fashion", 0.2},
                         {"home", 0.2},
                         {"sports", 0.2},
                         {"books", 0.2}},
          .key = 42};
}

WorldParameters UnequalWorld(int64_t users, int64_t items) {
  WorldParameters parameters = SeedWorld(users, items);
  parameters.active_users = 0.613;
  parameters.touched_items = 0.877;
  parameters.popular_items = 0.0513;
  parameters.clusters = {
      {"a", 0.4003, "x"}, {"b", 0.3117, "y"}, {"c", 0.2875, ""}, {"d", 0.0005, "z"}};
  parameters.categories = {{"x", 0.5011}, {"y", 0.3333}, {"z", 0.1656}};
  return parameters;
}

std::unique_ptr<World> Make(const WorldParameters& parameters) {
  Problems problems;
  std::unique_ptr<World> world = World::Create(parameters, &problems);
  EXPECT_EQ(ToString(problems), "");
  return world;
}

std::vector<int64_t> Iota(int64_t n) {
  std::vector<int64_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), int64_t{0});
  return values;
}

// Every count that the world promises, counted one by one.
void ExpectExact(const WorldParameters& parameters) {
  const std::unique_ptr<World> owner = Make(parameters);
  ASSERT_NE(owner, nullptr);
  const throng_world& world = *owner->abi();
  EXPECT_EQ(world.users, parameters.users);
  EXPECT_EQ(world.items, parameters.items);
  EXPECT_NEAR(static_cast<double>(world.active_users),
              parameters.active_users * static_cast<double>(world.users), 0.5001);
  EXPECT_NEAR(static_cast<double>(world.touched_items),
              parameters.touched_items * static_cast<double>(world.items), 0.5001);
  EXPECT_NEAR(static_cast<double>(world.popular_items),
              parameters.popular_items * static_cast<double>(world.items), 0.5001);

  const std::vector<int64_t> users = Iota(world.users);
  std::vector<int32_t> cluster(users.size());
  world.user_cluster(world.self, users.data(), cluster.data(), users.size());
  std::vector<int64_t> of_cluster(world.clusters_count, 0);
  std::vector<int64_t> active_of_cluster(world.clusters_count, 0);
  for (size_t rank = 0; rank < users.size(); ++rank) {
    ++of_cluster[static_cast<size_t>(cluster[rank])];
    if (users[rank] < world.active_users) ++active_of_cluster[static_cast<size_t>(cluster[rank])];
  }
  for (size_t i = 0; i < world.clusters_count; ++i) {
    const double share = parameters.clusters[i].share;
    EXPECT_EQ(of_cluster[i], world.clusters[i]->users);
    EXPECT_EQ(active_of_cluster[i], world.clusters[i]->active);
    EXPECT_LT(
        std::abs(static_cast<double>(of_cluster[i]) - share * static_cast<double>(world.users)),
        1.0);
    EXPECT_LT(std::abs(static_cast<double>(active_of_cluster[i]) -
                       share * static_cast<double>(world.active_users)),
              1.0);
  }

  const std::vector<int64_t> items = Iota(world.items);
  std::vector<int32_t> category(items.size());
  world.item_category(world.self, items.data(), category.data(), items.size());
  std::vector<std::array<int64_t, 3>> tiers(world.categories_count, {0, 0, 0});
  for (size_t rank = 0; rank < items.size(); ++rank) {
    const size_t tier = items[rank] < world.popular_items   ? 0
                        : items[rank] < world.touched_items ? 1
                                                            : 2;
    ++tiers[static_cast<size_t>(category[rank])][tier];
  }
  for (size_t i = 0; i < world.categories_count; ++i) {
    const throng_category& promised = *world.categories[i];
    EXPECT_EQ(tiers[i][0], promised.popular);
    EXPECT_EQ(tiers[i][1], promised.tail);
    EXPECT_EQ(tiers[i][2], promised.untouched);
    const int64_t sum = tiers[i][0] + tiers[i][1] + tiers[i][2];
    const double share = parameters.categories[i].share;
    EXPECT_LT(std::abs(static_cast<double>(sum) - share * static_cast<double>(world.items)), 1.0);
    EXPECT_LT(std::abs(static_cast<double>(tiers[i][0]) -
                       share * static_cast<double>(world.popular_items)),
              1.0);

    // The members of a category are its items, tier by tier, and no other's.
    const std::vector<int64_t> index = Iota(sum);
    const std::vector<int32_t> group(index.size(), static_cast<int32_t>(i));
    std::vector<int64_t> rank(index.size());
    world.category_item(world.self, group.data(), index.data(), rank.data(), index.size());
    std::vector<bool> seen(items.size(), false);
    for (size_t j = 0; j < rank.size(); ++j) {
      ASSERT_EQ(category[static_cast<size_t>(rank[j])], static_cast<int32_t>(i));
      ASSERT_FALSE(seen[static_cast<size_t>(rank[j])]);
      seen[static_cast<size_t>(rank[j])] = true;
      const int64_t at = index[j];
      ASSERT_EQ(rank[j] < world.popular_items, at < promised.popular);
      ASSERT_EQ(rank[j] < world.touched_items, at < promised.popular + promised.tail);
    }
  }

  // Numbers are a permutation of ranks, and back.
  for (const auto& [to, from, ranks] : {std::tuple(world.user_number, world.user_rank, users),
                                        std::tuple(world.item_number, world.item_rank, items)}) {
    std::vector<int64_t> numbers(ranks.size());
    std::vector<int64_t> again(ranks.size());
    to(world.self, ranks.data(), numbers.data(), ranks.size());
    from(world.self, numbers.data(), again.data(), ranks.size());
    EXPECT_EQ(again, ranks);
    std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(numbers, ranks);
  }
}

TEST(World, CountsAreExactForTheSizesOfThePresets) {
  for (const auto& [users, items] : std::vector<std::pair<int64_t, int64_t>>{
           {20, 50}, {100, 200}, {100, 300}, {200, 500}, {300, 600}, {500, 1000}, {1000, 3000}}) {
    SCOPED_TRACE(users);
    ExpectExact(SeedWorld(users, items));
  }
}

TEST(World, CountsAreExactForSmallAndOddWorlds) {
  ExpectExact(SeedWorld(7, 9));
  for (int64_t n = 9; n < 140; n += 13) {
    SCOPED_TRACE(n);
    ExpectExact(SeedWorld(n, n + 1));
  }
}

TEST(World, CountsAreExactWhereItemsAreComputedRatherThanLookedUp) {
  ExpectExact(SeedWorld(10'000, 5'000));
  ExpectExact(SeedWorld(100'003, 50'021));
}

TEST(World, CountsAreExactForUnequalShares) {
  ExpectExact(UnequalWorld(1'000, 3'000));
  ExpectExact(UnequalWorld(50'000, 20'000));
  ExpectExact(UnequalWorld(1'000'003, 200'003));
}

TEST(World, ManyGroupsAreDealt) {
  WorldParameters parameters = SeedWorld(30'000, 20'000);
  parameters.clusters.clear();
  parameters.categories.clear();
  for (int i = 0; i < 1000; ++i) {
    parameters.clusters.push_back({"c" + std::to_string(i), 0.001, "k" + std::to_string(i)});
    parameters.categories.push_back({"k" + std::to_string(i), 0.001});
  }
  ExpectExact(parameters);
}

// Any stretch of ranks has each cluster in proportion: that is what "balanced by activity" means.
TEST(World, ClustersAreBalancedByActivity) {
  for (const WorldParameters& parameters :
       {SeedWorld(500, 1'000), SeedWorld(1'000'000, 1'000), UnequalWorld(1'000'000, 3'000)}) {
    const std::unique_ptr<World> owner = Make(parameters);
    const throng_world& world = *owner->abi();
    const std::vector<int64_t> users = Iota(world.active_users);
    std::vector<int32_t> cluster(users.size());
    world.user_cluster(world.self, users.data(), cluster.data(), users.size());
    std::vector<double> seen(world.clusters_count, 0);
    const double n = static_cast<double>(users.size());
    for (size_t rank = 0; rank < users.size(); ++rank) {
      ++seen[static_cast<size_t>(cluster[rank])];
      for (size_t i = 0; i < world.clusters_count; ++i) {
        const double expected = parameters.clusters[i].share * static_cast<double>(rank + 1);
        // A block's imbalance, and the walk of those few that are dealt at random.
        const double wild = n / 1024 * static_cast<double>(world.clusters_count);
        ASSERT_LE(std::abs(seen[i] - expected), 12 + 2.5 * std::sqrt(n > 4096 ? wild : 0))
            << "cluster " << i << " at rank " << rank;
      }
    }
  }
}

TEST(World, WithinACategoryItemsAreOrderedByPopularity) {
  for (const int64_t items : {50, 1'000, 100'000}) {
    const std::unique_ptr<World> owner = Make(SeedWorld(500, items));
    const throng_world& world = *owner->abi();
    for (size_t i = 0; i < world.categories_count; ++i) {
      const throng_category& category = *world.categories[i];
      const auto index = Iota(category.popular + category.tail + category.untouched);
      const std::vector<int32_t> group(index.size(), static_cast<int32_t>(i));
      std::vector<int64_t> rank(index.size());
      world.category_item(world.self, group.data(), index.data(), rank.data(), index.size());
      EXPECT_TRUE(std::is_sorted(rank.begin(), rank.end()));
    }
  }
}

// item_index is the way back from category_item, and user_member numbers each cluster's users.
TEST(World, ItemsAndUsersKnowTheirPlaceInTheirGroup) {
  for (const int64_t n : {50, 1'000, 100'000}) {
    const std::unique_ptr<World> owner = Make(SeedWorld(n, n));
    const throng_world& world = *owner->abi();
    const std::vector<int64_t> ranks = Iota(n);
    std::vector<int32_t> group(ranks.size());
    std::vector<int64_t> index(ranks.size());
    std::vector<int64_t> back(ranks.size());
    world.item_category(world.self, ranks.data(), group.data(), ranks.size());
    world.item_index(world.self, ranks.data(), index.data(), ranks.size());
    world.category_item(world.self, group.data(), index.data(), back.data(), ranks.size());
    EXPECT_EQ(back, ranks);

    world.user_cluster(world.self, ranks.data(), group.data(), ranks.size());
    world.user_member(world.self, ranks.data(), index.data(), ranks.size());
    std::vector<std::vector<bool>> seen(world.clusters_count);
    for (size_t i = 0; i < seen.size(); ++i) {
      seen[i].resize(static_cast<size_t>(world.clusters[i]->users));
    }
    for (size_t rank = 0; rank < ranks.size(); ++rank) {
      std::vector<bool>& members = seen[static_cast<size_t>(group[rank])];
      ASSERT_LT(index[rank], static_cast<int64_t>(members.size()));
      ASSERT_FALSE(members[static_cast<size_t>(index[rank])]) << rank;
      members[static_cast<size_t>(index[rank])] = true;
    }
  }
}

// Awkward hands of many cards: more than 4096 of them are dealt at random.
TEST(Deal, FindsEveryCardAndItsPosition) {
  for (const std::vector<int64_t>& hands :
       std::vector<std::vector<int64_t>>{{40'000'001, 30'000'003, 7, 5'000, 29'876'543},
                                         {1'000'000, 1},
                                         {0, 5, 0},
                                         {3, 3, 3, 3, 3, 5}}) {
    const Deal deal(hands, 42);
    std::vector<int64_t> found_of_hand(hands.size(), 0);
    for (uint64_t i = 0; i < 200'000; ++i) {
      const auto position =
          static_cast<int64_t>(MultiplyHigh(Hash(1, i), static_cast<uint64_t>(deal.size())));
      const Deal::Card card = deal.Find(position);
      ASSERT_GE(card.index, 0);
      ASSERT_LT(card.index, hands[static_cast<size_t>(card.hand)]);
      ASSERT_EQ(deal.Position(card), position);
      ++found_of_hand[static_cast<size_t>(card.hand)];
    }
    for (size_t hand = 0; hand < hands.size(); ++hand) {
      const double expected =
          200'000.0 * static_cast<double>(hands[hand]) / static_cast<double>(deal.size());
      EXPECT_NEAR(static_cast<double>(found_of_hand[hand]), expected, 3 + 5 * std::sqrt(expected));
      for (const int64_t index : {int64_t{0}, hands[hand] - 1}) {
        if (index < 0 || hands[hand] == 0) continue;
        const Deal::Card card{static_cast<int32_t>(hand), index};
        const Deal::Card found = deal.Find(deal.Position(card));
        EXPECT_EQ(found.hand, card.hand);
        EXPECT_EQ(found.index, card.index);
      }
    }
  }
}

TEST(World, AnotherKeyIsAnotherWorldOfTheSameCounts) {
  WorldParameters other = SeedWorld(500, 1000);
  other.key = 43;
  const std::unique_ptr<World> a = Make(SeedWorld(500, 1000));
  const std::unique_ptr<World> b = Make(other);
  const std::vector<int64_t> users = Iota(500);
  std::vector<int64_t> of_a(500);
  std::vector<int64_t> of_b(500);
  a->abi()->user_number(a->abi()->self, users.data(), of_a.data(), 500);
  b->abi()->user_number(b->abi()->self, users.data(), of_b.data(), 500);
  EXPECT_NE(of_a, of_b);
  EXPECT_EQ(a->abi()->clusters[5]->active, b->abi()->clusters[5]->active);
}

auto HasProblem(const std::string& field, const std::string& text) {
  return Contains(AllOf(Field(&Problem::field, "dataset.world." + field),
                        Field(&Problem::message, HasSubstr(text))));
}

Problems ProblemsOf(const WorldParameters& parameters) {
  Problems problems;
  EXPECT_EQ(World::Create(parameters, &problems), nullptr);
  return problems;
}

TEST(World, SaysAllThatIsWrongAtOnce) {
  WorldParameters parameters = SeedWorld(0, 0);
  parameters.active_users = std::numeric_limits<double>::quiet_NaN();
  parameters.touched_items = 1.5;
  parameters.popular_items = -1;
  parameters.clusters[2].share = 0.5;
  parameters.clusters[3].prefers = "spots";
  parameters.categories.clear();
  const Problems problems = ProblemsOf(parameters);
  EXPECT_THAT(problems, HasProblem("users", "0 users; give 1 to 4294967295."));
  EXPECT_THAT(problems, HasProblem("items", "0 items; give 1 to 4294967295."));
  EXPECT_THAT(problems, HasProblem("active_users", "nan is no share"));
  EXPECT_THAT(problems, HasProblem("touched_items", "1.5 is no share"));
  EXPECT_THAT(problems, HasProblem("popular_items", "-1 is no share"));
  EXPECT_THAT(problems, HasProblem("clusters", "sum to 1.35; they must sum to 1."));
  EXPECT_THAT(problems, HasProblem("categories", "Give 1 to 1000 categories, not 0."));
  EXPECT_THAT(problems, HasProblem("clusters[3].prefers", "\"spots\" is no category"));
}

TEST(World, SaysWhichCountsRoundToNothing) {
  WorldParameters parameters = SeedWorld(2, 4);
  parameters.active_users = 0.2;
  const Problems problems = ProblemsOf(parameters);
  EXPECT_THAT(problems, HasProblem("active_users", "0.2 of 2 users is less than half a user"));
  EXPECT_THAT(problems, HasProblem("popular_items", "0.1 of 4 items is less than half an item"));
  EXPECT_THAT(problems, HasProblem("active_users", "give at least 0.25, or at least 3 users."));
  EXPECT_THAT(problems, HasProblem("popular_items", "give at least 0.125, or at least 5 items."));
  parameters = SeedWorld(10, 10);
  parameters.touched_items = 0.1;
  EXPECT_THAT(ProblemsOf(parameters),
              HasProblem("touched_items", "some touched items must not be popular"));
}

TEST(World, RefusesAPreferredCategoryWithoutTail) {
  WorldParameters parameters = SeedWorld(100, 100);
  parameters.categories = {
      {"electronics", 0.399}, {"fashion", 0.2}, {"home", 0.2}, {"sports", 0.2}, {"books", 0.001}};
  EXPECT_THAT(ProblemsOf(parameters),
              HasProblem("clusters[4].prefers",
                         "Category \"books\" has 0 items, none of them touched and not popular"));
  parameters.clusters[4].prefers = "";
  EXPECT_NE(Make(parameters), nullptr);
}

}  // namespace
}  // namespace throng
