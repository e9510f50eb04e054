// Every exact promise of the preset `shop`, counted over whole epochs; and that any block computed
// alone is that of the whole.
#include <array>
#include <cstdlib>
#include <random>
#include <set>
#include <tuple>

#include "server/delivery/table.h"
#include "server/delivery/walk.h"
#include "tests/plugins/behaviours/promises.h"

namespace throng {
namespace {

bool IsLong() {
  const char* text = std::getenv("THRONG_LONG");
  return text != nullptr && std::string(text) == "1";
}

// Where the plugins are: those of the build, or mutants of them.
std::string Folder() {
  const char* folder = std::getenv("THRONG_MUTANT_PLUGINS");
  return folder != nullptr ? folder : THRONG_PLUGIN_FOLDER;
}

constexpr size_t kKinds = 3;
constexpr size_t kRatings = 9;
using KindRatings = std::array<std::array<int64_t, kRatings>, kKinds>;

KindRatings KindRatingsOf(const Columns& columns) {
  KindRatings table{};
  for (size_t i = 0; i < columns.capacity(); ++i) {
    ++table[columns.kind[i]][At((columns.rating[i] - 100) / 50)];
  }
  return table;
}

// One epoch of a dataset with sessions.
class ShopEpoch {
 public:
  ShopEpoch(const Plan& plan, const Columns& columns, int64_t epoch)
      : plan_(plan), c_(columns), rows_(plan.spec().plan_size()), epoch_(epoch) {
    const auto generator = plan.MakeGenerator();
    EXPECT_TRUE(generator.ok());
    segments_ = Segments((*generator)->behaviour(0).Segments(epoch).value(), rows_,
                         (*generator)->block_rows());
  }

  // A place is taken once, each segment's by its own rows.
  void ExpectPlaces() const {
    std::vector<bool> is_taken(At(rows_));
    for (int64_t row = 0; row < rows_; ++row) {
      const SegmentRange range = segments_.At(row);
      const int64_t place = c_.place[At(row)];
      ASSERT_GE(place, range.segment_first);
      ASSERT_LT(place, range.segment_first + range.segment_rows);
      ASSERT_FALSE(is_taken[At(place)]);
      is_taken[At(place)] = true;
    }
  }

  void ExpectTimes() const {
    const int64_t start = kStart + epoch_ * kWindow;
    EXPECT_TRUE(std::is_sorted(c_.time.begin(), c_.time.end()));
    EXPECT_GE(c_.time.front(), start);
    EXPECT_LT(c_.time.back(), start + kWindow);
  }

  // Of one user, in one block, whole and in order of time, and as long as its rows say.
  void ExpectSessions() const {
    std::map<int64_t, std::map<int64_t, size_t>> sessions;
    for (size_t i = 0; i < At(rows_); ++i) {
      ASSERT_EQ(c_.session[i] + c_.session_row[i], c_.place[i]);
      ASSERT_TRUE(sessions[c_.session[i]].emplace(c_.session_row[i], i).second);
    }
    size_t longer = 0;
    for (const auto& [session, members] : sessions) {
      const size_t first = members.begin()->second;
      int64_t time = INT64_MIN;
      longer += members.size() > 1 ? 1U : 0U;
      for (const auto& [row, i] : members) {
        ASSERT_LT(row, static_cast<int64_t>(members.size()));
        ASSERT_EQ(c_.session_rows[i], static_cast<int64_t>(members.size()));
        ASSERT_EQ(c_.user[i], c_.user[first]);
        ASSERT_EQ(segments_.At(static_cast<int64_t>(i)).first,
                  segments_.At(static_cast<int64_t>(first)).first);
        ASSERT_GE(c_.time[i], time);
        time = c_.time[i];
      }
    }
    EXPECT_TRUE(rows_ < 1000 || longer > sessions.size() / 5)
        << longer << " of " << sessions.size();
  }

  // A user's rows of an era are those of one stretch of places: so runs are as long as they say.
  void ExpectRuns() const {
    std::map<std::pair<int64_t, int64_t>, std::set<int64_t>> places;
    for (int64_t row = 0; row < rows_; ++row) {
      places[{segments_.At(row).segment, c_.user[At(row)]}].insert(c_.place[At(row)]);
    }
    for (int64_t row = 0; row < rows_; ++row) {
      const auto& run = places[{segments_.At(row).segment, c_.user[At(row)]}];
      ASSERT_EQ(c_.run_rows[At(row)], static_cast<int64_t>(run.size()));
      ASSERT_EQ(c_.place[At(row)] - c_.run_row[At(row)], *run.begin());
      ASSERT_EQ(*run.rbegin() - *run.begin() + 1, static_cast<int64_t>(run.size()));
    }
  }

  // Popular items come in order of their rank, to one row each; of the tail each pair of neighbours
  // in popularity has its random rows, whichever of them is there.
  void ExpectItemsInOrder() const {
    const throng_world& world = plan_.world();
    std::vector<int64_t> count(At(world.items));
    std::vector<int64_t> random(At(world.items));
    for (size_t i = 0; i < At(rows_); ++i) {
      ++count[At(c_.item[i])];
      random[At(c_.item[i])] += c_.kind[i] == 2 ? 1 : 0;
    }
    for (int64_t item = 1; item < world.popular_items; ++item) {
      ASSERT_LE(count[At(item)], count[At(item - 1)] + 2) << item;
    }
    const double each = static_cast<double>(plan_.kinds()[2].rows) /
                        static_cast<double>(world.touched_items - world.popular_items);
    for (int32_t c = 0; c < static_cast<int32_t>(world.categories_count); ++c) {
      const throng_category& category = *world.categories[c];
      for (int64_t index = 0; index + 1 < category.tail; index += 2) {
        const int32_t both[] = {c, c};
        const int64_t indexes[] = {category.popular + index, category.popular + index + 1};
        int64_t items[2] = {};
        world.category_item(world.self, both, indexes, items, 2);
        const int64_t sum = random[At(items[0])] + random[At(items[1])];
        ASSERT_LT(std::abs(static_cast<double>(sum) - 2 * each), 2)
            << category.name << ' ' << index;
      }
    }
  }

  // First, last and some other blocks, each by behaviours that have filled no other.
  void ExpectBlocksAlone() const {
    std::mt19937_64 random(7);
    std::vector<int64_t> rows = {0, rows_ - 1};
    for (int i = 0; i < 3; ++i) rows.push_back(static_cast<int64_t>(random() % At(rows_)));
    for (const int64_t row : rows) {
      const SegmentRange block = segments_.At(row);
      const auto generator = plan_.MakeGenerator();
      ASSERT_TRUE(generator.ok());
      Columns alone(At(block.rows));
      ASSERT_TRUE((*generator)->Fill(epoch_ * rows_ + block.first, block.rows, &alone, 0).ok());
      ExpectSameRows(alone, c_, block.first);
    }
  }

 private:
  const Plan& plan_;
  const Columns& c_;
  int64_t rows_;
  int64_t epoch_;
  Segments segments_;
};

// What holds for every plan of the preset. `is_touched`: with enough rows for the items.
void ExpectShop(const std::string& yaml, int64_t epoch, bool is_touched,
                const std::vector<double>& kinds = kSeedKinds) {
  SCOPED_TRACE(yaml + ", epoch " + std::to_string(epoch));
  const PlannedDataset dataset("{preset: shop, " + yaml + "}", Folder());
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Plan& plan = *dataset.plan();
  const int64_t rows = plan.spec().plan_size();
  const Columns columns = dataset.Rows(epoch * rows, rows);
  const Epoch counted(plan, columns, epoch);
  counted.ExpectUsers(std::llround(0.2 * static_cast<double>(plan.world().active_users)), 0.8, 1);
  counted.ExpectKinds(kinds);
  counted.ExpectItems(is_touched);
  counted.ExpectHistogram(kSeedHistogram);
  const ShopEpoch shop(plan, columns, epoch);
  shop.ExpectPlaces();
  shop.ExpectRuns();
  shop.ExpectSessions();
  shop.ExpectTimes();
  shop.ExpectItemsInOrder();
  shop.ExpectBlocksAlone();
  // Ratings are dealt otherwise, not others: each kind has as many of each.
  const PlannedDataset calibrated("{preset: shop, rating: {component: calibrated}, " + yaml + "}",
                                  Folder());
  EXPECT_EQ(KindRatingsOf(columns), KindRatingsOf(calibrated.Rows(epoch * rows, rows)));
}

std::string Seeded(int seed, const Size& size) {
  return "seed: " + std::to_string(seed) + ", " + SizeYaml(size);
}

class ShopTest : public testing::Test {
 protected:
  const int seeds_ = IsLong() ? 25 : 3;
};

TEST_F(ShopTest, HoldsForTheSeed) {
  for (int seed = 0; seed < seeds_; ++seed) {
    ExpectShop(Seeded(seed, {500, 1000, 50'000}), seed % 3, true);
  }
}

TEST_F(ShopTest, HoldsForSmallerAndLargerWorlds) {
  for (int seed = 0; seed < seeds_; ++seed) {
    ExpectShop(Seeded(seed, {100, 300, 5'000}), 0, true);
    ExpectShop(Seeded(seed, {200, 500, 20'000}), 1, true);
    ExpectShop(Seeded(seed, {943, 1682, 100'000}), 0, true);
  }
  if (!IsLong()) return;
  ExpectShop(Seeded(1, {10'000, 3'000, 1'000'000}), 0, true);
  ExpectShop(Seeded(1, {10'000, 3'000, 1'000'000}), 1, true);
}

TEST_F(ShopTest, HoldsForTinyWorlds) {
  for (int seed = 0; seed < 5 * seeds_; ++seed) {
    ExpectShop(Seeded(seed, {7, 9, 40}), seed % 2, false);
    ExpectShop(Seeded(seed, {20, 50, 100}), seed % 2, false);
    ExpectShop(Seeded(seed, {20, 50, 1'000}), seed % 2, true);
    ExpectShop(Seeded(seed, {20, 10, 5'000}), seed % 2, true);
  }
  const PlannedDataset few("{preset: shop, plan_size: 10, " + SizeYaml({5, 10, 10}) + "}",
                           Folder());
  EXPECT_EQ(few.plan(), nullptr);
}

TEST_F(ShopTest, HoldsForManyEpochs) {
  const std::string yaml = "interactions: 100000, plan_size: 5000, world: {users: 100, items: 300}";
  for (int64_t epoch = 0; epoch < 6; ++epoch) ExpectShop(yaml, epoch, true);
}

// Any options: what is promised does not depend on them.
TEST_F(ShopTest, HoldsForOptionsByChance) {
  std::mt19937 random(11);
  const auto one_of = [&](const auto&... values) {
    const std::string all[] = {std::string(values)...};
    return all[random() % sizeof...(values)];
  };
  const int cases = IsLong() ? 66 : 12;
  for (int i = 0; i < cases; ++i) {
    const std::string options =
        "order: {component: sessions, options: {lengths: " + one_of("short", "medium", "long") +
        "}}, activity: {component: pareto, options: {eras: " + one_of("1", "2", "7", "24") +
        ", visit: " + one_of("1", "8", "40") + ", newcomers: " + one_of("0", "0.3", "0.5") +
        ", leavers: " + one_of("0", "0.2", "0.4") + "}}, clock: {component: sessions, options: " +
        "{window: 30d, utc_offset: " + one_of("0", "-5", "5.5") +
        "}}, choice: {component: taste, " + "options: {turnover: " + one_of("0", "0.2", "1") + "}}";
    ExpectShop(Seeded(i, {200, 500, 20'000}) + ", " + options, i % 4, true);
  }
}

TEST_F(ShopTest, HoldsForUnevenClustersAndCategories) {
  ExpectShop(
      "interactions: 123457, world: {users: 1234, items: 777, active_users: 0.71, touched_items: "
      "0.83, popular_items: 0.07, clusters: [{name: a, share: 0.41, prefers: x}, {name: b, share: "
      "0.333, prefers: y}, {name: c, share: 0.25}, {name: d, share: 0.007, prefers: z}], "
      "categories: [{name: x, share: 0.55}, {name: y, share: 0.3}, {name: z, share: 0.15}]}",
      0, true);
  ExpectShop(
      "interactions: 50000, world: {users: 500, items: 1000}, choice: {component: taste, options: "
      "{preferred: 0.65, popular: 0.3, random: 0.05}}",
      1, true, {0.65, 0.3, 0.05});
}

// Whatever the units of a walk cut through.
TEST_F(ShopTest, NoBlockIsComputedTwiceByAWalk) {
  const PlannedDataset dataset("{preset: shop, interactions: 200000, plan_size: 100000}", Folder());
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Plan& plan = *dataset.plan();
  std::set<int64_t> blocks;
  for (const int64_t epoch : {0, 1}) {
    const auto generator = plan.MakeGenerator();
    const Segments segments((*generator)->behaviour(0).Segments(epoch).value(), 100'000,
                            (*generator)->block_rows());
    for (int64_t row = 0; row < 100'000; ++row) {
      blocks.insert(epoch * 100'000 + segments.At(row).first);
    }
  }
  v1::OutputSpec output;
  output.set_table(v1::TABLE_INTERACTIONS);
  output.add_columns()->set_column("user_id");
  const Slice all(0, 200'000);
  for (const int threads : {1, 2, 8}) {
    for (const int64_t unit_rows : {1'000, 4'096, 16'384}) {
      const Table table(output, plan);
      table.blocks()->Keep(WalkRing::Span(threads, unit_rows));
      Walk<int> walk(all, unit_rows, 0, threads, [&]() -> absl::StatusOr<Walk<int>::Fill> {
        auto made = TableRows::Create(table, At(unit_rows));
        if (!made.ok()) return made.status();
        return [rows = std::shared_ptr<TableRows>(*std::move(made))](const Unit& unit, int*) {
          return rows->Fill(unit.first, unit.rows);
        };
      });
      for (auto block = walk.Next(); block.ok() && *block != nullptr;) block = walk.Next();
      EXPECT_EQ(table.blocks()->filled(), static_cast<int64_t>(blocks.size()))
          << threads << " threads, units of " << unit_rows << " rows";
    }
  }
}

TEST_F(ShopTest, PeopleComeAndGo) {
  const PlannedDataset dataset("{preset: shop, size: production}", Folder());
  ASSERT_NE(dataset.plan(), nullptr) << ToString(dataset.problems());
  const Columns columns = dataset.Rows(0, 50'000);
  std::map<int64_t, std::pair<size_t, size_t>> seen;  // by user: first and last row
  for (size_t i = 0; i < 50'000; ++i) {
    seen.emplace(columns.user[i], std::pair(i, i)).first->second.second = i;
  }
  int64_t come = 0;
  int64_t gone = 0;
  for (const auto& [user, rows] : seen) {
    come += rows.first >= 40'000 ? 1 : 0;
    gone += rows.second < 40'000 ? 1 : 0;
  }
  EXPECT_GT(come, 400 / 12);
  EXPECT_LT(come, 400 / 4);
  EXPECT_GT(gone, 400 / 12);
}

}  // namespace
}  // namespace throng
