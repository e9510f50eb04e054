// Whether data are what a spec makes: byte for byte what Throng wrote, or row by row what something
// else made of it.
#pragma once

#include "absl/status/status.h"
#include "server/inspection/inspection.h"
#include "server/inspection/verify_expectation.h"
#include "throng/v1/verification.pb.h"

namespace throng {

// Sends progress and, last, the result.
absl::Status Verify(const v1::VerifyRequest& request, const VerifyGiven& given,
                    const Inspection& inspection);

}  // namespace throng
