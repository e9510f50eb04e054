// What `taste` promises of the rows of an epoch, exactly, in worlds of all sizes; and that there
// are tastes in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <set>

#include "plugins/choice/item_curves.h"
#include "plugins/tastes.h"
#include "tests/plugins/behaviours/tasted_dataset.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Row = TastedDataset::Row;

size_t At(int64_t i) { return static_cast<size_t>(i); }

// Rows of each kind by item.
std::vector<std::vector<int64_t>> CountItems(const TastedDataset& dataset,
                                             const std::vector<Row>& rows) {
  std::vector<std::vector<int64_t>> counts(3, std::vector<int64_t>(At(dataset.world().items)));
  for (const Row& row : rows) ++counts[row.kind][At(row.item)];
  return counts;
}

void ExpectKinds(const TastedDataset& dataset, const std::vector<Row>& rows) {
  std::vector<std::vector<bool>> seen;
  for (const KindRows& kind : dataset.kinds()) seen.emplace_back(At(kind.rows), false);
  for (const Row& row : rows) {
    ASSERT_LT(row.kind, seen.size());
    ASSERT_LT(At(row.kind_row), seen[row.kind].size());
    ASSERT_FALSE(seen[row.kind][At(row.kind_row)]);
    seen[row.kind][At(row.kind_row)] = true;
  }
}

// Popular rows are of popular items, each within one of its quota; the others are of the tail,
// preferred ones of the preferred category.
void ExpectItems(const TastedDataset& dataset, const std::vector<Row>& rows,
                 bool popular_come_and_go) {
  const throng_world& world = dataset.world();
  for (const Row& row : rows) {
    ASSERT_GE(row.item, 0);
    ASSERT_LT(row.item, world.touched_items);
    ASSERT_EQ(row.item < world.popular_items, row.kind == 1);
    const int32_t prefers = dataset.PreferenceOf(row.user);
    if (row.kind == 0 && prefers >= 0) {
      ASSERT_EQ(dataset.CategoryOf(row.item), prefers);
    }
  }
  if (popular_come_and_go) return;
  const plugins::CurveExponents exponents =
      plugins::FindExponents({.popular_items = world.popular_items,
                              .tail_items = dataset.tail_items(),
                              .preferred_rows = dataset.kinds()[0].rows,
                              .popular_rows = dataset.kinds()[1].rows,
                              .random_rows = dataset.kinds()[2].rows});
  const auto integral = [&](double p) { return std::pow(p + 3, 1 - exponents.head); };
  const double all = integral(static_cast<double>(world.popular_items)) - integral(0);
  const std::vector<int64_t> popular = CountItems(dataset, rows)[1];
  for (int64_t p = 0; p < world.popular_items; ++p) {
    const auto at = static_cast<double>(p);
    const double quota =
        (integral(at + 1) - integral(at)) / all * static_cast<double>(dataset.kinds()[1].rows);
    ASSERT_LT(std::abs(static_cast<double>(popular[At(p)]) - quota), 1.01) << "item " << p;
  }
}

void ExpectTouched(const TastedDataset& dataset, const std::vector<Row>& rows) {
  std::vector<bool> touched(At(dataset.world().touched_items));
  for (const Row& row : rows) touched[At(row.item)] = true;
  EXPECT_EQ(std::count(touched.begin(), touched.end(), false), 0);
}

void ExpectPromises(const TasteWorld& world, const TasteOptions& options = {}) {
  SCOPED_TRACE(::testing::Message() << world.users << " x " << world.items << " x " << world.rows);
  TastedDataset dataset(world, options);
  const bool popular_come_and_go = options.count("popular_turnover") > 0;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const std::vector<Row> rows = dataset.Epoch(epoch);
    ExpectKinds(dataset, rows);
    ExpectItems(dataset, rows, popular_come_and_go);
    if (dataset.warnings().empty()) ExpectTouched(dataset, rows);
  }
}

const std::vector<TasteOptions> kOptions = {{},
                                            {{"turnover", "0"}},
                                            {{"turnover", "1"}, {"popular_turnover", "1"}},
                                            {{"breadth", "0"}, {"favourites", "0"}, {"keep", "0"}},
                                            {{"breadth", "1"}},
                                            {{"favourites", "1"}, {"keep", "1"}}};

const std::vector<ClusterParameters> kFourClusters = {
    {"a", 0.41, "x"}, {"b", 0.333, "y"}, {"c", 0.25, ""}, {"d", 0.007, "z"}};
const std::vector<CategoryParameters> kThreeCategories = {{"x", 0.55}, {"y", 0.3}, {"z", 0.15}};

// ---- Exact promises --------------------------------------------------------------------------

TEST(Taste, HoldsItsPromisesForTheSeed) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const TasteWorld world{.seed = seed};
    EXPECT_THAT(TastedDataset(world).warnings(), IsEmpty());
    ExpectPromises(world);
  }
}

TEST(Taste, HoldsItsPromisesForAllOptions) {
  for (const TasteOptions& options : kOptions) ExpectPromises({}, options);
}

TEST(Taste, HoldsItsPromisesInTinyWorlds) {
  for (const TasteOptions& options : kOptions) {
    for (const int64_t segments : {1, 3}) {
      ExpectPromises({.users = 7, .items = 9, .rows = 40, .segments = segments}, options);
      ExpectPromises({.users = 20, .items = 50, .rows = 100, .segments = segments}, options);
      ExpectPromises({.users = 20, .items = 50, .rows = 1'000, .segments = segments}, options);
      ExpectPromises({.users = 20, .items = 10, .rows = 5'000, .segments = segments}, options);
      ExpectPromises({.users = 2,
                      .items = 2,
                      .rows = 1,
                      .segments = segments,
                      .touched_items = 1,
                      .popular_items = 0.5,
                      .clusters = {{"all", 1, ""}},
                      .categories = {{"only", 1}}},
                     options);
    }
  }
}

TEST(Taste, HoldsItsPromisesForOtherClustersAndCategories) {
  for (const TasteOptions& options : kOptions) {
    ExpectPromises({.users = 1'234,
                    .items = 777,
                    .rows = 30'007,
                    .segments = 24,
                    .clusters = kFourClusters,
                    .categories = kThreeCategories},
                   options);
    ExpectPromises({.users = 100,
                    .items = 300,
                    .rows = 5'000,
                    .clusters = {{"all", 1, ""}},
                    .categories = {{"only", 1}}},
                   options);
    // Tails of one and of two items, and one that nobody may prefer.
    ExpectPromises(
        {.users = 100,
         .items = 100,
         .rows = 5'000,
         .clusters = {{"a", 0.3, "one"}, {"b", 0.3, "two"}, {"c", 0.4, ""}},
         .categories = {{"many", 0.965}, {"one", 0.013}, {"two", 0.02}, {"none", 0.002}}},
        options);
  }
}

TEST(Taste, HoldsItsPromisesForOtherMixes) {
  for (TasteOptions options : kOptions) {
    for (const auto& [preferred, popular, random] :
         std::vector<std::tuple<const char*, const char*, const char*>>{
             {"0.7", "0", "0.3"},
             {"0.7", "0.3", "0"},
             {"0", "0.5", "0.5"},
             {"1", "0", "0"},
             {"0", "0", "1"},
             {"0.3333", "0.3333", "0.3334"}}) {
      options["preferred"] = preferred;
      options["popular"] = popular;
      options["random"] = random;
      ExpectPromises({.users = 100, .items = 300, .rows = 5'011}, options);
    }
  }
}

TEST(Taste, SaysWhatItTakesToReachEveryItem) {
  const TastedDataset quick({.users = 20, .items = 50, .rows = 100, .segments = 1});
  EXPECT_THAT(quick.warnings(),
              ElementsAre(HasSubstr("Some of the 48 items that may be chosen need not appear: for "
                                    "each to be there it takes 430 interactions.")));
}

TEST(Taste, RandomChoicesAreEvenOverTheTail) {
  TastedDataset dataset({}, {{"turnover", "0"}});
  const std::vector<int64_t> random = CountItems(dataset, dataset.Epoch(0))[2];
  const auto tail = random.begin() + dataset.world().popular_items;
  const auto [least, most] = std::minmax_element(tail, tail + dataset.tail_items());
  EXPECT_LE(*most - *least, 1);
}

// ---- Popular items are dealt within a block --------------------------------------------------

// A block of one row keeps its item.
TEST(Taste, DealsThePopularItemsOfABlockToItsOwnRows) {
  for (const std::string popular_turnover : {"0", "0.5"}) {
    TastedDataset dataset({.rows = 20'000}, {{"popular_turnover", popular_turnover}});
    const std::vector<Row> dealt = dataset.Epoch(1);
    const std::vector<Row> alone = dataset.Epoch(1, true);
    std::map<int64_t, std::multiset<int64_t>> items;
    std::map<int64_t, std::multiset<int64_t>> items_alone;
    int64_t same = 0;
    int64_t popular = 0;
    for (size_t i = 0; i < dealt.size(); ++i) {
      ASSERT_EQ(dealt[i].kind, alone[i].kind);
      if (dealt[i].kind != 1) {
        ASSERT_EQ(dealt[i].item, alone[i].item);
        continue;
      }
      ++popular;
      same += dealt[i].item == alone[i].item ? 1 : 0;
      // Of a pair one may stand for the other, by row.
      const auto of = [&](const Row& row) {
        if (popular_turnover == "0") return row.item;
        return dataset.CategoryOf(row.item) * int64_t{1000} + dataset.IndexOf(row.item) / 2;
      };
      items[dealt[i].block].insert(of(dealt[i]));
      items_alone[dealt[i].block].insert(of(alone[i]));
    }
    EXPECT_EQ(items, items_alone);
    EXPECT_LT(same, popular / 10);
  }
}

// How near to one another the popular items of a user lie on the circle: 0 for all over it.
double Concentration(TastedDataset& dataset, uint64_t world_key) {
  std::map<int64_t, std::array<double, 3>> sums;
  for (const Row& row : dataset.Epoch(0)) {
    if (row.kind != 1) continue;
    const double turns = plugins::ItemAngle(world_key, row.item) * 0x1p-32;
    const double angle = 2 * std::numbers::pi * turns;
    auto& [x, y, n] = sums[row.user];
    x += std::cos(angle);
    y += std::sin(angle);
    n += 1;
  }
  double sum = 0;
  double rows = 0;
  for (const auto& [user, of] : sums) {
    if (of[2] < 20) continue;
    sum += std::hypot(of[0], of[1]);
    rows += of[2];
  }
  return sum / rows;
}

TEST(Taste, UsersHavePopularItemsOfTheirTaste) {
  TastedDataset narrow({}, {{"breadth", "0"}});
  TastedDataset usual({});
  TastedDataset none({}, {{"breadth", "1"}});
  const uint64_t world_key = DeriveKey(1, "world_key");
  EXPECT_GT(Concentration(narrow, world_key), 0.75);
  EXPECT_GT(Concentration(usual, world_key), 0.5);
  EXPECT_LT(Concentration(none, world_key), 0.25);
}

// ---- Preferred items -------------------------------------------------------------------------

TEST(Taste, SessionsKeepToTheirNicheAndCategory) {
  TastedDataset dataset({},
                        {{"breadth", "0"}, {"favourites", "0"}, {"keep", "1"}, {"turnover", "0"}});
  std::map<int64_t, std::set<std::pair<int32_t, int64_t>>> of_session;
  for (const Row& row : dataset.Epoch(0)) {
    const int64_t index = dataset.IndexOf(row.item);
    // The last group of a category may be short.
    if (row.kind == 0 && index < 150) {
      of_session[row.session].insert({dataset.CategoryOf(row.item), index % 25});
    }
  }
  for (const auto& [session, places] : of_session) ASSERT_EQ(places.size(), 1);
}

TEST(Taste, UsersHaveEightFavourites) {
  TastedDataset dataset({}, {{"favourites", "1"}, {"turnover", "0"}});
  std::map<int64_t, std::map<int64_t, int64_t>> of_user;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    for (const Row& row : dataset.Epoch(epoch)) {
      if (row.kind == 0) ++of_user[row.user][row.item];
    }
  }
  size_t most = 0;
  for (const auto& [user, items] : of_user) {
    ASSERT_LE(items.size(), 8);
    most = std::max(most, items.size());
  }
  EXPECT_EQ(most, 8);
}

TEST(Taste, PreferredItemsFollowTheCurveOfTheTail) {
  TastedDataset dataset({.rows = 200'000},
                        {{"breadth", "1"}, {"favourites", "0"}, {"turnover", "0"}});
  std::vector<double> tenths(10, 0);
  double rows = 0;
  for (const Row& row : dataset.Epoch(0)) {
    if (row.kind != 0) continue;
    tenths[At(dataset.IndexOf(row.item) / 17)] += 1;
    rows += 1;
  }
  for (size_t i = 0; i < 10; ++i) {
    const double from = 1 - static_cast<double>(i) / 10;
    const double share = std::pow(from, 1.5) - std::pow(std::max(from - 0.1, 0.0), 1.5);
    EXPECT_NEAR(tenths[i] / rows, share, 0.01);
  }
}

// Golden steps: a user's choices spread over the curve without a rest.
TEST(Taste, UsersWithoutPreferenceHaveCategoriesOfTheirOwn) {
  TastedDataset dataset({}, {{"turnover", "0"}});
  std::map<int64_t, std::set<int32_t>> of_user;
  for (const Row& row : dataset.Epoch(0)) {
    if (row.kind == 0 && dataset.PreferenceOf(row.user) < 0) {
      of_user[row.user].insert(dataset.CategoryOf(row.item));
    }
  }
  std::set<int32_t> all;
  for (const auto& [user, categories] : of_user) {
    ASSERT_LE(categories.size(), 3);
    all.insert(categories.begin(), categories.end());
  }
  EXPECT_EQ(all.size(), 5);
}

// ---- Niches as columns -----------------------------------------------------------------------

TEST(Taste, TellsTheNicheOfItemsAndUsers) {
  TastedDataset dataset({}, {{"breadth", "0"}, {"turnover", "0"}});
  const throng_world& world = dataset.world();
  std::map<int64_t, std::array<int64_t, 5>> of_user;
  for (const Row& row : dataset.Epoch(0)) {
    if (row.kind == 1) {
      ASSERT_GE(row.niche, 5);
      ASSERT_LT(row.niche, 30);
      const uint64_t angle = plugins::ItemAngle(DeriveKey(1, "world_key"), row.item);
      ASSERT_EQ(row.niche, 5 + static_cast<int32_t>(angle * 25 >> 32));
      continue;
    }
    ASSERT_EQ(row.niche, dataset.IndexOf(row.item) % 25 / 5);
    if (row.kind == 0 && dataset.PreferenceOf(row.user) >= 0) ++of_user[row.user][At(row.niche)];
  }
  std::vector<int64_t> user(At(world.users));
  std::iota(user.begin(), user.end(), 0);
  std::vector<int32_t> liked(user.size());
  void* extra[] = {liked.data()};
  ASSERT_TRUE(dataset.choice().Side(v1::TABLE_USERS, user.data(), user.size(), extra).ok());
  std::array<int64_t, 5> users{};
  for (const auto& [rank, counts] : of_user) {
    ASSERT_GE(liked[At(rank)], 0);
    ++users[At(liked[At(rank)])];
    if (std::accumulate(counts.begin(), counts.end(), int64_t{0}) < 100) continue;
    EXPECT_EQ(std::max_element(counts.begin(), counts.end()) - counts.begin(), liked[At(rank)]);
  }
  for (const int64_t n : users) EXPECT_NEAR(static_cast<double>(n), 60, 12);
  for (int64_t rank = 0; rank < world.users; ++rank) {
    EXPECT_EQ(liked[At(rank)] < 0, dataset.PreferenceOf(rank) < 0);
  }
  std::vector<int64_t> item(At(world.items));
  std::iota(item.begin(), item.end(), 0);
  std::vector<int32_t> niche(item.size());
  void* of_items[] = {niche.data()};
  ASSERT_TRUE(dataset.choice().Side(v1::TABLE_ITEMS, item.data(), item.size(), of_items).ok());
  for (size_t i = 0; i < niche.size(); ++i) {
    EXPECT_EQ(niche[i] >= 5, static_cast<int64_t>(i) < world.popular_items);
  }
}

// ---- What cannot be --------------------------------------------------------------------------

TEST(Taste, RefusesSharesThatAreNotOne) {
  const Component& component = **TastedDataset::Plugins().Find(Role::kChoice, "taste");
  const auto problem_of = [&](const TasteOptions& options) {
    Problems problems;
    OptionValues::Parse(component, options, "choice", 0, &problems);
    return ToString(problems);
  };
  EXPECT_THAT(problem_of({{"popular", "0.4"}}), HasSubstr("sum to 1.1; they must sum to 1."));
  EXPECT_THAT(problem_of({{"turnover", "1.5"}}), HasSubstr("choice.options.turnover"));
  EXPECT_THAT(problem_of({{"breadth", "-1"}}), HasSubstr("choice.options.breadth"));
}

}  // namespace
}  // namespace throng
