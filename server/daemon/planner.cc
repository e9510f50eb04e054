#include "server/daemon/planner.h"

#include <utility>

#include "server/daemon/errors.h"
#include "server/daemon/wall_clock.h"

namespace throng {

absl::Status DaemonStopping() {
  return MakeError(absl::StatusCode::kUnavailable, "DAEMON_STOPPING",
                   "The daemon is ending; call again once it is back.");
}

absl::Status DaemonDraining() {
  return MakeError(absl::StatusCode::kUnavailable, "DAEMON_DRAINING",
                   "The daemon is being drained and begins nothing; call again once it was "
                   "started again.");
}

Planner::Asked::Asked(Planner* planner, const worker::v1::Start& start, int* row_fd)
    : planner_(planner) {
  const std::lock_guard lock(planner_->mutex_);
  if (planner_->is_stopping_) {
    call_->Cancel(DaemonStopping());
    return;
  }
  LaunchOptions options;
  options.row_fd = row_fd;
  options.call_limit = planner_->parts_.config->call_limit;
  id_ = planner_->parts_.workers->Launch(start, call_, options);
  planner_->calls_.insert(call_.get());
}

Planner::Asked::~Asked() {
  const std::lock_guard lock(planner_->mutex_);
  planner_->calls_.erase(call_.get());
  if (id_ != 0 && !is_let_go_) planner_->parts_.workers->Kill(id_);
}

worker::v1::Start Planner::NewStart() const {
  worker::v1::Start start;
  for (const std::string& root : parts_.config->output_roots) start.add_output_roots(root);
  for (const std::string& root : parts_.config->input_roots) start.add_input_roots(root);
  for (const std::string& root : parts_.config->source_roots) start.add_source_roots(root);
  if (parts_.is_ephemeral) {  // the user's own
    start.add_input_roots("/");
    start.add_source_roots("/");
  }
  start.set_memory_limit(parts_.config->worker_memory);
  // A run that others watch waits for its place without end; a one-shot command gives up.
  constexpr int64_t kOneShotMs = 10'000;
  start.set_retry_timeout_ms(parts_.is_ephemeral ? kOneShotMs : 0);
  return start;
}

absl::Status Planner::AddKept(const v1::Run& run, worker::v1::Start* start) const {
  const auto kept = parts_.index->Kept({run.plugins().begin(), run.plugins().end()});
  if (!kept.ok()) {
    return MakeError(kept.status().code(), "PLUGIN_CHANGED", std::string(kept.status().message()));
  }
  kept->AddTo(start);
  return absl::OkStatus();
}

absl::Status Planner::WaitForTurn(const CallContext& context,
                                  std::optional<PlanningQueue::Turn>* turn) {
  auto got = queue_.Wait(context);
  if (!got.ok()) return got.status();
  turn->emplace(*std::move(got));
  return absl::OkStatus();
}

absl::StatusOr<v1::Plan> Planner::Plan(const v1::PlanRequest& request, const CallContext& context) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  start.mutable_run()->set_dataset_only(true);
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = WaitForTurn(context, &turn); !status.ok()) return status;
  const auto answer = Asked(this, start).Answer(context);
  if (!answer.ok()) return answer.status();
  return answer->planned().plan();
}

absl::StatusOr<v1::ValidateSpecResponse> Planner::ValidateSpec(
    const v1::ValidateSpecRequest& request, const CallContext& context) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = WaitForTurn(context, &turn); !status.ok()) return status;
  Asked worker(this, start);
  const auto answer = worker.Answer(context);
  v1::ValidateSpecResponse response;
  if (answer.ok()) {
    *response.mutable_warnings() = answer->planned().plan().warnings();
    return response;
  }
  // Mistakes are the answer; anything else is none.
  const google::protobuf::RepeatedPtrField<v1::SpecProblem> problems = worker.call()->Problems();
  if (problems.empty()) return answer.status();
  *response.mutable_problems() = problems;
  return response;
}

absl::StatusOr<v1::GetPositionsResponse> Planner::AskPlaces(const daemon::v1::RunRecord& record,
                                                            const std::vector<std::string>& reset,
                                                            const CallContext& context) {
  worker::v1::Start start = NewStart();
  if (absl::Status status = AddKept(record.run(), &start); !status.ok()) return status;
  worker::v1::PositionsJob* job = start.mutable_positions();
  *job->mutable_asked() = record.asked();
  job->set_now_ms(record.now_ms());
  job->set_uid(record.run().uid());
  for (const std::string& output : reset) job->add_reset(output);
  const auto answer = Asked(this, start).Answer(context);
  if (!answer.ok()) return answer.status();
  v1::GetPositionsResponse response;
  *response.mutable_positions() = answer->positions().positions();
  return response;
}

void Planner::Stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  for (WorkerCall* call : calls_) call->Cancel(DaemonStopping());
}

}  // namespace throng
