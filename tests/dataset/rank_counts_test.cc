#include "server/dataset/rank_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace throng {
namespace {

constexpr int64_t kMostRanks = 4'294'967'295;

void ExpectAre(const RankCounts& counts, const std::map<uint32_t, int64_t>& rows) {
  EXPECT_EQ(counts.Met(), static_cast<int64_t>(rows.size()));
  int64_t least = 0;
  int64_t most = 0;
  for (const auto& [rank, n] : rows) {
    ASSERT_EQ(counts.At(rank), n) << rank;
    least = least == 0 ? n : std::min(least, n);
    most = std::max(most, n);
  }
  EXPECT_EQ(counts.Least(), least);
  EXPECT_EQ(counts.Most(), most);
}

// Of worlds where each rank has a place at once, only once many were met, and never.
class RankCountsTest : public testing::TestWithParam<int64_t> {};

TEST_P(RankCountsTest, AreThoseOfAMap) {
  const int64_t n = GetParam();
  RankCounts counts(n);
  std::map<uint32_t, int64_t> rows;
  ExpectAre(counts, rows);
  std::mt19937_64 random(3);
  for (int round = 0; round < 40; ++round) {
    std::vector<uint32_t> ranks;
    for (int i = 0; i < 20'000; ++i) {
      // Some ranks are met often, many once, and the last one too.
      const uint64_t word = random();
      const auto all = static_cast<uint64_t>(n);
      ranks.push_back(static_cast<uint32_t>(
          word % 3 == 0 ? all - 1 - word / 3 % std::min<uint64_t>(all, 50) : word / 3 % all));
    }
    counts.Add(ranks);
    for (const uint32_t rank : ranks) ++rows[rank];
    if (round % 10 == 0) ExpectAre(counts, rows);
  }
  ExpectAre(counts, rows);
}

TEST_P(RankCountsTest, TheLeastIsFoundOnceAllHaveMany) {
  RankCounts counts(GetParam());
  std::map<uint32_t, int64_t> rows;
  const auto last = static_cast<uint32_t>(GetParam() - 1);
  for (const uint32_t rank : {0U, 7U, last}) {
    counts.Add(rank, 300);
    rows[rank] = 300;
  }
  for (int i = 0; i < 500; ++i) {
    const std::vector<uint32_t> ranks = {7, last};
    counts.Add(ranks);
    for (const uint32_t rank : ranks) ++rows[rank];
  }
  ExpectAre(counts, rows);
  counts.Add(std::vector<uint32_t>{3});  // and the least is one again
  rows[3] = 1;
  ExpectAre(counts, rows);
}

TEST_P(RankCountsTest, CarryBeyond32Bits) {
  RankCounts counts(GetParam());
  constexpr int64_t kRound = int64_t{1} << 32;
  counts.Add(1, kRound - 1);
  counts.Add(2, 5);
  std::map<uint32_t, int64_t> rows = {{1, kRound - 1}, {2, 5}};
  ExpectAre(counts, rows);
  for (int i = 0; i < 300; ++i) {  // its low word is small again
    counts.Add(std::vector<uint32_t>{1});
    ++rows[1];
    if (i < 3) ExpectAre(counts, rows);
  }
  ExpectAre(counts, rows);
  for (int i = 0; i < 8; ++i) {
    counts.Add(1, counts.At(1));
    rows[1] *= 2;
  }
  ExpectAre(counts, rows);
  EXPECT_EQ(counts.At(0), 0);
}

INSTANTIATE_TEST_SUITE_P(Worlds, RankCountsTest,
                         testing::Values(100, 1 << 20, 2'000'000, kMostRanks));

}  // namespace
}  // namespace throng
