#include "server/daemon/run_engine.h"

#include <optional>

#include "server/daemon/errors.h"
#include "server/daemon/run_creation.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

// Tells ids of WatchLog from those of Watch.
constexpr uint64_t kLogWatch = uint64_t{1} << 63;

}  // namespace

RunEngine::RunEngine(const Parts& parts)
    : parts_(parts),
      planner_({.config = &parts_.config,
                .is_ephemeral = parts_.is_ephemeral,
                .workers = parts_.workers,
                .index = parts_.index}),
      driver_({.config = &parts_.config,
               .is_ephemeral = parts_.is_ephemeral,
               .workers = parts_.workers,
               .timers = parts_.timers,
               .index = parts_.index,
               .store = parts_.store,
               .planner = &planner_,
               .log = parts_.log,
               .on_trouble = parts_.on_trouble,
               .on_change = parts_.on_change}),
      streams_(&planner_, parts_.workers, parts_.index, parts_.config.max_streams) {}

RunEngine::~RunEngine() = default;

absl::Status RunEngine::Start() { return driver_.Start(); }

bool RunEngine::Stop(Deadline deadline) {
  streams_.Stop();
  driver_.Stop();
  planner_.Stop();
  const bool have_streams_ended = streams_.AwaitEnd(deadline);
  return driver_.AwaitEnd(deadline) && have_streams_ended;
}

// ---- What needs a plan ----

absl::StatusOr<v1::Run> RunEngine::CreateRun(const v1::CreateRunRequest& request,
                                             const CallContext& context) {
  if (absl::Status status = CheckCreation(request); !status.ok()) return status;
  auto existing = driver_.FindTaken(request, DigestOf(request), context);
  if (!existing.ok()) return existing.status();
  if (*existing) return **std::move(existing);

  const auto snapshot = parts_.index->Refresh();
  const int64_t now_ms = NowMs();
  worker::v1::Start start = planner_.NewStart();
  snapshot->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(now_ms);
  start.mutable_run()->set_again(request.again());
  if (!parts_.is_ephemeral) start.mutable_run()->set_uid(NewUid());
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = planner_.WaitForTurn(context, &turn); !status.ok()) return status;
  Planner::Asked worker(&planner_, start);
  const auto answer = worker.Answer(context);
  turn.reset();
  if (!answer.ok()) return answer.status();
  absl::Status status = CheckOutputs(answer->planned().plan().outputs_size());
  if (!status.ok()) return status;
  return driver_.Create(request, RecordOf(answer->planned(), request, now_ms), *snapshot, &worker,
                        context);
}

absl::StatusOr<v1::Plan> RunEngine::Plan(const v1::PlanRequest& request,
                                         const CallContext& context) {
  return planner_.Plan(request, context);
}

absl::StatusOr<v1::ValidateSpecResponse> RunEngine::ValidateSpec(
    const v1::ValidateSpecRequest& request, const CallContext& context) {
  return planner_.ValidateSpec(request, context);
}

absl::StatusOr<v1::GetPositionsResponse> RunEngine::GetPositions(
    const v1::GetPositionsRequest& request, const CallContext& context) {
  auto reported = driver_.Reported(request.name());
  if (!reported.ok()) return reported.status();
  if (*reported) return **std::move(reported);
  const auto record = driver_.Record(request.name());
  if (!record.ok()) return record.status();
  return planner_.AskPlaces(*record, {}, context);
}

absl::StatusOr<v1::ResetPositionsResponse> RunEngine::ResetPositions(
    const v1::ResetPositionsRequest& request, const CallContext& context) {
  return driver_.ResetPositions(
      request, [&](const daemon::v1::RunRecord& record, const std::vector<std::string>& outputs) {
        return planner_.AskPlaces(record, outputs, context);
      });
}

absl::StatusOr<v1::GetRunStatisticsResponse> RunEngine::GetRunStatistics(
    const v1::GetRunStatisticsRequest& request, const CallContext& context) {
  return driver_.Statistics(request, context);
}

absl::StatusOr<std::unique_ptr<RowStream>> RunEngine::Generate(const v1::GenerateRequest& request,
                                                               const CallContext& context) {
  if (is_draining_) return DaemonDraining();
  if (!request.has_run()) return streams_.Generate(request, nullptr, context);
  const auto record = driver_.Record(request.run());
  if (!record.ok()) return record.status();
  return streams_.Generate(request, &*record, context);
}

absl::StatusOr<std::unique_ptr<RowStream>> RunEngine::Inspect(const worker::v1::InspectJob& job) {
  if (is_draining_) return DaemonDraining();
  if (!job.verify().has_run()) return streams_.Inspect(job, nullptr);
  const auto record = driver_.Record(job.verify().run());
  if (!record.ok()) return record.status();
  return streams_.Inspect(job, &*record);
}

// ---- Runs ----

absl::StatusOr<v1::Run> RunEngine::GetRun(const std::string& name) { return driver_.Get(name); }

absl::StatusOr<v1::ListRunsResponse> RunEngine::ListRuns(const v1::ListRunsRequest& request) {
  return driver_.List(request);
}

absl::StatusOr<v1::Run> RunEngine::UpdateRun(const v1::UpdateRunRequest& request) {
  return driver_.Update(request);
}

absl::Status RunEngine::DeleteRun(const AskedRun& run) { return driver_.Delete(run); }

absl::StatusOr<v1::Run> RunEngine::PauseRun(const AskedRun& run) {
  return driver_.Ask(run, RunController::Verb::kPause);
}

absl::StatusOr<v1::Run> RunEngine::ResumeRun(const AskedRun& run) {
  return driver_.Ask(run, RunController::Verb::kResume);
}

absl::StatusOr<v1::Run> RunEngine::StopRun(const AskedRun& run) {
  return driver_.Ask(run, RunController::Verb::kStop);
}

absl::StatusOr<v1::Run> RunEngine::RestartRun(const AskedRun& run) {
  return driver_.Ask(run, RunController::Verb::kRestart);
}

absl::StatusOr<uint64_t> RunEngine::Watch(const std::string& name,
                                          std::function<void()> on_change) {
  return driver_.Watch(name, std::move(on_change));
}

absl::StatusOr<uint64_t> RunEngine::WatchAll(
    std::function<void(const std::string& name)> on_change) {
  return driver_.WatchAll(std::move(on_change));
}

absl::Status RunEngine::Drain(const CallContext& context) {
  if (!is_draining_.exchange(true) && parts_.on_drain) parts_.on_drain();
  return driver_.Drain(context);
}

absl::StatusOr<uint64_t> RunEngine::WatchLog(const std::string& name,
                                             std::function<void()> on_line) {
  const auto log = driver_.Log(name);
  if (!log.ok()) return log.status();
  const uint64_t listener = (*log)->Listen(std::move(on_line));
  const std::lock_guard lock(log_mutex_);
  const uint64_t id = kLogWatch | ++last_log_watch_;
  log_watches_[id] = {*log, listener};
  return id;
}

void RunEngine::Unwatch(uint64_t id) {
  if ((id & kLogWatch) == 0) return driver_.Unwatch(id);
  std::pair<std::shared_ptr<RunLog>, uint64_t> watch;
  {
    const std::lock_guard lock(log_mutex_);
    watch = log_watches_.extract(id).mapped();
  }
  watch.first->Unlisten(watch.second);
}

absl::StatusOr<std::vector<v1::LogLine>> RunEngine::ReadLog(const std::string& name,
                                                            uint64_t* next) {
  const auto log = driver_.Log(name);
  if (!log.ok()) return log.status();
  return (*log)->Read(next);
}

absl::StatusOr<uint64_t> RunEngine::FirstOfLog(const std::string& name, int32_t count) {
  const auto log = driver_.Log(name);
  if (!log.ok()) return log.status();
  return (*log)->FirstOfLast(static_cast<uint64_t>(count));
}

}  // namespace throng
