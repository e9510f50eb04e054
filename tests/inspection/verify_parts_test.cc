// What verification is made of: bits, order, lateness, findings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/inspection/verify_bits.h"
#include "server/inspection/verify_findings.h"
#include "server/inspection/verify_order.h"

namespace throng {
namespace {

using ::testing::ElementsAre;

TEST(RowBitsTest, RowsAreNewOnce) {
  RowBits bits;
  EXPECT_TRUE(bits.Set(5));
  EXPECT_FALSE(bits.Set(5));
  EXPECT_TRUE(bits.Has(5));
  EXPECT_FALSE(bits.Has(6));
  EXPECT_TRUE(bits.Set(99'999'999'999));
}

TEST(RowBitsTest, RangesCountWhatWasThere) {
  RowBits bits;
  bits.Set(70'000);
  EXPECT_EQ(bits.SetRange(0, 200'000), 1);
  EXPECT_EQ(bits.Count(0, 300'000), 200'000);
  EXPECT_EQ(bits.Count(199'990, 20), 10);
  EXPECT_EQ(bits.SetRange(199'990, 20), 10);
  EXPECT_FALSE(bits.Set(65'535));
}

TEST(LatenessTest, IsTheWayBehindTheFurthestOfThePiece) {
  LatenessMeter meter;
  FoundRow found;
  found.message_time = kNotThere;
  for (const int64_t row : {0, 1, 2, 5, 3, 4, 6, 7, 8, 9}) meter.Add(found, row, row * 1000);
  found.piece = 1;
  meter.Add(found, 2, 2000);
  v1::Verification verification;
  meter.AddTo(&verification);
  EXPECT_THAT(verification.lateness().rows(), ElementsAre(0, 1, 2, 2));
  EXPECT_THAT(verification.lateness().event_ms(), ElementsAre(0, 1000, 2000, 2000));
  EXPECT_THAT(verification.lateness().message_ms(), ElementsAre());
}

TEST(FindingsTest, KeepsTheFirstAndCountsAll) {
  Findings findings;
  for (int64_t row = 0; row < 20; ++row) {
    v1::DifferenceExample example;
    example.set_row(row);
    findings.Add(v1::DIFFERENCE_KIND_OUT_OF_ORDER, example);
  }
  findings.Retract(v1::DIFFERENCE_KIND_OUT_OF_ORDER, 3);
  v1::Verification verification;
  findings.AddTo(&verification);
  ASSERT_EQ(verification.differences_size(), 1);
  EXPECT_EQ(verification.differences(0).count(), 19);
  EXPECT_EQ(verification.differences(0).examples_size(), 9);
  EXPECT_EQ(findings.total(), 19);
}

}  // namespace
}  // namespace throng
