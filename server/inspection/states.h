// Mergeable states of statistics, as a request has them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/inspection/inspection.h"
#include "throng/v1/summary.pb.h"

namespace throng {

// Each with the field that it is from. INVALID_ARGUMENT with a problem: a file cannot be read, may
// not be, or is none of states.
absl::StatusOr<std::vector<std::pair<std::string, v1::StatisticsState>>> StatesOf(
    const v1::SummarizeRequest& request, const Inspection& inspection);

}  // namespace throng
