// Every exact promise of the presets `seed` and `seed-ranges`; that rows are a pure function; and
// what is refused, with which sentence.
#include "tests/plugins/behaviours/promises.h"

#include <set>

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Promises, HoldForTheSeed) {
  const PlannedDataset dataset("{size: production}");
  ExpectSeed(dataset, 0, true);
  const Columns columns = dataset.Rows(0, 50'000);
  const Epoch counted(*dataset.plan(), columns, 0);
  EXPECT_EQ(dataset.plan()->world().active_users, 400);
  EXPECT_EQ(dataset.plan()->world().touched_items, 950);
  counted.ExpectLargestUser(1255);
  counted.ExpectAffinity(0.01);
}

TEST(Promises, HoldForEveryPresetOfSize) {
  for (const std::string size :
       {"producer", "development", "testing", "medium", "production", "large"}) {
    SCOPED_TRACE(size);
    ExpectSeed(PlannedDataset("{size: " + size + "}"), 0, true);
    ExpectSeed(PlannedDataset("{preset: seed-ranges, size: " + size + "}"), 0, true);
  }
}

TEST(Promises, HoldForTheQuickSizeButItsItemsAreExpectedOnly) {
  const PlannedDataset quick("{size: quick}");
  ExpectSeed(quick, 0, false);
  EXPECT_THAT(quick.plan()->warnings(),
              ElementsAre(HasSubstr("Some of the 48 items that may be chosen need not appear: for "
                                    "each to be there it takes 430 interactions.")));
  ExpectSeed(PlannedDataset("{preset: seed-ranges, size: quick}"), 0, false);
}

TEST(Promises, HoldForAMillionRows) {
  ExpectSeed(PlannedDataset("{" + SizeYaml({500, 1'000, 1'000'000}) + "}"), 0, true);
  ExpectSeed(PlannedDataset("{" + SizeYaml({10'000, 300, 1'000'000}) + "}"), 0, true);
}

TEST(Promises, HoldForOtherSeeds) {
  for (const std::string seed : {"0", "1", "7", "18446744073709551615"}) {
    SCOPED_TRACE(seed);
    ExpectSeed(PlannedDataset("{seed: " + seed + ", size: production}"), 0, true);
  }
}

TEST(Promises, HoldForAsFewRowsAsFit) {
  const Size size{7, 9, 28};
  ExpectSeed(PlannedDataset("{" + SizeYaml(size) + "}"), 0, false);
  ExpectSeed(PlannedDataset("{preset: seed-ranges, " + SizeYaml(size) + "}"), 3, false);
  const PlannedDataset fewer("{plan_size: 27, " + SizeYaml({7, 9, 27}) + "}");
  EXPECT_EQ(fewer.plan(), nullptr);
  EXPECT_THAT(ToString(fewer.problems()), HasSubstr("The next number that fits is 28"));
}

TEST(Promises, HoldForFourClustersOverThreeCategoriesOfUnequalShares) {
  const std::string world =
      "world: {users: 1234, items: 777, active_users: 0.71, touched_items: 0.83, popular_items: "
      "0.07, clusters: [{name: a, share: 0.41, prefers: x}, {name: b, share: 0.333, prefers: y}, "
      "{name: c, share: 0.25}, {name: d, share: 0.007, prefers: z}], categories: [{name: x, share: "
      "0.55}, {name: y, share: 0.3}, {name: z, share: 0.15}]}";
  ExpectSeed(PlannedDataset("{interactions: 123457, " + world + "}"), 0, true);
  ExpectSeed(PlannedDataset("{preset: seed-ranges, interactions: 123457, " + world + "}"), 1, true);
}

TEST(Promises, HoldForEveryEpoch) {
  const PlannedDataset dataset(
      "{interactions: 100000, plan_size: 5000, world: {users: 100, items: "
      "200}}");
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    SCOPED_TRACE(epoch);
    ExpectSeed(dataset, epoch, true);
  }
}

TEST(Promises, EpochsDiffer) {
  const PlannedDataset dataset(
      "{interactions: 100000, plan_size: 5000, world: {users: 100, items: "
      "200}}");
  const Columns first = dataset.Rows(0, 5000);
  const Columns second = dataset.Rows(5000, 5000);
  EXPECT_NE(first.user, second.user);
  EXPECT_NE(first.item, second.item);
  EXPECT_NE(first.rating, second.rating);
}

TEST(Promises, HoldForOtherMixesAndTops) {
  const PlannedDataset dataset(
      "{size: production, activity: {component: pareto, options: {top_share: 0.9, top_fraction: "
      "0.1, min_per_user: 3, base: registered, cap: 2500}}, choice: {component: clustered, "
      "options: "
      "{preferred: 0.45, popular: 0.2, random: 0.35}}, rating: {component: calibrated, options: "
      "{histogram: 'jshape', leak: 0.05}}}");
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Columns columns = dataset.Rows(0, 50'000);
  const Epoch counted(*dataset.plan(), columns, 0);
  counted.ExpectUsers(50, 0.9, 3);
  counted.ExpectLargestUser(2500);
  counted.ExpectKinds({0.45, 0.2, 0.35});
  counted.ExpectKindsOfUsers({0.45, 0.2, 0.35});
  counted.ExpectItems(true);
  counted.ExpectEvenRandom();
  counted.ExpectHistogram({0.11, 0, 0.05, 0, 0.08, 0, 0.16, 0, 0.6});
}

TEST(Promises, OfUsersHoldWhereTheyComeAndGo) {
  const PlannedDataset dataset(
      "{interactions: 20000, plan_size: 10000, world: {users: 200, items: 500}, activity: "
      "{component: pareto, options: {eras: 39}}}");
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    const Columns columns = dataset.Rows(epoch * 10'000, 10'000);
    Epoch(*dataset.plan(), columns, epoch).ExpectUsers(32, 0.8, 1);
    // Some are not there until the second half.
    const std::set<int64_t> early(columns.user.begin(), columns.user.begin() + 5'000);
    EXPECT_LT(early.size(), 150);
  }
}

TEST(Promises, ABlendOfOneIsRanges) {
  const PlannedDataset dataset(
      "{size: production, rating: {component: calibrated, options: {blend: 1}}}");
  const Columns columns = dataset.Rows(0, 50'000);
  Epoch(*dataset.plan(), columns, 0).ExpectRanges({{400, 500}, {300, 500}, {100, 500}});
}

// ---- A pure function ------------------------------------------------------------------------

void ExpectSameInPieces(const PlannedDataset& dataset) {
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Columns whole = dataset.Rows(0, 20'000);
  for (const int64_t piece : {1, 7, 1000, 4096}) {
    const auto generator = dataset.plan()->MakeGenerator();
    ASSERT_TRUE(generator.ok());
    Columns pieces(20'000);
    for (int64_t end = 20'000; end > 0; end -= piece) {
      const int64_t first = std::max<int64_t>(end - piece, 0);
      ASSERT_TRUE((*generator)->Fill(first, end - first, &pieces, At(first)).ok());
    }
    ExpectSameRows(pieces, whole);
  }
}

TEST(Function, RowsAreTheSameInPiecesOfAnySizeAndOrder) {
  const std::string size = "interactions: 20000, plan_size: 7001, world: {users: 300, items: 500}}";
  ExpectSameInPieces(PlannedDataset("{" + size));
  ExpectSameInPieces(PlannedDataset("{choice: {component: taste}, " + size));
}

// AVX2 or not: the second set of plugins is compiled without it.
TEST(Function, RowsAreTheSameWithoutVectorInstructions) {
  for (const Size& size : {Size{7, 9, 28}, Size{500, 1'000, 50'000}, Size{70'000, 20'000, 400'000},
                           Size{1'000'000, 100'000, 100'000'000'000}}) {
    for (const std::string behaviours : {"preset: shop", "preset: seed", "preset: seed-ranges",
                                         "preset: trace", "clock: {component: diurnal}"}) {
      const std::string yaml = "{" + behaviours + ", " + SizeYaml(size) + "}";
      const PlannedDataset vectors(yaml);
      const PlannedDataset scalars(yaml, THRONG_SCALAR_PLUGIN_FOLDER);
      ASSERT_NE(vectors.plan(), nullptr) << ToString(vectors.problems());
      ASSERT_NE(scalars.plan(), nullptr) << ToString(scalars.problems());
      EXPECT_EQ(vectors.plan()->fingerprint(), scalars.plan()->fingerprint());
      const int64_t rows = std::min<int64_t>(size.rows, 50'000);
      ExpectSameRows(vectors.Rows(size.rows - rows, rows), scalars.Rows(size.rows - rows, rows));
    }
  }
}

TEST(Function, TheFirstRowsDoNotDependOnHowManyAreAskedFor) {
  const std::string world = "plan_size: 5000, world: {users: 100, items: 200}}";
  const Columns few = PlannedDataset("{interactions: 3000, " + world).Rows(0, 3000);
  const Columns many = PlannedDataset("{interactions: 100000, " + world).Rows(0, 3000);
  EXPECT_EQ(few.user, many.user);
  EXPECT_EQ(few.item, many.item);
  EXPECT_EQ(few.time, many.time);
}

TEST(Function, RowsFarOutAreAsCheapAsTheFirst) {
  const PlannedDataset dataset(
      "{interactions: 100000000000, world: {users: 1000000, items: "
      "100000}}");
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Columns last = dataset.Rows(99'999'999'000, 1000);
  EXPECT_LT(last.time.back(), kStart + kWindow);
  EXPECT_GE(last.time.front(), kStart + kWindow - 27);  // 38 580 rows a ms
}

// ---- What cannot be ------------------------------------------------------------------------

std::string ProblemsOf(const std::string& dataset) {
  const PlannedDataset planned(dataset);
  EXPECT_EQ(planned.plan(), nullptr);
  return ToString(planned.problems());
}

TEST(Refusal, NamesTheOptionAndTheRemedy) {
  EXPECT_THAT(ProblemsOf("{size: production, activity: {component: pareto, options: {cap: 1003}}}"),
              HasSubstr("dataset.activity.options.cap"));
  EXPECT_THAT(ProblemsOf("{size: production, activity: {component: pareto, options: {cap: 1003}}}"),
              HasSubstr("the smallest is 1004"));
  EXPECT_THAT(
      ProblemsOf("{size: production, activity: {component: pareto, options: {top_fraction: 1}}}"),
      HasSubstr("nobody is left for the rest; lower top_fraction"));
  EXPECT_THAT(
      ProblemsOf(
          "{size: production, activity: {component: pareto, options: {top_fraction: 0.001}}}"),
      HasSubstr("less than half a user of 400 active ones; raise top_fraction"));
  EXPECT_THAT(
      ProblemsOf("{size: production, activity: {component: pareto, options: {top_share: 0.1}}}"),
      HasSubstr("raise top_share above 0.2"));
  EXPECT_THAT(
      ProblemsOf("{size: production, activity: {component: pareto, options: {top_share: 1}}}"),
      HasSubstr("lower top_share below 1"));
  EXPECT_THAT(
      ProblemsOf("{size: producer, activity: {component: pareto, options: {eras: 20}}}"),
      HasSubstr("dataset.activity.options.eras: activity `pareto`: eras 20 are too many for the "
                "5000 interactions of an epoch, of which an era has 256 or more; lower it to 19"));
  // Also where the size's rows would do: it is not their number that is wrong.
  EXPECT_THAT(ProblemsOf("{interactions: 5000, world: {users: 20}, activity: {component: pareto, "
                         "options: {eras: 64}}}"),
              HasSubstr("dataset.activity.options.eras: activity `pareto`: eras 64 are too many"));
  EXPECT_THAT(
      ProblemsOf("{size: producer, activity: {component: pareto, options: {newcomers: 0.33}}}"),
      HasSubstr("newcomers 0.33 is no twentieth; the nearest is 0.35."));
  EXPECT_THAT(ProblemsOf("{plan_size: 1000, world: {users: 500, items: 1000}}"),
              HasSubstr("1000 interactions are too few for the top 80 of 400 active users to make "
                        "0.8 of them and for the others to have 1 or more each. The next number "
                        "that fits is 1603"));
  EXPECT_THAT(
      ProblemsOf("{size: production, choice: {component: clustered, options: {popular: 0.4}}}"),
      HasSubstr("preferred, popular and random sum to 1.1; they must sum to 1."));
  EXPECT_THAT(ProblemsOf("{size: production, choice: {component: clustered, options: {preferred: "
                         "0.59999, popular: 0.30001}}}"),
              HasSubstr("give them with at most four"));
  EXPECT_THAT(ProblemsOf("{size: production, rating: {component: ranges, options: {ranges: "
                         "'preferred=4-5.2'}}}"),
              HasSubstr("\"preferred=4-5.2\" is no range; write the kind and half stars"));
  EXPECT_THAT(ProblemsOf("{size: production, rating: {component: ranges, options: {ranges: "
                         "'a=4-5,a=1-2'}}}"),
              HasSubstr("the kind \"a\" has two ranges"));
  EXPECT_THAT(ProblemsOf("{size: production, rating: {component: calibrated, options: {histogram: "
                         "bell}}}"),
              HasSubstr("\"bell\" is no histogram; give seed, movielens, jshape"));
  EXPECT_THAT(ProblemsOf("{size: production, rating: {component: calibrated, options: {histogram: "
                         "'0.2,0.2,0.2,0.2,0.2,0.2,0.2,0.2,0.2'}}}"),
              HasSubstr("the shares of the histogram sum to 1.8;"));
}

TEST(Refusal, OfKindsThatDoNotExistIsAWarning) {
  const PlannedDataset dataset(
      "{size: production, rating: {component: ranges, options: {ranges: 'prefered=4-5'}}}");
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  EXPECT_THAT(dataset.plan()->warnings(),
              ElementsAre(HasSubstr("ranges names the kind \"prefered\", which the choice does not "
                                    "have; its kinds are preferred, popular, random.")));
}

}  // namespace
}  // namespace throng
