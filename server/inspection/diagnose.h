// InspectionService.Diagnose: a place of messages tried end to end, step by step.
#pragma once

#include "absl/status/status.h"
#include "server/inspection/inspection.h"
#include "throng/v1/inspection_service.pb.h"

namespace throng {

// Steps until one fails or the last has worked; either is OK. Writes 100 rows to the place.
absl::Status Diagnose(const v1::DiagnoseRequest& request, const Inspection& inspection);

}  // namespace throng
