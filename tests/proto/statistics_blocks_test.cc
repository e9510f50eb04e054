#include "proto/statistics_blocks.h"

#include <gtest/gtest.h>

#include "proto/statistics_block.h"

namespace throng {
namespace {

v1::Statistics Of(int64_t rows) {
  v1::Statistics statistics;
  statistics.set_total_interactions(rows);
  return statistics;
}

TEST(StatisticsBlocks, NameTheirOutputsWhereThereAreSeveral) {
  const std::string four = StatisticsBlock(Of(4)) + "\n";
  const std::string one = StatisticsBlock(Of(1)) + "\n";
  EXPECT_EQ(StatisticsBlocks({{"file", Of(4)}}, 1), four);
  EXPECT_EQ(StatisticsBlocks({{"file", Of(4)}}, 2), "Output file:\n" + four) << "of two tables";
  EXPECT_EQ(StatisticsBlocks({{"train", Of(4)}, {"test", Of(1)}}, 2),
            "Output train:\n" + four + "\nOutput test:\n" + one);
  EXPECT_EQ(StatisticsBlocks({{"csv", Of(4)}, {"few", Of(1)}, {"json", Of(4)}}, 3),
            "Output csv, json:\n" + four + "\nOutput few:\n" + one);
  EXPECT_EQ(StatisticsBlocks({}, 1), "");
}

}  // namespace
}  // namespace throng
