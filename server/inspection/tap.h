// InspectionService.Tap: rows as they are found, or as they arrive.
#pragma once

#include "absl/status/status.h"
#include "server/inspection/inspection.h"
#include "throng/v1/inspection_service.pb.h"

namespace throng {

// Until the limit, the end, or until nobody reads any more.
absl::Status Tap(const v1::TapRequest& request, const Inspection& inspection);

}  // namespace throng
