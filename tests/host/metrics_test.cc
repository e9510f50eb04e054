#include "server/host/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace throng {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Metrics, InstancesOfAComponentCountTogether) {
  Metrics metrics;
  std::vector<std::thread> threads(4);
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(metrics.Add(Role::kSink, "kafka", "bytes_total", 2), "");
        EXPECT_EQ(metrics.Set(Role::kSink, "kafka", "lag_seconds", -0.5), "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics.Add(Role::kChoice, "zipf", "rows_total", 1), "");
  const std::vector<Metric> read = metrics.Read();
  ASSERT_THAT(read, SizeIs(3));
  EXPECT_EQ(read[0].component, "zipf");
  EXPECT_EQ(read[1].name, "bytes_total");
  EXPECT_EQ(read[1].value, 8000);
  EXPECT_TRUE(read[1].is_counter);
  EXPECT_EQ(read[2].value, -0.5);
  EXPECT_FALSE(read[2].is_counter);
}

TEST(Metrics, WhatCannotBeCountedIsSaidOnce) {
  const auto fault = [](const std::string& name, double value) {
    Metrics metrics;
    std::string said = metrics.Add(Role::kSink, "s", name, value);
    EXPECT_EQ(metrics.Add(Role::kSink, "s", name, value), "");
    EXPECT_THAT(metrics.Read(), IsEmpty());
    return said;
  };
  EXPECT_THAT(fault("Bytes", 1), HasSubstr("snake_case, of at most 64 characters"));
  EXPECT_THAT(fault("", 1), HasSubstr("snake_case"));
  EXPECT_THAT(fault(std::string(65, 'a'), 1), HasSubstr("snake_case"));
  EXPECT_THAT(fault("bytes_total", -1), HasSubstr("metric bytes_total: -1 is dropped"));
  EXPECT_THAT(fault("bytes_total", std::numeric_limits<double>::quiet_NaN()),
              HasSubstr("metric bytes_total: nan is dropped"));
}

TEST(Metrics, AComponentHasSoManyAndEachIsOfOneKind) {
  Metrics metrics;
  for (size_t i = 0; i < Metrics::kMostOfAComponent; ++i) {
    EXPECT_EQ(metrics.Set(Role::kSink, "s", "m" + std::to_string(i), 1), "");
  }
  EXPECT_THAT(metrics.Set(Role::kSink, "s", "more", 1),
              HasSubstr("metric more is dropped: a component has at most 32 of them"));
  EXPECT_EQ(metrics.Set(Role::kFormat, "s", "more", 1), "") << "another component";
  EXPECT_THAT(metrics.Add(Role::kFormat, "s", "more", 1),
              HasSubstr("metric more is a gauge and is used as a counter"));
  EXPECT_THAT(metrics.Read(), SizeIs(Metrics::kMostOfAComponent + 1));
}

}  // namespace
}  // namespace throng
