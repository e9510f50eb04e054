// Ratings `latent`: exact like `calibrated` in every block and kind, dealt by who likes what; any
// block alone; what is refused.
#include <array>

#include "server/dataset/segments.h"
#include "tests/plugins/behaviours/promises.h"

namespace throng {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kBlockRows = 4096;

// Some of the dataset, and a rating with options, as in YAML without braces.
std::string Yaml(const std::string& dataset, const std::string& component,
                 const std::string& options = "") {
  return "{" + dataset + ", rating: {component: " + component + ", options: {" + options + "}}}";
}

// By kind: how many rows have each rating.
using Table = std::vector<std::map<int32_t, int64_t>>;
Table TableOf(const Plan& plan, const Columns& columns, size_t first, size_t rows) {
  Table table(plan.kinds().size());
  for (size_t i = first; i < first + rows; ++i) ++table[columns.kind[i]][columns.rating[i]];
  return table;
}

// The variance of means of groups against what independent ratings would have: 1 where nothing is
// the group's.
double VarianceOfMeans(const std::vector<int64_t>& group, const std::vector<int32_t>& rating) {
  std::map<int64_t, std::pair<double, double>> groups;
  double sum = 0;
  double square = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    auto& [rows, stars] = groups[group[i]];
    rows += 1;
    stars += rating[i];
    sum += rating[i];
    square += static_cast<double>(rating[i]) * rating[i];
  }
  const auto all = static_cast<double>(group.size());
  const double mean = sum / all;
  const double variance = square / all - mean * mean;
  double chi = 0;
  double count = 0;
  for (const auto& [id, of] : groups) {
    if (of.first < 10) continue;
    const double difference = of.second / of.first - mean;
    chi += of.first * difference * difference / variance;
    count += 1;
  }
  return chi / (count - 1);
}

// Each block of an epoch has, kind by kind, the ratings that `calibrated` gives to its rows, and
// so the epoch has its table and its histogram: the same in every epoch.
void ExpectTheRatingsOfCalibrated(const std::string& dataset, const std::string& options,
                                  int64_t epoch) {
  SCOPED_TRACE(dataset + " " + options);
  const PlannedDataset latent(Yaml(dataset, "latent", options));
  const PlannedDataset calibrated(Yaml(dataset, "calibrated", options));
  ASSERT_NE(latent.plan(), nullptr) << ToString(latent.problems());
  ASSERT_NE(calibrated.plan(), nullptr) << ToString(calibrated.problems());
  const int64_t rows = latent.plan()->spec().plan_size();
  const Columns a = latent.Rows(epoch * rows, rows);
  const Columns b = calibrated.Rows(epoch * rows, rows);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.item, b.item);
  EXPECT_EQ(a.kind_row, b.kind_row);
  const Columns first_epoch = calibrated.Rows(0, rows);
  EXPECT_EQ(TableOf(*latent.plan(), a, 0, At(rows)),
            TableOf(*latent.plan(), first_epoch, 0, At(rows)));
  const Segments segments({0}, rows, kBlockRows);
  for (int64_t first = 0; first < rows;) {
    const SegmentRange block = segments.At(first);
    ASSERT_EQ(TableOf(*latent.plan(), a, At(first), At(block.rows)),
              TableOf(*latent.plan(), b, At(first), At(block.rows)))
        << "block at row " << first;
    first += block.rows;
  }
}

TEST(Latent, GivesEveryBlockAndKindTheRatingsOfCalibrated) {
  for (const std::string dataset :
       {"size: production", "size: development", "size: quick", "seed: 7, size: testing",
        "interactions: 40, world: {users: 7, items: 9}",
        "interactions: 123457, world: {users: 12345, items: 300000}"}) {
    ExpectTheRatingsOfCalibrated(dataset, "", 0);
    ExpectTheRatingsOfCalibrated(dataset, "", 3);
  }
}

// People who come and go, sessions in order of time, choices by taste.
TEST(Latent, HoldsTheTableOfAWholeLife) {
  const std::string life =
      "size: testing, order: {component: sessions}, clock: {component: sessions}, choice: "
      "{component: taste}";
  const PlannedDataset latent(Yaml(life, "latent"));
  const PlannedDataset calibrated(Yaml(life, "calibrated"));
  ASSERT_NE(latent.plan(), nullptr) << ToString(latent.problems());
  ASSERT_NE(calibrated.plan(), nullptr) << ToString(calibrated.problems());
  for (const int64_t epoch : {0, 1}) {
    const Columns a = latent.Rows(epoch * 20'000, 20'000);
    const Columns b = calibrated.Rows(epoch * 20'000, 20'000);
    EXPECT_EQ(TableOf(*latent.plan(), a, 0, 20'000), TableOf(*calibrated.plan(), b, 0, 20'000));
    EXPECT_GT(VarianceOfMeans(a.user, a.rating), 10);
    const Columns alone = latent.Rows(epoch * 20'000 + 7'000, 1'000);
    EXPECT_TRUE(std::equal(alone.rating.begin(), alone.rating.end(), a.rating.begin() + 7'000));
  }
}

TEST(Latent, HoldsEveryHistogramOnEveryScale) {
  for (const std::string options :
       {"histogram: movielens", "histogram: jshape, leak: 0.05", "histogram: binary",
        "histogram: '0.1,0.1,0.2,0.3,0.3'", "histogram: '0.1,0.9'", "histogram: '0,0,1,0,0'",
        "scale: whole_stars", "scale: binary, ranges: ''", "histogram: jshape, scale: whole_stars",
        "blend: 0.5", "blend: 1", "ranges: 'preferred=1-2,popular=5-5'",
        "histogram: binary, blend: 0.3"}) {
    ExpectTheRatingsOfCalibrated("size: development", options, 1);
  }
}

TEST(Latent, HoldsTheHistogramOfTheSeed) {
  const PlannedDataset dataset(Yaml("size: production", "latent"));
  const Columns columns = dataset.Rows(0, 50'000);
  Epoch(*dataset.plan(), columns, 0).ExpectHistogram(kSeedHistogram);
}

TEST(Latent, HasTheRangesIfTheyAreAskedFor) {
  const PlannedDataset dataset(Yaml("size: production", "latent", "blend: 1"));
  const Columns columns = dataset.Rows(0, 50'000);
  Epoch(*dataset.plan(), columns, 0).ExpectRanges({{400, 500}, {300, 500}, {100, 500}});
}

TEST(Latent, KnowsLikesAndWholeStars) {
  const PlannedDataset likes(Yaml("size: production", "latent", "histogram: binary"));
  const Columns liked = likes.Rows(0, 50'000);
  EXPECT_EQ(std::count(liked.rating.begin(), liked.rating.end(), 100), 27'000);
  EXPECT_EQ(std::count(liked.rating.begin(), liked.rating.end(), 0), 23'000);
  const PlannedDataset stars(Yaml("size: production", "latent", "scale: whole_stars"));
  const Columns starred = stars.Rows(0, 50'000);
  const int64_t expected[] = {3'625, 5'375, 10'750, 18'250, 12'000};
  for (int32_t star = 1; star <= 5; ++star) {
    EXPECT_EQ(std::count(starred.rating.begin(), starred.rating.end(), 100 * star),
              expected[star - 1]);
  }
}

TEST(Latent, TakesKindsWithoutRows) {
  const std::string choice =
      "size: development, choice: {component: clustered, options: {preferred: 0, popular: 0, "
      "random: 1}}";
  ExpectTheRatingsOfCalibrated(choice, "", 0);
}

// ---- Who likes what -------------------------------------------------------------------------

TEST(Latent, UsersDifferByFarMoreThanChance) {
  const std::string dataset = "size: production";
  const Columns latent = PlannedDataset(Yaml(dataset, "latent")).Rows(0, 50'000);
  EXPECT_GT(VarianceOfMeans(latent.user, latent.rating), 20);
  EXPECT_GT(VarianceOfMeans(latent.item, latent.rating), 10);
  const Columns calibrated = PlannedDataset(Yaml(dataset, "calibrated")).Rows(0, 50'000);
  EXPECT_LT(VarianceOfMeans(calibrated.user, calibrated.rating), 1.5);
  const Columns chance =
      PlannedDataset(
          Yaml(dataset, "latent", "user: 0, item: 0, taste: 0, pair: 0, session: 0, row: 1"))
          .Rows(0, 50'000);
  EXPECT_LT(VarianceOfMeans(chance.user, chance.rating), 1.5);
}

// Who likes an item likes it in a later epoch, too.
TEST(Latent, PairsAreRatedAlikeWheneverTheyMeet) {
  const PlannedDataset dataset(Yaml("size: production", "latent"));
  const Columns columns = dataset.Rows(0, 100'000);
  std::map<std::pair<int64_t, int64_t>, std::array<std::pair<double, double>, 2>> pairs;
  for (size_t i = 0; i < columns.user.size(); ++i) {
    if (columns.kind[i] != 1) continue;
    auto& [rows, stars] = pairs[{columns.user[i], columns.item[i]}][i / 50'000];
    rows += 1;
    stars += columns.rating[i];
  }
  double square = 0;
  double count = 0;
  for (const auto& [pair, epochs] : pairs) {
    if (epochs[0].first == 0 || epochs[1].first == 0) continue;
    const double difference =
        epochs[0].second / epochs[0].first - epochs[1].second / epochs[1].first;
    square += difference * difference;
    count += 1;
  }
  // Independent ratings differ by about 150.
  EXPECT_GT(count, 1'000);
  EXPECT_LT(std::sqrt(square / count), 85);
}

// ---- A pure function ------------------------------------------------------------------------

TEST(Latent, IsTheSameForABlockAlone) {
  for (const std::string world :
       {"world: {users: 300, items: 500}", "world: {users: 7000, items: 500000}"}) {
    const PlannedDataset dataset(Yaml("interactions: 60000, plan_size: 30001, " + world, "latent"));
    ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
    const Columns whole = dataset.Rows(0, 60'000);
    for (const int64_t first : {0, 4'000, 12'345, 29'999, 30'001, 40'000, 59'000}) {
      const Columns alone = dataset.Rows(first, 1'000);
      for (size_t i = 0; i < 1'000; ++i) {
        ASSERT_EQ(alone.rating[i], whole.rating[At(first) + i]) << first << " + " << i;
      }
    }
  }
}

TEST(Latent, IsTheSameWithoutVectorInstructions) {
  for (const Size& size :
       {Size{7, 9, 28}, Size{500, 1'000, 50'000}, Size{1'000'000, 100'000, 100'000'000'000}}) {
    const std::string yaml = Yaml(SizeYaml(size), "latent");
    const PlannedDataset vectors(yaml);
    const PlannedDataset scalars(yaml, THRONG_SCALAR_PLUGIN_FOLDER);
    ASSERT_NE(vectors.plan(), nullptr) << ToString(vectors.problems());
    ASSERT_NE(scalars.plan(), nullptr) << ToString(scalars.problems());
    EXPECT_EQ(vectors.plan()->fingerprint(), scalars.plan()->fingerprint());
    const int64_t rows = std::min<int64_t>(size.rows, 20'000);
    EXPECT_EQ(vectors.Rows(size.rows - rows, rows).rating,
              scalars.Rows(size.rows - rows, rows).rating);
  }
}

// ---- What cannot be -------------------------------------------------------------------------

std::string ProblemsOf(const std::string& component, const std::string& options) {
  const PlannedDataset dataset(Yaml("size: production", component, options));
  EXPECT_EQ(dataset.plan(), nullptr);
  return ToString(dataset.problems());
}

TEST(Latent, RefusesSharesThatDoNotSumToOne) {
  const std::string problems = ProblemsOf("latent", "user: 0.5");
  EXPECT_THAT(problems, HasSubstr("dataset.rating.options.user"));
  EXPECT_THAT(problems, HasSubstr("user, item, taste, pair, session and row sum to 1.26; they must "
                                  "sum to 1."));
}

TEST(Latent, RefusesHistogramsThatCannotBe) {
  for (const std::string component : {"latent", "calibrated"}) {
    EXPECT_THAT(ProblemsOf(component, "histogram: '0.5,0.6'"),
                HasSubstr("the shares of the histogram sum to 1.1; they must sum to 1."));
    EXPECT_THAT(ProblemsOf(component, "histogram: '-1,2'"), HasSubstr("the share -1"));
    EXPECT_THAT(ProblemsOf(component, "histogram: '1,0,0'"), HasSubstr("is no histogram; give"));
    EXPECT_THAT(ProblemsOf(component, "histogram: '0,1', scale: whole_stars"),
                HasSubstr("give 5 shares, or scale: binary."));
    EXPECT_THAT(ProblemsOf(component, "histogram: binary, ranges: 'preferred=4-5'"),
                HasSubstr("write the kind and 0 or 1"));
  }
  EXPECT_THAT(ProblemsOf("ranges", "ranges: 'preferred=3.5-5', scale: whole_stars"),
              HasSubstr("write the kind and whole stars from 1 to 5"));
}

TEST(Latent, WarnsOfKindsThatDoNotExist) {
  const PlannedDataset dataset(Yaml("size: production", "latent", "ranges: 'prefered=4-5'"));
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  EXPECT_THAT(dataset.plan()->warnings(),
              ::testing::ElementsAre(HasSubstr("ranges names the kind \"prefered\"")));
  const PlannedDataset binary(Yaml("size: production", "latent", "scale: binary"));
  ASSERT_NE(binary.plan(), nullptr) << ToString(binary.problems());
  EXPECT_THAT(binary.plan()->warnings(), IsEmpty());
}

}  // namespace
}  // namespace throng
