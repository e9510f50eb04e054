// Columns of a block in order of time: as std::stable_sort has it, whatever the times are.
#include "server/dataset/columns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "throng/random.hpp"

namespace throng {
namespace {

std::vector<FurtherColumn> Further() {
  FurtherColumn wide;
  wide.type = THRONG_COLUMN_INT64;
  FurtherColumn narrow;
  narrow.type = THRONG_COLUMN_BOOL;
  return {wide, narrow};
}

// Puts rows [offset, offset + times.size()) in order and compares every column with what a stable
// sort makes of it; the rows around stay.
void ExpectSorted(const std::vector<int64_t>& times) {
  constexpr size_t kOffset = 3;
  const size_t n = times.size();
  Columns columns(n + 2 * kOffset, Further());
  const auto of_sort = {&columns.place,       &columns.piece_row, &columns.piece_rows,
                        &columns.user,        &columns.user_row,  &columns.user_rows,
                        &columns.run_row,     &columns.run_rows,  &columns.session_row,
                        &columns.session_rows};
  int64_t salt = 0;
  for (auto* column : of_sort) {
    for (size_t i = 0; i < column->size(); ++i) (*column)[i] = static_cast<int64_t>(i) * 16 + salt;
    ++salt;
  }
  for (size_t i = 0; i < n + 2 * kOffset; ++i) {
    *static_cast<int64_t*>(columns.Further(0, i)) = static_cast<int64_t>(i);
    *static_cast<uint8_t*>(columns.Further(1, i)) = static_cast<uint8_t>(i % 2);
  }
  std::copy(times.begin(), times.end(), columns.time.begin() + kOffset);
  std::vector<size_t> order(n + 2 * kOffset);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin() + kOffset, order.end() - kOffset,
                   [&](size_t a, size_t b) { return columns.time[a] < columns.time[b]; });
  const std::vector<int64_t> unsorted = columns.time;

  columns.SortByTime(kOffset, n);
  for (size_t i = 0; i < order.size(); ++i) {
    ASSERT_EQ(columns.time[i], unsorted[order[i]]) << i;
    salt = 0;
    for (auto* column : of_sort) {
      ASSERT_EQ((*column)[i], static_cast<int64_t>(order[i]) * 16 + salt++) << i;
    }
    ASSERT_EQ(*static_cast<int64_t*>(columns.Further(0, i)), static_cast<int64_t>(order[i])) << i;
    ASSERT_EQ(*static_cast<uint8_t*>(columns.Further(1, i)), order[i] % 2) << i;
  }
}

// Times of n rows, each a function of its row and of a hash of it.
template <class F>
std::vector<int64_t> Times(size_t n, const F& f) {
  std::vector<int64_t> times(n);
  for (size_t i = 0; i < n; ++i) times[i] = f(static_cast<int64_t>(i), Hash(n, i));
  return times;
}

TEST(SortByTime, IsStableAndMovesAllColumns) {
  for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{128},
                         size_t{4096}, size_t{4097}, size_t{65'535}}) {
    SCOPED_TRACE(n);
    const auto rows = static_cast<int64_t>(n);
    const auto below = [](uint64_t hash, int64_t end) {
      return static_cast<int64_t>(hash % static_cast<uint64_t>(end));
    };
    // At random: over an hour, over a few ms, over all of the calendar, before 1970.
    ExpectSorted(
        Times(n, [&](int64_t, uint64_t h) { return 1'700'000'000'000 + below(h, 3600'000); }));
    ExpectSorted(Times(n, [&](int64_t, uint64_t h) { return below(h, 3); }));
    ExpectSorted(Times(
        n, [&](int64_t, uint64_t h) { return kFirstTime + below(h, kLastTime - kFirstTime + 1); }));
    ExpectSorted(Times(n, [&](int64_t, uint64_t h) { return -below(h, 86'400'000); }));
    // All equal, sorted, reversed, reversed in pairs.
    ExpectSorted(Times(n, [](int64_t, uint64_t) { return 7; }));
    ExpectSorted(Times(n, [](int64_t i, uint64_t) { return i * 1000; }));
    ExpectSorted(Times(n, [&](int64_t i, uint64_t) { return rows - i; }));
    ExpectSorted(Times(n, [&](int64_t i, uint64_t) { return (rows - i) / 2; }));
    // Clusters: two, one and a time far away, ever larger gaps.
    ExpectSorted(Times(n, [&](int64_t, uint64_t h) {
      return (h >> 63 == 0 ? 0 : 3'000'000'000'000) + below(h, 1000);
    }));
    ExpectSorted(Times(
        n, [&](int64_t i, uint64_t h) { return i == rows / 2 ? kLastTime : below(h, 5000); }));
    ExpectSorted(Times(n, [](int64_t, uint64_t h) { return int64_t{1} << (h % 48); }));
    // Nothing that a clock may say, but it is the host's check that says so.
    ExpectSorted(Times(n, [](int64_t, uint64_t h) { return static_cast<int64_t>(h); }));
    ExpectSorted(Times(n, [](int64_t i, uint64_t) { return i % 2 == 0 ? INT64_MAX : INT64_MIN; }));
  }
}

}  // namespace
}  // namespace throng
