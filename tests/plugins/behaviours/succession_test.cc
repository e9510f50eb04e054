// Items that come and go in `taste`: of a pair of neighbours the second takes the first one's
// place from some row on, and nothing else changes.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/plugins/behaviours/tasted_dataset.h"

namespace throng {
namespace {

using Row = TastedDataset::Row;

// Two items of a category, by popularity within the tier.
using Pair = std::tuple<bool, int32_t, int64_t>;

Pair PairOf(const TastedDataset& dataset, int64_t item) {
  return {item < dataset.world().popular_items, dataset.CategoryOf(item),
          dataset.IndexOf(item) / 2};
}

struct Turn {
  int64_t first = 0;
  int64_t second = 0;
  int64_t row = 0;  // the first of the second
};

struct Changes {
  std::map<Pair, Turn> turns;
  std::set<Pair> pairs;  // all there are, of both tiers
};

// Compares an epoch with the same one without turnover.
Changes Compare(const TasteWorld& world, const TasteOptions& options, int64_t epoch,
                bool expects_both) {
  TasteOptions without = options;
  without["turnover"] = "0";
  without["popular_turnover"] = "0";
  TastedDataset changing(world, options);
  TastedDataset constant(world, without);
  const std::vector<Row> rows = changing.Epoch(epoch);
  const std::vector<Row> before = constant.Epoch(epoch);
  Changes changes;
  std::map<Pair, std::vector<std::pair<int64_t, int64_t>>> items;  // by pair: row, item
  std::map<Pair, std::vector<int64_t>> chosen;                     // and what was meant
  std::set<Pair> changed;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].kind, before[i].kind);
    EXPECT_EQ(rows[i].kind_row, before[i].kind_row);
    const Pair pair = PairOf(constant, before[i].item);
    EXPECT_EQ(PairOf(changing, rows[i].item), pair);
    if (rows[i].item != before[i].item) changed.insert(pair);
    items[pair].emplace_back(i, rows[i].item);
    chosen[pair].push_back(before[i].item);
  }
  for (const auto& [pair, of] : items) {
    const std::set<int64_t> meant(chosen[pair].begin(), chosen[pair].end());
    if (meant.size() == 2) changes.pairs.insert(pair);
    if (changed.count(pair) == 0) continue;
    Turn turn{of.front().second, of.back().second, static_cast<int64_t>(rows.size())};
    for (const auto& [row, item] : of) {
      if (item != turn.first) turn.row = std::min(turn.row, row);
    }
    for (const auto& [row, item] : of) {
      EXPECT_EQ(item, row < turn.row ? turn.first : turn.second);
    }
    if (expects_both) {
      EXPECT_NE(turn.first, turn.second);
      EXPECT_EQ(meant, (std::set<int64_t>{turn.first, turn.second}));
    }
    changes.turns[pair] = turn;
  }
  return changes;
}

// So few items that turns are found once an epoch, and so many that each row finds its own.
const TasteWorld kFewItems{};
const TasteWorld kManyItems{.items = 1000, .rows = 6'000};
const TasteOptions kHalfRandom = {{"preferred", "0.2"}, {"popular", "0.3"}, {"random", "0.5"}};

TEST(Succession, ReplacesTheFirstOfAPairByTheSecondFromSomeRowOn) {
  for (const std::string turnover : {"0.2", "1"}) {
    for (const int64_t epoch : {0, 1, 2}) {
      const Changes few = Compare(kFewItems, {{"turnover", turnover}}, epoch, true);
      TasteOptions options = kHalfRandom;
      options["turnover"] = turnover;
      const Changes many = Compare(kManyItems, options, epoch, true);
      for (const Changes* changes : {&few, &many}) {
        // A tenth of the witnesses of a pair, or somewhat more, are in one segment.
        const double expected = std::stod(turnover) * 0.88 * 425;
        EXPECT_NEAR(static_cast<double>(changes->turns.size()), expected, 0.1 * expected + 20);
        for (const auto& [pair, turn] : changes->turns) EXPECT_FALSE(std::get<0>(pair));
      }
    }
  }
}

TEST(Succession, ReplacesPopularItemsWhereItMay) {
  for (const TasteWorld& world : {kFewItems, kManyItems}) {
    const Changes changes = Compare(world, {{"turnover", "0"}, {"popular_turnover", "1"}}, 0, true);
    EXPECT_GT(changes.turns.size(), 35);
    for (const auto& [pair, turn] : changes.turns) EXPECT_TRUE(std::get<0>(pair));
  }
}

TEST(Succession, TurnsAreSpreadOverTheEpoch) {
  const Changes changes = Compare(kFewItems, {{"turnover", "1"}}, 0, true);
  TastedDataset dataset(kFewItems);
  std::map<int64_t, int64_t> by_tenth;
  for (const auto& [pair, turn] : changes.turns) ++by_tenth[turn.row / 5'000];
  EXPECT_GE(by_tenth.size(), 9);
  for (const auto& [tenth, turns] : by_tenth) EXPECT_LT(turns, 100);
}

// Who is gone at the end of an epoch is not back at the start of the next.
TEST(Succession, OddEpochsSwapThePair) {
  const TasteOptions options = {{"turnover", "0.5"}};
  const Changes even = Compare(kFewItems, options, 0, true);
  const Changes odd = Compare(kFewItems, options, 1, true);
  int64_t in_both = 0;
  for (const auto& [pair, turn] : even.turns) {
    const auto next = odd.turns.find(pair);
    if (next == odd.turns.end()) continue;
    ++in_both;
    in_both -= next->second.first == turn.second && next->second.second == turn.first ? 0 : 1000;
  }
  EXPECT_GT(in_both, 0);
  // The pairs are the same ones but for those with both witnesses in a segment.
  EXPECT_GT(static_cast<double>(in_both), 0.8 * static_cast<double>(even.turns.size()));
}

TEST(Succession, IsNotThereWithoutSegments) {
  TasteWorld world;
  world.segments = 1;
  EXPECT_TRUE(
      Compare(world, {{"turnover", "1"}, {"popular_turnover", "1"}}, 0, true).turns.empty());
}

TEST(Succession, NeedsNoPromiseOfRows) {
  for (const TasteOptions& mix :
       {TasteOptions{{"preferred", "0.7"}, {"popular", "0.3"}, {"random", "0"}},
        TasteOptions{{"preferred", "0.96"}, {"popular", "0.03"}, {"random", "0.01"}}}) {
    TasteOptions options = mix;
    options["turnover"] = options["popular_turnover"] = "1";
    for (const TasteWorld& world : {kFewItems, kManyItems}) {
      EXPECT_GT(Compare(world, options, 0, false).turns.size(), 100);
    }
  }
}

}  // namespace
}  // namespace throng
