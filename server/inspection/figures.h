// Figures derived of what was counted.
#pragma once

#include <cstdint>

#include "server/inspection/row_counts.h"
#include "server/inspection/time_counts.h"
#include "throng/v1/figures.pb.h"
#include "throng/v1/statistics.pb.h"

struct throng_world;

namespace throng {

// What is known of the world: its size (0: nothing), and its groups.
struct KnownWorld {
  int64_t users = 0;
  int64_t items = 0;
  const throng_world* world = nullptr;  // with its groups; may be absent
};

// The figures of the statistics block.
v1::Statistics DeriveStatistics(const RowCounts& counts, const KnownWorld& world);

// All others. `times`, which is finished, may be absent: the rows are merged, or cannot be put in
// order of time.
v1::Figures DeriveFigures(const RowCounts& counts, const TimeCounts* times,
                          const KnownWorld& world);

// Rows of the `top` users with the most rows.
int64_t RowsOfBusiest(const RowCounts& counts, int64_t top);

}  // namespace throng
