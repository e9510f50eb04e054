// What a creation asks for, and the run that is made of its plan.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "throng/daemon/v1/run_record.pb.h"
#include "throng/v1/run_service.pb.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// Outputs of one run.
inline constexpr int kMostOutputs = 256;

// INVALID_ARGUMENT: what is wrong with the request, of what can be told without a worker.
absl::Status CheckCreation(const v1::CreateRunRequest& request);
// INVALID_ARGUMENT: it has more outputs than a run may have.
absl::Status CheckOutputs(int outputs);

// 32 hexadecimal digits that nobody has had before.
std::string NewUid();

// Of what a request with a request_id asks for; empty: it has none.
std::string DigestOf(const v1::CreateRunRequest& request);

// A run as it will be, from what its worker has planned; without a name.
daemon::v1::RunRecord RecordOf(const worker::v1::Planned& planned,
                               const v1::CreateRunRequest& request, int64_t now_ms);

}  // namespace throng
