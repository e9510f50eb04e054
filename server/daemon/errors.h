// Errors of the daemon: absl statuses whose payloads are google.rpc details, keyed by type URL, and
// what becomes of them on the wire.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <chrono>
#include <string_view>

#include "absl/status/status.h"
#include "throng/v1/plugin_service.pb.h"

namespace grpc {
class Status;
}

namespace throng {

// A status with an ErrorInfo of the domain "throng". `code` is not OK, `reason` UPPER_SNAKE_CASE
// and a constant that programs may compare, `message` a sentence.
absl::Status MakeError(absl::StatusCode code, std::string_view reason, std::string_view message);

// INVALID_ARGUMENT (INVALID_SPEC) with a BadRequest: one violation a problem, as many as a trailer
// can hold. The message names the first problem and how many more there are. `problems` is not
// empty.
absl::Status InvalidSpec(const google::protobuf::RepeatedPtrField<v1::SpecProblem>& problems);

// INVALID_ARGUMENT (INVALID_FIELD) with a BadRequest about a field of the request, as `page_size`.
absl::Status InvalidField(std::string_view field, std::string_view message);

// Adds a RetryInfo: when to come again.
absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay);

// With all google.rpc details as a google.rpc.Status in the binary trailer. A status without an
// ErrorInfo gets one whose reason is its code, as `INTERNAL`. Messages are cut at 1 KiB.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace throng
