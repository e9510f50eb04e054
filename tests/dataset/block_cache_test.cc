#include "server/dataset/block_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace throng {
namespace {

TEST(BlockCache, WhoWaitedForABlockGetsItHoweverLateItWakes) {
  constexpr int64_t kRounds = 500;
  constexpr int64_t kBlocks = 4;  // a round; one more than there is room for
  BlockCache cache(kBlocks - 1);
  std::atomic<int64_t> turn = -1;    // the block that both threads ask for
  std::atomic<int64_t> asking = -1;  // the one that the other thread asks for
  std::atomic<int64_t> has = -1;     // the one that it got
  const auto get = [&](int64_t block, bool waits) {
    const auto got = cache.Get(block, 1, [&](Columns* columns) {
      for (int i = 0; waits && (i < 20 || asking != block); ++i) std::this_thread::yield();
      columns->user[0] = block;
      return absl::OkStatus();
    });
    ASSERT_TRUE(got.ok());
    ASSERT_NE(*got, nullptr) << block;
    EXPECT_EQ((*got)->user[0], block);
  };
  std::thread other([&] {
    for (int64_t block = 0; block < kRounds * kBlocks; block += kBlocks) {
      while (turn < block) std::this_thread::yield();
      asking = block;
      get(block, false);
      has = block;
    }
  });
  for (int64_t block = 0; block < kRounds * kBlocks; block += kBlocks) {
    turn = block;
    get(block, true);
    for (int64_t next = 1; next < kBlocks; ++next) get(block + next, false);
    while (has < block) std::this_thread::yield();
  }
  other.join();
}

}  // namespace
}  // namespace throng
