// What counts as a leak. Not under a sanitizer, which has memory of its own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/conformance/check.h"

namespace throng {
namespace {

TEST(ConformanceTest, AByteARoundIsALeak) {
  std::vector<std::unique_ptr<char>> kept;
  kept.reserve(1000);
  const absl::Status status = CheckGivesBack([&] {
    kept.push_back(std::make_unique<char>());
    return absl::OkStatus();
  });
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("bytes more are in use"));
}

TEST(ConformanceTest, WhatMallocKeepsOfMoreAndMoreSizesIsNoLeak) {
  size_t size = 1024;
  const absl::Status status = CheckGivesBack([&] {
    std::vector<std::unique_ptr<char[]>> freed;
    for (int i = 0; i < 4; ++i) freed.push_back(std::make_unique<char[]>(size));
    size -= 8;
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace throng
#endif
