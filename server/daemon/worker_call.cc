#include "server/daemon/worker_call.h"

#include <utility>

#include "server/daemon/errors.h"

namespace throng {

absl::Status ErrorOf(const WorkerEnd& end) {
  if (end.kind != WorkerEnd::Kind::kFinished) {
    const auto code = end.kind == WorkerEnd::Kind::kKilled ? absl::StatusCode::kUnavailable
                                                           : absl::StatusCode::kInternal;
    return MakeError(code, "WORKER_FAILED", end.sentence);
  }
  const worker::v1::Finished& finished = end.finished;
  if (!finished.problems().empty()) return InvalidSpec(finished.problems());
  if (finished.code() == 0) {
    return MakeError(absl::StatusCode::kCancelled, "WORKER_STOPPED", "The worker was stopped.");
  }
  return MakeError(static_cast<absl::StatusCode>(finished.code()), "WORKER_REFUSED",
                   finished.message());
}

void WorkerCall::OnMessage(const worker::v1::FromWorker& message) {
  std::unique_lock lock(mutex_);
  if (successor_.on_message) {
    const auto on_message = successor_.on_message;
    lock.unlock();
    on_message(message);
    return;
  }
  if (message.has_planned() || message.has_positions()) {
    answer_ = message;
    changed_.notify_all();
  } else {
    kept_.push_back(message);
  }
}

void WorkerCall::OnEnded(const WorkerEnd& end) {
  std::unique_lock lock(mutex_);
  end_ = end;
  changed_.notify_all();
  const auto on_ended = successor_.on_ended;
  lock.unlock();
  if (on_ended) on_ended(end);
}

absl::Status NotAwaited(const CallContext& context) {
  if (context.cancelled.stop_requested()) {
    return MakeError(absl::StatusCode::kCancelled, "CANCELLED", "The call was cancelled.");
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE",
                   "The worker did not answer in the time that the call had.");
}

absl::StatusOr<worker::v1::FromWorker> WorkerCall::Answer(const CallContext& context) {
  std::unique_lock lock(mutex_);
  const auto is_over = [this] { return answer_ || end_ || !cancelled_.ok(); };
  if (!changed_.wait_until(lock, context.cancelled, context.deadline, is_over)) {
    return NotAwaited(context);
  }
  if (!cancelled_.ok()) return cancelled_;
  if (answer_) return *answer_;
  return ErrorOf(*end_);
}

void WorkerCall::Cancel(absl::Status error) {
  const std::lock_guard lock(mutex_);
  cancelled_ = std::move(error);
  changed_.notify_all();
}

google::protobuf::RepeatedPtrField<v1::SpecProblem> WorkerCall::Problems() {
  const std::lock_guard lock(mutex_);
  return end_ ? end_->finished.problems() : google::protobuf::RepeatedPtrField<v1::SpecProblem>();
}

void WorkerCall::HandOver(const Successor& successor) {
  std::unique_lock lock(mutex_);
  // Messages may come while the kept ones are passed on; they wait for their turn.
  while (!kept_.empty()) {
    std::vector<worker::v1::FromWorker> kept;
    kept.swap(kept_);
    lock.unlock();
    for (const worker::v1::FromWorker& message : kept) successor.on_message(message);
    lock.lock();
  }
  successor_ = successor;
  if (!end_) return;
  const WorkerEnd end = *end_;
  lock.unlock();
  successor.on_ended(end);
}

}  // namespace throng
