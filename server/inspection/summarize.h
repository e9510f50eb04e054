// The call Summarize: figures of rows wherever they lie, and whether they are fit and as promised.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/inspection/inspection.h"
#include "server/inspection/row_reader.h"
#include "throng/v1/statistics.pb.h"
#include "throng/v1/summary.pb.h"

namespace throng {

// Sends progress about every half second, and then one result, behind it the state if it was asked
// for. Sources are read once, one after the other.
absl::Status Summarize(const v1::SummarizeRequest& request, const Inspection& inspection);

// With sources that are opened otherwise, for tests.
using OpenRows = std::function<absl::StatusOr<std::unique_ptr<RowReader>>(const ReadRequest&,
                                                                          const Inspection&)>;
absl::Status Summarize(const v1::SummarizeRequest& request, const Inspection& inspection,
                       const OpenRows& open);

// A state as messages of a few megabytes at most, in the order in which they are sent.
std::vector<v1::StatisticsState> SplitState(const v1::StatisticsState& state);

}  // namespace throng
