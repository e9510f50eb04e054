#include "server/dataset/slice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace throng {
namespace {

v1::Slice MakeSlice(int index, int count, v1::SliceMode mode) {
  v1::Slice slice;
  slice.set_index(index);
  slice.set_count(count);
  slice.set_mode(mode);
  return slice;
}

// The rows of a slice by its units, and each unit's rules.
std::vector<int64_t> Rows(const Slice& slice, int64_t unit_rows) {
  std::vector<int64_t> rows;
  int64_t position = slice.first();
  while (const auto unit = slice.UnitAt(position, unit_rows)) {
    EXPECT_EQ(unit->first, position);
    EXPECT_GT(unit->rows, 0U);
    EXPECT_EQ(unit->first / unit_rows, (unit->first + unit->rows - 1) / unit_rows);
    EXPECT_EQ(slice.RowsBelow(position), static_cast<int64_t>(rows.size()));
    for (uint32_t i = 0; i < unit->rows; ++i) rows.push_back(unit->first + i);
    position = unit->next;
  }
  EXPECT_EQ(position, slice.end());
  EXPECT_EQ(slice.RowsBelow(slice.end()), static_cast<int64_t>(rows.size()));
  return rows;
}

TEST(Slice, WholeRangeIsEveryRowOnce) {
  std::vector<int64_t> expected;
  for (int64_t row = 10; row < 1010; ++row) expected.push_back(row);
  EXPECT_EQ(Rows(Slice(10, 1010), 64), expected);
}

TEST(Slice, ContiguousSlicesJoinToTheRange) {
  for (const int count : {1, 2, 3, 7, 100}) {
    std::vector<int64_t> joined;
    for (int index = 0; index < count; ++index) {
      const Slice slice(5, 93, MakeSlice(index, count, v1::SLICE_MODE_CONTIGUOUS));
      EXPECT_EQ(slice.first(), 5 + 88 * index / count);
      EXPECT_EQ(slice.end(), 5 + 88 * (index + 1) / count);
      for (const int64_t row : Rows(slice, 16)) joined.push_back(row);
    }
    EXPECT_EQ(joined, Rows(Slice(5, 93), 16));
  }
}

TEST(Slice, InterleavedSlicesTakeStridesInTurn) {
  const int64_t from = 5000;
  const int64_t to = 60'000;
  for (const int count : {2, 3, 5}) {
    std::vector<int> owner(static_cast<size_t>(to), -1);
    for (int index = 0; index < count; ++index) {
      const Slice slice(from, to, MakeSlice(index, count, v1::SLICE_MODE_INTERLEAVED));
      for (const int64_t row : Rows(slice, 16'384)) {
        EXPECT_EQ(owner[static_cast<size_t>(row)], -1);
        owner[static_cast<size_t>(row)] = index;
      }
    }
    for (int64_t row = 0; row < to; ++row) {
      EXPECT_EQ(owner[static_cast<size_t>(row)], row < from ? -1 : row / 4096 % count) << row;
    }
  }
}

TEST(Slice, InterleavedSliceWithoutRowsIsEmpty) {
  const Slice slice(0, 4096, MakeSlice(1, 2, v1::SLICE_MODE_INTERLEAVED));
  EXPECT_EQ(slice.first(), slice.end());
  EXPECT_EQ(slice.RowsBelow(slice.end()), 0);
  EXPECT_FALSE(slice.UnitAt(slice.first(), 16'384).has_value());
}

TEST(Slice, EndlessSlicesGoOn) {
  for (const int index : {0, 1}) {
    const Slice slice(0, Slice::kEndless, MakeSlice(index, 2, v1::SLICE_MODE_INTERLEAVED));
    EXPECT_TRUE(slice.IsEndless());
    const auto unit = slice.UnitAt(int64_t{1} << 60, 16'384);
    ASSERT_TRUE(unit.has_value());
    EXPECT_EQ(unit->first / 4096 % 2, index);
  }
}

TEST(Slice, PartsAreItsRowsInEqualNumbers) {
  for (const auto& slice :
       {Slice(5000, 60'000), Slice(5000, 60'000, MakeSlice(1, 3, v1::SLICE_MODE_CONTIGUOUS)),
        Slice(5000, 60'000, MakeSlice(1, 3, v1::SLICE_MODE_INTERLEAVED))}) {
    const std::vector<int64_t> all = Rows(slice, 16'384);
    for (const int64_t rows : {1000, 4096, 5000, 55'000, 1'000'000}) {
      std::vector<int64_t> joined;
      int64_t part = 0;
      for (; slice.Part(part, rows).first() < slice.end(); ++part) {
        const std::vector<int64_t> of_part = Rows(slice.Part(part, rows), 16'384);
        EXPECT_EQ(slice.Part(part, rows).end(), slice.Part(part + 1, rows).first());
        joined.insert(joined.end(), of_part.begin(), of_part.end());
        EXPECT_EQ(of_part.size(), std::min<size_t>(static_cast<size_t>(rows),
                                                   all.size() - static_cast<size_t>(part * rows)));
      }
      EXPECT_EQ(joined, all);
      EXPECT_EQ(slice.Part(part, rows).end(), slice.end());
      EXPECT_EQ(slice.Part(part + 1, rows).first(), slice.end());
    }
  }
}

TEST(Slice, PartsOfAnEndlessSliceHaveAnEnd) {
  const Slice slice(0, Slice::kEndless, MakeSlice(1, 2, v1::SLICE_MODE_INTERLEAVED));
  const Slice part = slice.Part(1'000'000, 5000);
  EXPECT_FALSE(part.IsEndless());
  EXPECT_EQ(part.RowsBelow(part.end()), 5000);
  EXPECT_EQ(slice.RowsBelow(part.first()), 5'000'000'000);
}

TEST(Slice, MayEndBelowARowThoughNoEndWasAskedFor) {
  for (const int index : {0, 1}) {
    const Slice slice =
        Slice(0, Slice::kEndless, MakeSlice(index, 2, v1::SLICE_MODE_INTERLEAVED)).Below(5000);
    EXPECT_TRUE(slice.IsEndless());
    EXPECT_EQ(slice.end(), 5000);
    EXPECT_EQ(slice.RowsBelow(slice.end()), index == 0 ? 4096 : 904);
    EXPECT_EQ(slice.Part(1, 4000).end(), 5000);
    EXPECT_FALSE(slice.Part(1, 4000).IsEndless());
  }
  EXPECT_EQ(Slice(10, 20).Below(30).end(), 20);
  EXPECT_EQ(Slice(10, 20).Below(5).first(), 5);
}

TEST(Slice, EndsBelowAnyPosition) {
  const Slice slices[] = {Slice(5, 93),
                          Slice(5, 50'000, MakeSlice(1, 3, v1::SLICE_MODE_INTERLEAVED)),
                          Slice(5, Slice::kEndless)};
  for (const Slice& slice : slices) {
    for (const int64_t position : {0, 5, 6, 60, 92, 93, 94, 4096, 5000, 49'999, 60'000}) {
      const Slice below = slice.Below(position);
      const std::vector<int64_t> rows = Rows(below, 64);
      EXPECT_EQ(static_cast<int64_t>(rows.size()), slice.RowsBelow(position));
      EXPECT_EQ(slice.RowsBelow(below.end()), slice.RowsBelow(position));
      EXPECT_TRUE(rows.empty() || rows.back() < position);
    }
  }
}

TEST(Slice, UnitsGoOnInTheirMiddle) {
  const Slice slice(0, 100);
  const auto unit = slice.UnitAt(37, 16);
  ASSERT_TRUE(unit.has_value());
  EXPECT_EQ(unit->first, 37);
  EXPECT_EQ(unit->rows, 11U);
  EXPECT_EQ(unit->next, 48);
}

}  // namespace
}  // namespace throng
