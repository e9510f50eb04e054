// A worker that a call of the API waits for.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/daemon/call_context.h"
#include "server/daemon/workers.h"

namespace throng {

// Keeps the answer of a worker, until somebody else takes the worker over.
class WorkerCall final : public WorkerListener {
 public:
  // What to do with messages and the end from now on.
  struct Successor {
    std::function<void(const worker::v1::FromWorker&)> on_message;
    std::function<void(const WorkerEnd&)> on_ended;
  };

  void OnMessage(const worker::v1::FromWorker& message) override;
  void OnEnded(const WorkerEnd& end) override;

  // Waits for Planned or Positions; else how the worker ended, as an error, or NotAwaited.
  absl::StatusOr<worker::v1::FromWorker> Answer(const CallContext& context);
  // Makes Answer return this error at once, unless it has returned.
  void Cancel(absl::Status error);
  // After an answer that is an error: mistakes in the spec, if these are why.
  google::protobuf::RepeatedPtrField<v1::SpecProblem> Problems();
  // Hands over; what came meanwhile is passed on at once.
  void HandOver(const Successor& successor);

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<worker::v1::FromWorker> answer_;
  std::optional<WorkerEnd> end_;
  absl::Status cancelled_;
  std::vector<worker::v1::FromWorker> kept_;  // until it is handed over
  Successor successor_;
};

// How a worker's end reads as an error of the API.
absl::Status ErrorOf(const WorkerEnd& end);

// Why a call has waited no longer: CANCELLED by its caller, or DEADLINE_EXCEEDED.
absl::Status NotAwaited(const CallContext& context);

}  // namespace throng
