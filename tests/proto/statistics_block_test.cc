#include "proto/statistics_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace throng {
namespace {

TEST(StatisticsBlock, ReadsAsPeopleExpect) {
  v1::Statistics s;
  s.set_total_users(500);
  s.set_total_items(1000);
  s.set_total_interactions(50'000);
  s.set_unique_active_users(400);
  s.set_unique_items(947);
  s.set_average_rating(3.5925);
  s.set_average_interactions_per_user(100);
  s.set_max_interactions_per_user(1'500);
  s.set_min_interactions_per_user(9);
  const auto add = [&](double rating, int64_t rows) {
    v1::RatingShare* share = s.add_rating_distribution();
    share->set_rating(rating);
    share->set_interactions(rows);
    share->set_share(static_cast<double>(rows) / 50'000);
  };
  add(5.0, 47'000);
  add(2.5, 3'000);
  EXPECT_EQ(StatisticsBlock(s),
            R"(======================================================================
Dataset Statistics
======================================================================
Total Users: 500
Total Items: 1000
Total Interactions: 50000
Unique Active Users: 400 (80%)
Unique Items with Interactions: 947 (94.7%)

Average Rating: 3.59 ⭐
Avg Interactions per User: 100
Max Interactions per User: 1500 (power user!)
Min Interactions per User: 9

Rating Distribution:
  5.0: 47000 (94.00%) ★★★★★
  2.5:  3000 ( 6.00%) ★★☆☆☆
======================================================================)");
}

TEST(StatisticsBlock, SaysWhereTotalsAreOnlyThoseSeen) {
  v1::Statistics s;
  s.set_total_users(3);
  s.set_total_items(5);
  s.set_totals_are_seen(true);
  const std::string text = StatisticsBlock(s);
  EXPECT_THAT(text, testing::HasSubstr("\nTotal Users: 3 (seen)\nTotal Items: 5 (seen)\n"));
}

}  // namespace
}  // namespace throng
