#include "server/dataset/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "server/dataset/columns.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

OrderParameters Parse(const std::string& name, const std::map<std::string, std::string>& options,
                      std::vector<std::string>* said = nullptr) {
  v1::Component component;
  component.set_component(name);
  component.mutable_options()->insert(options.begin(), options.end());
  Problems problems;
  OrderParameters parameters = OrderParameters::Parse(&component, &problems);
  for (const Problem& problem : problems) {
    if (said != nullptr) said->push_back(problem.field + ": " + problem.message);
  }
  return parameters;
}

// Fills the block at a row of an epoch, and returns where it ends.
int64_t FillBlock(Order* order, const Segments& segments, int64_t epoch, int64_t row,
                  Columns* columns) {
  const SegmentRange range = segments.At(row);
  throng_batch batch = columns->At(static_cast<size_t>(range.first));
  batch.rows = static_cast<uint32_t>(range.rows);
  order->Fill(epoch, segments.count() == 1, range, batch);
  return range.first + range.rows;
}

Columns FillEpoch(const OrderParameters& parameters, const Segments& segments, int64_t epoch,
                  int64_t rows) {
  Order order(parameters, true, 7, rows);
  Columns columns(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows;) row = FillBlock(&order, segments, epoch, row, &columns);
  return columns;
}

std::vector<int64_t> FirstRows(std::mt19937* random, int64_t rows) {
  std::vector<int64_t> first_rows{0};
  const size_t more = (*random)() % 6;
  for (size_t i = 0; i < more; ++i) {
    first_rows.push_back(static_cast<int64_t>((*random)() % static_cast<uint64_t>(rows + 1)));
  }
  std::sort(first_rows.begin(), first_rows.end());
  return first_rows;
}

class OrderTest : public testing::TestWithParam<const char*> {
 protected:
  OrderParameters Sessions() const { return Parse("sessions", {{"lengths", GetParam()}}); }
};

TEST_P(OrderTest, SessionsPermuteEachSegmentInPieces) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t rows = 1 + static_cast<int64_t>(random() % (trial % 2 == 0 ? 700 : 40'000));
    const int64_t block_rows = 128 + static_cast<int64_t>(random() % 5000);
    const std::vector<int64_t> first_rows = FirstRows(&random, rows);
    const Segments segments(first_rows, rows, block_rows);
    SCOPED_TRACE(testing::Message() << rows << " rows, blocks of " << block_rows);
    const Columns columns = FillEpoch(Sessions(), segments, trial, rows);
    std::vector<bool> is_taken(static_cast<size_t>(rows));
    for (int64_t row = 0; row < rows; ++row) {
      const auto i = static_cast<size_t>(row);
      const SegmentRange range = segments.At(row);
      ASSERT_GE(columns.place[i], range.segment_first);
      ASSERT_LT(columns.place[i], range.segment_first + range.segment_rows);
      ASSERT_FALSE(is_taken[static_cast<size_t>(columns.place[i])]) << row;
      is_taken[static_cast<size_t>(columns.place[i])] = true;
      // A piece is whole, within a block, and its places follow one another.
      ASSERT_GE(columns.piece_row[i], 0);
      ASSERT_LT(columns.piece_row[i], columns.piece_rows[i]);
      if (columns.piece_row[i] > 0) {
        ASSERT_GT(row, range.first);
        ASSERT_EQ(columns.piece_row[i], columns.piece_row[i - 1] + 1);
        ASSERT_EQ(columns.piece_rows[i], columns.piece_rows[i - 1]);
        ASSERT_EQ(columns.place[i], columns.place[i - 1] + 1);
      } else {
        ASSERT_LE(row + columns.piece_rows[i], range.first + range.rows);
      }
    }
  }
}

TEST_P(OrderTest, BlocksAloneAreThoseOfTheWhole) {
  const int64_t rows = 30'011;
  const Segments segments({0, 9'000, 9'000, 21'300}, rows, 1024);
  const OrderParameters parameters = Sessions();
  const Columns whole = FillEpoch(parameters, segments, 3, rows);
  for (const int64_t row :
       {int64_t{0}, int64_t{8'999}, int64_t{9'000}, int64_t{15'000}, rows - 1}) {
    Order order(parameters, true, 7, rows);
    Columns alone(static_cast<size_t>(rows));
    const SegmentRange range = segments.At(row);
    FillBlock(&order, segments, 3, row, &alone);
    for (auto i = static_cast<size_t>(range.first);
         i < static_cast<size_t>(range.first + range.rows); ++i) {
      ASSERT_EQ(alone.place[i], whole.place[i]);
      ASSERT_EQ(alone.piece_row[i], whole.piece_row[i]);
      ASSERT_EQ(alone.piece_rows[i], whole.piece_rows[i]);
    }
  }
}

TEST_P(OrderTest, EveryGroupOfPlacesHoldsEachLength) {
  const OrderParameters parameters = Sessions();
  const int64_t rows = 128 * 100;
  const Columns columns = FillEpoch(parameters, Segments({0}, rows, 1280), 0, rows);
  std::map<int64_t, int64_t> pieces;
  for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
    pieces[columns.piece_rows[i]] += columns.piece_row[i] == 0 ? 1 : 0;
  }
  int64_t sum = 0;
  for (const auto [length, count] : parameters.lengths) {
    sum += static_cast<int64_t>(length) * count;
    // One piece may lie round the end, and is two.
    EXPECT_NEAR(static_cast<double>(pieces[length]), 100.0 * count, 2) << length;
  }
  EXPECT_EQ(sum, Order::kPieceRows);
}

INSTANTIATE_TEST_SUITE_P(Lengths, OrderTest, testing::Values("short", "medium", "long"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST(OrderOfRowsTest, OtherEpochsAndSegmentsAreOfOtherOrder) {
  const Segments segments({0, 5'000}, 10'000, 1024);
  const OrderParameters parameters = Parse("sessions", {});
  const Columns first = FillEpoch(parameters, segments, 0, 10'000);
  const Columns second = FillEpoch(parameters, segments, 1, 10'000);
  int64_t same_epoch = 0;
  int64_t same_segment = 0;
  for (size_t i = 0; i < 5'000; ++i) {
    same_epoch += first.place[i] == second.place[i] ? 1 : 0;
    same_segment += first.place[i] + 5'000 == first.place[i + 5'000] ? 1 : 0;
  }
  EXPECT_LT(same_epoch, 50);
  EXPECT_LT(same_segment, 50);
}

TEST(OrderOfRowsTest, IndependentRowsTakePlacesAsChanceHasIt) {
  const int64_t rows = 20'000;
  const Columns columns = FillEpoch(Parse("independent", {}), Segments({0}, rows, 0), 0, rows);
  std::vector<int64_t> places = columns.place;
  std::sort(places.begin(), places.end());
  EXPECT_GE(places.front(), 0);
  EXPECT_LT(places.back(), rows);
  const auto distinct = std::unique(places.begin(), places.end()) - places.begin();
  EXPECT_NEAR(static_cast<double>(distinct) / static_cast<double>(rows), 0.632, 0.01);  // 1 - 1/e
}

TEST(OrderOfRowsTest, SaysWhatIsWrong) {
  std::vector<std::string> said;
  Parse("shufled", {}, &said);
  Parse("shuffled", {{"lengths", "long"}}, &said);
  Parse("sessions", {{"lengths", "lung"}}, &said);
  Parse("sessions", {{"length", "long"}}, &said);
  EXPECT_THAT(
      said,
      ElementsAre("dataset.order.component: There is no order named \"shufled\". Did you mean "
                  "\"shuffled\"?",
                  "dataset.order.options.lengths: Order `shuffled` has no options; leave it out.",
                  "dataset.order.options.lengths: There are no lengths named \"lung\". Did you "
                  "mean \"long\"?",
                  "dataset.order.options.length: Order `sessions` has no option \"length\". Did "
                  "you mean \"lengths\"?"));
  said.clear();
  Parse("sessions", {}, &said);
  EXPECT_THAT(said, IsEmpty());
}

}  // namespace
}  // namespace throng
