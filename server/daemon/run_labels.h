// What callers change of runs: labels, annotations and some of the spec; and the etag that tells
// whether somebody has changed a run meanwhile.
#pragma once

#include <google/protobuf/map.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "throng/v1/run_service.pb.h"

namespace throng {

using Texts = google::protobuf::Map<std::string, std::string>;

// INVALID_ARGUMENT about `field` of a request: a key or value is none, or there are too many.
absl::Status CheckLabels(std::string_view field, const Texts& labels);
absl::Status CheckAnnotations(std::string_view field, const Texts& annotations);
// INVALID_ARGUMENT: it does not say what is to be changed, or that cannot be.
absl::Status CheckUpdate(const v1::UpdateRunRequest& request);

// A caller has changed the run now: another update_time, and another etag.
void MarkChanged(int64_t now_ms, v1::Run* run);
// Of a run that was stored before there were etags: it was last changed when it was created.
void MarkCreated(v1::Run* run);
// ABORTED: `etag` is not the run's. Empty fits every run.
absl::Status CheckEtag(const v1::Run& run, std::string_view etag);

}  // namespace throng
