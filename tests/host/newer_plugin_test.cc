// A plugin built with a newer minor version of the contract, in this host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/spec/reader.h"

namespace throng {
namespace {

TEST(NewerPlugin, DoesWithoutWhatThisHostLacks) {
  const auto catalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER, THRONG_NEWER_PLUGIN_FOLDER});
  ASSERT_TRUE(catalogue.ok()) << catalogue.status();
  const auto moody = catalogue->Find(Role::kRating, "moody");
  ASSERT_TRUE(moody.ok()) << moody.status();
  EXPECT_EQ((*moody)->plugin->abi_minor(), 1U);

  const SpecLayer layer{"test",
                        "{dataset: {size: quick, rating: {component: moody}}, outputs: [{format: "
                        "{component: csv}, sink: {component: 'null'}}]}"};
  Problems problems;
  const auto spec = ReadSpec(std::span(&layer, 1), &problems);
  ASSERT_TRUE(spec) << ToString(problems);
  Metrics metrics;
  Environment environment;
  environment.metrics = &metrics;
  const auto plan = PlanDataset(spec->dataset(), *catalogue, environment, 0, &problems);
  ASSERT_NE(plan, nullptr) << ToString(problems);
  Columns columns(100);
  ASSERT_TRUE((*plan->MakeGenerator())->Fill(0, 100, &columns, 0).ok());
  EXPECT_THAT(columns.rating, testing::Each(400));

  // It counts its rows, those of the plan among them.
  const std::vector<Metric> counted = metrics.Read();
  ASSERT_EQ(counted.size(), 2U);
  EXPECT_EQ(counted[0].component, "moody");
  EXPECT_EQ(counted[0].name, "last_row");
  EXPECT_EQ(counted[0].value, 0);
  EXPECT_EQ(counted[1].name, "rows_total");
  EXPECT_TRUE(counted[1].is_counter);
  EXPECT_GE(counted[1].value, 100);
}

}  // namespace
}  // namespace throng
