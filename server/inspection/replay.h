// InspectionService.Replay: rows that lie somewhere, delivered to a place of messages exactly once.
#pragma once

#include "absl/status/status.h"
#include "server/inspection/inspection.h"
#include "throng/v1/inspection_service.pb.h"

namespace throng {

// Goes on where the same data's delivery to the same place was committed.
absl::Status Replay(const v1::ReplayRequest& request, const Inspection& inspection);

}  // namespace throng
