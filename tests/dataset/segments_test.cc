#include "server/dataset/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/control/status.h"

namespace throng {
namespace {

using testing::HasSubstr;

// The blocks of an epoch, from its first row to its last.
std::vector<SegmentRange> BlocksOf(const Segments& segments, int64_t plan_size) {
  std::vector<SegmentRange> blocks;
  for (int64_t row = 0; row < plan_size; row += blocks.back().rows) {
    blocks.push_back(segments.At(row));
    EXPECT_EQ(blocks.back().first, row) << "blocks follow one another";
  }
  return blocks;
}

TEST(Segments, WithoutAWishARangeEndsWithItsSegment) {
  const Segments segments({0, 100, 100, 250}, 1000, 0);
  const SegmentRange range = segments.At(130);
  EXPECT_EQ(range.segment, 2) << "the empty one before it keeps its index";
  EXPECT_EQ(range.segment_first, 100);
  EXPECT_EQ(range.segment_rows, 150);
  EXPECT_EQ(range.first, 130);
  EXPECT_EQ(range.rows, 120);
}

TEST(Segments, BlocksAreEqualAndNoCrumbIsLeft) {
  for (const int64_t rows :
       {1, 127, 128, 129, 200, 255, 256, 4096, 4097, 5000, 50'000, 1'000'003}) {
    for (const int64_t wish : {1, 127, 128, 200, 1000, 4096, 65'408}) {
      const Segments segments({0}, rows, wish);
      const std::vector<SegmentRange> blocks = BlocksOf(segments, rows);
      const int64_t most = std::max<int64_t>(wish, 128) + 127;
      const int64_t least =
          std::min<int64_t>(rows, (std::max<int64_t>(wish, 128) / 128 + 1) / 2 * 128);
      for (const SegmentRange& block : blocks) {
        EXPECT_LE(block.rows, most) << rows << " rows, a wish of " << wish;
        EXPECT_GE(block.rows, least) << rows << " rows, a wish of " << wish;
      }
    }
  }
}

TEST(Segments, EveryRowOfABlockFindsIt) {
  const int64_t rows = 40'321;
  const Segments segments({0, 777, 777, 20'000, 40'321}, rows, 1000);
  for (const SegmentRange& block : BlocksOf(segments, rows)) {
    for (int64_t row = block.first; row < block.first + block.rows; ++row) {
      const SegmentRange found = segments.At(row);
      ASSERT_EQ(found.first, block.first) << row;
      ASSERT_EQ(found.rows, block.rows) << row;
      ASSERT_EQ(found.segment, block.segment) << row;
    }
    EXPECT_GE(block.first, block.segment_first);
    EXPECT_LE(block.first + block.rows, block.segment_first + block.segment_rows);
  }
}

TEST(Segments, OfAHugeEpochAreFoundAlone) {
  const int64_t rows = int64_t{100'000'000'000};
  const Segments segments({0, rows / 3}, rows, 4096);
  int64_t row = rows - 1;
  for (int i = 0; i < 1000; ++i) {
    const SegmentRange block = segments.At(row);
    ASSERT_LE(block.first, row);
    ASSERT_GT(block.first + block.rows, row);
    row = block.first - 1;
  }
}

TEST(Segments, WhatAnActivityMayNotSayIsNamed) {
  EXPECT_TRUE(Segments::Check({0}, 10).ok());
  EXPECT_TRUE(Segments::Check({0, 0, 5, 10}, 10).ok());
  const auto fault = [](const std::vector<int64_t>& first_rows) {
    return MessageOf(Segments::Check(first_rows, 10));
  };
  EXPECT_THAT(fault({}), HasSubstr("into 0 segments; 1 to 256 are allowed"));
  EXPECT_THAT(fault(std::vector<int64_t>(257)), HasSubstr("into 257 segments"));
  EXPECT_THAT(fault({1, 5}), HasSubstr("begin at rows 1, 5; they begin with 0"));
  EXPECT_THAT(fault({0, 5, 4}), HasSubstr("do not fall"));
  EXPECT_THAT(fault({0, 11}), HasSubstr("lie in an epoch's 10 rows"));
}

}  // namespace
}  // namespace throng
