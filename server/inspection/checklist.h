// Whether data are fit for training, and whether they keep what their spec promises
// (docs/promises.md).
#pragma once

#include <cstdint>
#include <optional>

#include "server/dataset/plan.h"
#include "server/inspection/row_counts.h"
#include "throng/v1/checklist.pb.h"
#include "throng/v1/figures.pb.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

// What a checklist is made of; what is absent is not known, and what needs it is not checked.
struct Evidence {
  const v1::Statistics& statistics;
  const v1::Figures* figures = nullptr;
  const RowCounts* counts = nullptr;
  const Plan* plan = nullptr;  // of the spec that the data were made from
  // Whether the rows are all of a dataset that ends with an epoch.
  bool is_whole = false;
  std::optional<int64_t> damaged_records = {};
  std::optional<int64_t> expected_rows = {};  // as manifests say
};

v1::Checklist MakeChecklist(const Evidence& evidence);
// Of what a run counts as it delivers, which is the statistics alone.
v1::Checklist MakeChecklist(const v1::Statistics& statistics, const Plan& plan);

// Whether so many rows are all of a planned dataset, which ends with an epoch.
bool IsWhole(const Plan& plan, int64_t rows);

}  // namespace throng
