// Rounded parts and tables hold their totals, and every part is its real share down or up.
#include "throng/rounding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "throng/random.hpp"

namespace throng {
namespace {

using ::testing::ElementsAre;

TEST(IntegerWeights, KeepTheRatio) {
  EXPECT_THAT(IntegerWeights(std::vector{0.15, 0.15, 0.15, 0.15, 0.15, 0.25}),
              ElementsAre(3, 3, 3, 3, 3, 5));
  EXPECT_THAT(IntegerWeights(std::vector{0.6, 0.3, 0.1}), ElementsAre(6, 3, 1));
  EXPECT_THAT(IntegerWeights(std::vector{1.0 / 3, 1.0 / 3, 1.0 / 3}), ElementsAre(1, 1, 1));
  EXPECT_THAT(IntegerWeights(std::vector{0.0, 1.0}), ElementsAre(0, 1));
  EXPECT_THAT(IntegerWeights(std::vector{1e-12, 1.0}), ElementsAre(1, 1'000'000'000));
}

TEST(Apportion, GivesTheLargestRemaindersOneMore) {
  EXPECT_THAT(Apportion(10, std::vector<int64_t>{1, 1, 1}), ElementsAre(4, 3, 3));
  EXPECT_THAT(Apportion(7, std::vector<int64_t>{6, 3, 1}), ElementsAre(4, 2, 1));
  EXPECT_THAT(Apportion(0, std::vector<int64_t>{1, 2}), ElementsAre(0, 0));
  EXPECT_THAT(Apportion(100'000'000'000, std::vector<int64_t>{999'999'999, 1}),
              ElementsAre(99'999'999'900, 100));
}

// Rows and columns of real tables whose sums are whole row by row.
TEST(RoundTable, HoldsBothMarginsAndRoundsEachCellDownOrUp) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const size_t rows = 1 + Hash(seed, 1) % 4;
    const size_t columns = 1 + Hash(seed, 2) % 9;
    std::vector<int64_t> weights;
    for (size_t c = 0; c < columns; ++c)
      weights.push_back(1 + static_cast<int64_t>(Hash(seed, 10 + c) % 97));
    const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
    RealTable table{.rows = rows, .columns = columns, .floors = {}, .fractions = {}};
    std::vector<int64_t> totals;
    for (size_t r = 0; r < rows; ++r)
      totals.push_back(static_cast<int64_t>(Hash(seed, 50 + r) % 400));
    const int64_t all = std::accumulate(totals.begin(), totals.end(), int64_t{0});
    for (const int64_t total : totals) {
      for (const int64_t weight : weights) {
        table.floors.push_back(total * weight / sum);
        table.fractions.push_back(static_cast<double>(total * weight % sum) /
                                  static_cast<double>(sum));
      }
    }
    std::vector<int64_t> least;
    std::vector<int64_t> most;
    for (const int64_t weight : weights) {
      least.push_back(all * weight / sum);
      most.push_back((all * weight + sum - 1) / sum);
    }
    const std::vector<int64_t> cells = RoundTable(table, totals, least, most);
    for (size_t r = 0; r < rows; ++r) {
      int64_t row = 0;
      for (size_t c = 0; c < columns; ++c) {
        const size_t i = r * columns + c;
        row += cells[i];
        ASSERT_GE(cells[i], table.floors[i]);
        ASSERT_LE(cells[i], table.floors[i] + (table.fractions[i] > 0 ? 1 : 0));
      }
      ASSERT_EQ(row, totals[r]);
    }
    for (size_t c = 0; c < columns; ++c) {
      int64_t column = 0;
      for (size_t r = 0; r < rows; ++r) column += cells[r * columns + c];
      ASSERT_GE(column, least[c]);
      ASSERT_LE(column, most[c]);
    }
  }
}

// The greedy first step takes (0, 0) and (1, 1), and strands the last unit: it must be moved.
TEST(RoundTable, MovesUnitsThatStandInTheWay) {
  const RealTable table{.rows = 2,
                        .columns = 3,
                        .floors = {0, 0, 0, 0, 0, 0},
                        .fractions = {0.9, 0.1, 0, 0.1, 0.4, 0.5}};
  EXPECT_THAT(RoundTable(table, std::vector<int64_t>{1, 1}, std::vector<int64_t>{1, 0, 1},
                         std::vector<int64_t>{1, 0, 1}),
              ElementsAre(1, 0, 0, 0, 0, 1));
  EXPECT_THAT(RoundTable(table, std::vector<int64_t>{1, 1}, std::vector<int64_t>{1, 1, 0},
                         std::vector<int64_t>{1, 1, 0}),
              ElementsAre(1, 0, 0, 0, 1, 0));
  const RealTable stuck{
      .rows = 2, .columns = 2, .floors = {0, 0, 0, 0}, .fractions = {0.9, 0.1, 0.5, 0}};
  EXPECT_THAT(RoundTable(stuck, std::vector<int64_t>{1, 1}, std::vector<int64_t>{1, 1},
                         std::vector<int64_t>{1, 1}),
              ElementsAre(0, 1, 1, 0));
}

}  // namespace
}  // namespace throng
