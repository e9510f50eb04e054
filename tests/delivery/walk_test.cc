#include "server/delivery/walk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace throng {
namespace {

using RowWalk = Walk<std::vector<uint32_t>>;

// The numbers of a unit's rows.
absl::Status FillRows(const Unit& unit, std::vector<uint32_t>* rows) {
  rows->clear();
  for (uint32_t i = 0; i < unit.rows; ++i) rows->push_back(static_cast<uint32_t>(unit.first) + i);
  return absl::OkStatus();
}

RowWalk::MakeFill Rows() {
  return []() -> absl::StatusOr<RowWalk::Fill> { return FillRows; };
}

// Everything from here to the end, in the order of Next.
std::vector<uint32_t> TakeAll(RowWalk* walk) {
  std::vector<uint32_t> rows;
  while (true) {
    const auto block = walk->Next();
    EXPECT_TRUE(block.ok()) << block.status();
    if (!block.ok() || *block == nullptr) return rows;
    rows.insert(rows.end(), (*block)->payload.begin(), (*block)->payload.end());
  }
}

std::vector<uint32_t> Sequence(uint32_t from, uint32_t to) {
  std::vector<uint32_t> rows;
  for (uint32_t row = from; row < to; ++row) rows.push_back(row);
  return rows;
}

TEST(Walk, GivesUnitsInRowOrderForAnyNumberOfThreads) {
  const Slice slice(0, 10'000);
  for (const int threads : {1, 2, 8}) {
    for (const int64_t unit_rows : {1, 7, 4096, 100'000}) {
      RowWalk walk(slice, unit_rows, 0, threads, Rows());
      EXPECT_EQ(TakeAll(&walk), Sequence(0, 10'000));
    }
  }
}

TEST(Walk, StartsAtAPosition) {
  const Slice slice(0, 100);
  RowWalk walk(slice, 16, 37, 2, Rows());
  EXPECT_EQ(TakeAll(&walk), Sequence(37, 100));
}

TEST(Walk, AtTheEndGivesNothingAgainAndAgain) {
  const Slice slice(0, 10);
  RowWalk walk(slice, 16, 10, 2, Rows());
  for (int i = 0; i < 3; ++i) {
    const auto block = walk.Next();
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(*block, nullptr);
  }
}

TEST(Walk, FillsAheadInBoundedMemory) {
  std::atomic<int> filled = 0;
  const Slice slice(0, Slice::kEndless);
  RowWalk walk(slice, 1, 0, 2, [&]() -> absl::StatusOr<RowWalk::Fill> {
    return [&](const Unit& unit, std::vector<uint32_t>* rows) {
      ++filled;
      return FillRows(unit, rows);
    };
  });
  for (int taken = 1; taken <= 100; ++taken) {
    ASSERT_TRUE(walk.Next().ok());
    EXPECT_LE(filled, taken + 2 * 2 + 2);
  }
}

TEST(Walk, RewindsFromAnywhere) {
  const Slice slice(0, 2'000);
  for (const int threads : {1, 2, 8}) {
    RowWalk walk(slice, 3, 0, threads, Rows());
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < round; ++i) ASSERT_TRUE(walk.Next().ok());
      walk.Rewind(int64_t{round} * 30, 3);
      const auto block = walk.Next();
      ASSERT_TRUE(block.ok());
      EXPECT_EQ((*block)->unit.first, round * 30);
    }
    walk.Rewind(10, 64);
    EXPECT_EQ(TakeAll(&walk), Sequence(10, 2'000));
    walk.Rewind(2'000, 64);
    EXPECT_EQ(TakeAll(&walk), Sequence(0, 0));
    walk.Rewind(1'990, 2);
    EXPECT_EQ(TakeAll(&walk), Sequence(1'990, 2'000));
  }
}

TEST(Walk, AnErrorComesInItsUnitsPlace) {
  const Slice slice(0, 100);
  RowWalk walk(slice, 10, 0, 4, []() -> absl::StatusOr<RowWalk::Fill> {
    return [](const Unit& unit, std::vector<uint32_t>* rows) {
      return unit.first == 50 ? absl::InternalError("no row 50") : FillRows(unit, rows);
    };
  });
  for (int unit = 0; unit < 5; ++unit) {
    const auto block = walk.Next();
    ASSERT_TRUE(block.ok());
    EXPECT_EQ((*block)->unit.first, 10 * unit);
  }
  EXPECT_EQ(walk.Next().status(), absl::InternalError("no row 50"));
  EXPECT_EQ(walk.Next().status(), absl::InternalError("no row 50"));
}

TEST(Walk, AnErrorOfAThreadsStartIsTold) {
  const Slice slice(0, 100);
  RowWalk walk(slice, 10, 0, 2, []() -> absl::StatusOr<RowWalk::Fill> {
    return absl::UnavailableError("no registry");
  });
  EXPECT_EQ(walk.Next().status(), absl::UnavailableError("no registry"));
}

TEST(Walk, EndsWhileThreadsAreBusy) {
  const Slice slice(0, Slice::kEndless);
  for (int i = 0; i < 20; ++i) {
    RowWalk walk(slice, 100, 0, 4, Rows());
    ASSERT_TRUE(walk.Next().ok());
  }
}

}  // namespace
}  // namespace throng
