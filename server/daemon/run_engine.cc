#include "server/daemon/run_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "server/daemon/errors.h"
#include "server/worker/problem.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRuns = "runs/";

int64_t NowMs() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void SetTime(int64_t ms, google::protobuf::Timestamp* time) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int32_t>(ms % 1000) * 1'000'000);
}

std::string NewUid() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// 1 to 63 of a-z, 0-9 and `-`, from a letter to a letter or digit (RFC 1123's labels).
bool IsRunId(std::string_view id) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !id.empty() && id.size() <= 63 && is_letter(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

absl::Status Stopping() {
  return MakeError(absl::StatusCode::kUnavailable, "DAEMON_STOPPING",
                   "The daemon is ending; call again once it is back.");
}

// A run as it will be, from what its worker has planned.
daemon::v1::RunRecord RecordOf(const worker::v1::Planned& planned, const std::string& name,
                               const v1::CreateRunRequest& request, int64_t now_ms) {
  daemon::v1::RunRecord record;
  record.set_now_ms(now_ms);
  record.set_request_id(request.request_id());
  *record.mutable_asked() = planned.asked();
  v1::Run* run = record.mutable_run();
  run->set_name(name);
  run->set_uid(planned.uid());
  run->set_target_state(request.paused() ? v1::TARGET_STATE_PAUSED : v1::TARGET_STATE_RUNNING);
  run->set_state(request.paused() ? v1::RUN_STATE_PAUSED : v1::RUN_STATE_STARTING);
  *run->mutable_spec() = planned.plan().spec();
  run->set_fingerprint(planned.plan().fingerprint());
  *run->mutable_plugins() = planned.plan().plugins();
  *run->mutable_warnings() = planned.plan().warnings();
  SetTime(now_ms, run->mutable_create_time());
  for (const v1::OutputPlan& plan : planned.plan().outputs()) {
    v1::OutputStatus* output = run->add_outputs();
    output->set_name(plan.name());
    output->set_place(plan.place());
    output->set_total_rows(plan.rows());
    output->set_state(request.paused() ? v1::OUTPUT_STATE_PAUSED : v1::OUTPUT_STATE_STARTING);
  }
  return record;
}

}  // namespace

v1::Run RunEngine::Entry::Show() const {
  v1::Run run = controller.run();
  if (start_time_ms > 0) SetTime(start_time_ms, run.mutable_start_time());
  if (end_time_ms > 0 && controller.HasEnded()) SetTime(end_time_ms, run.mutable_end_time());
  return run;
}

// Of a worker that was launched for a run that exists already.
class RunEngine::RunListener final : public WorkerListener {
 public:
  RunListener(RunEngine* engine, EntryPtr entry) : engine_(engine), entry_(std::move(entry)) {}
  void OnMessage(const worker::v1::FromWorker& message) override {
    engine_->OnMessage(entry_, message);
  }
  void OnEnded(const WorkerEnd& end) override { engine_->OnEnded(entry_, end); }

 private:
  RunEngine* const engine_;
  const EntryPtr entry_;
};

RunEngine::RunEngine(const Parts& parts) : parts_(parts) {}
RunEngine::~RunEngine() = default;

RunEngine::EntryPtr RunEngine::AddEntry(daemon::v1::RunRecord record) {
  auto entry = std::make_shared<Entry>(std::move(record), parts_.is_ephemeral);
  const v1::Run& run = entry->controller.run();
  if (run.has_start_time()) entry->start_time_ms = run.start_time().seconds() * 1000;
  if (run.has_end_time()) entry->end_time_ms = run.end_time().seconds() * 1000;
  const std::string& folder = parts_.config.state_folder;
  const std::string path = folder.empty() ? "" : fmt::format("{}/logs/{}.log", folder, run.uid());
  entry->log = std::make_unique<RunLog>(path, parts_.config.log_bytes);
  runs_[run.name()] = entry;
  return entry;
}

absl::Status RunEngine::Start() {
  auto records = parts_.store->All();
  if (!records.ok()) return records.status();
  const std::lock_guard lock(mutex_);
  for (daemon::v1::RunRecord& record : *records) {
    const EntryPtr entry = AddEntry(std::move(record));
    if (absl::Status status = Do(entry, entry->controller.OnDaemonStart()); !status.ok()) {
      return status;
    }
  }
  RetireOld();
  return absl::OkStatus();
}

void RunEngine::Stop(Deadline deadline) {
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  const auto have_ended = [this] {
    return std::none_of(runs_.begin(), runs_.end(),
                        [](const auto& run) { return run.second->controller.HasWorker(); });
  };
  for (const auto& [name, entry] : runs_) (void)Do(entry, entry->controller.OnDaemonStop());
  for (const auto& [id, watcher] : watchers_) watcher.on_change();
  changed_.notify_all();
  if (changed_.wait_until(lock, deadline, have_ended)) return;
  for (const auto& [name, entry] : runs_) {
    if (entry->controller.HasWorker()) parts_.workers->Kill(entry->worker);
  }
  changed_.wait(lock, have_ended);
}

absl::StatusOr<RunEngine::EntryPtr> RunEngine::Find(const std::string& name) const {
  if (is_stopping_) return Stopping();
  const auto found = runs_.find(name);
  if (found != runs_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, entry] : runs_) known.push_back(key);
  const auto nearest = NearestName(name, known);
  return MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND",
                   fmt::format("There is no run `{}`.{}", name,
                               nearest ? fmt::format(" Did you mean `{}`?", *nearest) : ""));
}

std::string RunEngine::FreeId() const {
  for (size_t i = runs_.size() + 1;; ++i) {
    std::string name = fmt::format("{}run-{}", kRuns, i);
    if (!runs_.contains(name)) return name;
  }
}

worker::v1::Start RunEngine::NewStart() const {
  worker::v1::Start start;
  for (const std::string& root : parts_.config.output_roots) start.add_output_roots(root);
  for (const std::string& root : parts_.config.source_roots) start.add_source_roots(root);
  if (parts_.is_ephemeral) start.add_source_roots("/");  // the user's own
  start.set_memory_limit(parts_.config.worker_memory);
  // A run that others watch waits for its place without end; a one-shot command gives up.
  constexpr int64_t kOneShotMs = 10'000;
  start.set_retry_timeout_ms(parts_.is_ephemeral ? kOneShotMs : 0);
  return start;
}

RunEngine::Asked RunEngine::LaunchCall(const worker::v1::Start& start, int* row_fd) {
  auto call = std::make_shared<WorkerCall>();
  LaunchOptions options;
  options.row_fd = row_fd;
  options.call_limit = parts_.config.call_limit;
  const WorkerId worker = parts_.workers->Launch(start, call, options);
  return {std::move(call), worker};
}

absl::StatusOr<worker::v1::FromWorker> RunEngine::AskWorker(const worker::v1::Start& start,
                                                            Deadline deadline) {
  const Asked asked = LaunchCall(start);
  auto answer = asked.call->Answer(deadline);
  parts_.workers->Kill(asked.worker);
  return answer;
}

absl::StatusOr<v1::Run> RunEngine::CreateRun(const v1::CreateRunRequest& request,
                                             Deadline deadline) {
  if (!request.run_id().empty() && !IsRunId(request.run_id())) {
    return InvalidField("run_id", fmt::format("Must be 1 to 63 of a-z, 0-9 and `-`, from a letter "
                                              "to a letter or digit, found \"{}\".",
                                              request.run_id()));
  }
  if (request.request_id().size() > 64) {
    return InvalidField("request_id", "Must be at most 64 bytes long; a UUID will do.");
  }
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  const auto taken = [&]() -> absl::StatusOr<std::optional<v1::Run>> {
    if (is_stopping_) return Stopping();
    for (const auto& [name, entry] : runs_) {
      if (!request.request_id().empty() &&
          entry->controller.record().request_id() == request.request_id()) {
        return std::optional(entry->Show());
      }
    }
    const std::string name = std::string(kRuns) + request.run_id();
    if (!runs_.contains(name)) return std::optional<v1::Run>();
    return MakeError(
        absl::StatusCode::kAlreadyExists, "RUN_EXISTS",
        fmt::format("There is a run `{}` already; choose another id, or delete it.", name));
  };
  {
    const std::lock_guard lock(mutex_);
    auto existing = taken();
    if (!existing.ok()) return existing.status();
    if (*existing) return **std::move(existing);
  }

  const auto snapshot = parts_.index->Refresh();
  const int64_t now_ms = NowMs();
  worker::v1::Start start = NewStart();
  snapshot->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(now_ms);
  if (!parts_.is_ephemeral) start.mutable_run()->set_uid(NewUid());
  const Asked asked = LaunchCall(start);
  const auto give_up = [&](absl::Status status) {
    parts_.workers->Kill(asked.worker);
    return status;
  };
  auto answer = asked.call->Answer(deadline);
  if (!answer.ok()) return give_up(answer.status());
  const worker::v1::Planned& planned = answer->planned();

  EntryPtr entry;
  v1::Run created;
  {
    const std::lock_guard lock(mutex_);
    auto existing = taken();  // meanwhile
    if (!existing.ok()) return give_up(existing.status());
    if (*existing) {
      parts_.workers->Kill(asked.worker);
      return **std::move(existing);
    }
    const std::string name =
        request.run_id().empty() ? FreeId() : std::string(kRuns) + request.run_id();
    daemon::v1::RunRecord record = RecordOf(planned, name, request, now_ms);
    if (request.validate_only()) {
      parts_.workers->Kill(asked.worker);
      return record.run();
    }
    if (!parts_.is_ephemeral) {
      absl::Status status = parts_.index->Keep(
          {record.run().plugins().begin(), record.run().plugins().end()}, *snapshot);
      if (status.ok()) status = parts_.store->Put(record);
      if (!status.ok()) {
        return give_up(MakeError(status.code(), "STATE_NOT_STORED", std::string(status.message())));
      }
    }
    entry = AddEntry(std::move(record));
    entry->worker = asked.worker;
    (void)Do(entry, entry->controller.OnCreated());  // it was stored
    created = entry->Show();
  }
  asked.call->HandOver(
      {[this, entry](const worker::v1::FromWorker& message) { OnMessage(entry, message); },
       [this, entry](const WorkerEnd& end) { OnEnded(entry, end); }});
  return created;
}

absl::StatusOr<v1::Plan> RunEngine::Plan(const v1::PlanRequest& request, Deadline deadline) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  start.mutable_run()->set_dataset_only(true);
  const auto answer = AskWorker(start, deadline);
  if (!answer.ok()) return answer.status();
  return answer->planned().plan();
}

absl::StatusOr<v1::ValidateSpecResponse> RunEngine::ValidateSpec(
    const v1::ValidateSpecRequest& request, Deadline deadline) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  const Asked asked = LaunchCall(start);
  const auto answer = asked.call->Answer(deadline);
  parts_.workers->Kill(asked.worker);
  v1::ValidateSpecResponse response;
  if (answer.ok()) {
    *response.mutable_warnings() = answer->planned().plan().warnings();
    return response;
  }
  // Mistakes are the answer; anything else is none.
  const google::protobuf::RepeatedPtrField<v1::SpecProblem> problems = asked.call->Problems();
  if (problems.empty()) return answer.status();
  *response.mutable_problems() = problems;
  return response;
}

absl::StatusOr<v1::Run> RunEngine::GetRun(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  return (*entry)->Show();
}

absl::StatusOr<v1::ListRunsResponse> RunEngine::ListRuns(const v1::ListRunsRequest& request) {
  constexpr int32_t kMost = 1000;
  constexpr int32_t kDefault = 100;
  if (request.page_size() < 0) return InvalidField("page_size", "Must not be negative.");
  const int32_t size = request.page_size() == 0 ? kDefault : std::min(request.page_size(), kMost);
  const std::lock_guard lock(mutex_);
  if (is_stopping_) return Stopping();
  v1::ListRunsResponse response;
  // The token is the name before the page, so that a page stays right when runs come and go.
  for (auto it = runs_.upper_bound(request.page_token()); it != runs_.end(); ++it) {
    if (response.runs_size() == size) {
      response.set_next_page_token(response.runs(size - 1).name());
      break;
    }
    *response.add_runs() = it->second->Show();
    response.mutable_runs(response.runs_size() - 1)->clear_spec();
  }
  return response;
}

absl::Status RunEngine::DeleteRun(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  if (!(*entry)->controller.IsAtRest()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                     "The run has not ended and cannot be deleted; stop it first.");
  }
  absl::Status status = parts_.store->Delete((*entry)->controller.run().uid());
  if (!status.ok()) {
    return MakeError(status.code(), "STATE_NOT_STORED", std::string(status.message()));
  }
  Forget(*entry);
  return absl::OkStatus();
}

void RunEngine::Forget(const EntryPtr& entry) {
  entry->is_deleted = true;
  entry->log->Remove();
  runs_.erase(entry->controller.run().name());
  Notify(entry);
  if (parts_.is_ephemeral) return;
  std::vector<std::string> digests;
  for (const auto& [name, other] : runs_) {
    for (const v1::PluginUse& use : other->controller.run().plugins()) {
      digests.push_back(use.sha256());
    }
  }
  parts_.index->KeepOnly(digests);
}

// The newest of those that have ended stay.
void RunEngine::RetireOld() {
  std::vector<EntryPtr> ended;
  for (const auto& [name, entry] : runs_) {
    if (entry->controller.HasEnded() && entry->controller.IsAtRest()) ended.push_back(entry);
  }
  const auto keep = static_cast<size_t>(std::max(0, parts_.config.ended_runs));
  if (ended.size() <= keep) return;
  std::sort(ended.begin(), ended.end(),
            [](const EntryPtr& a, const EntryPtr& b) { return a->end_time_ms > b->end_time_ms; });
  for (size_t i = keep; i < ended.size(); ++i) {
    if (parts_.store->Delete(ended[i]->controller.run().uid()).ok()) Forget(ended[i]);
  }
}

absl::StatusOr<v1::Run> RunEngine::Ask(const std::string& name, RunController::Verb verb) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  const RunController before = (*entry)->controller;
  RunController::Actions actions;
  if (absl::Status status = (*entry)->controller.Ask(verb, &actions); !status.ok()) return status;
  if (absl::Status status = Store(*entry); !status.ok()) {
    (*entry)->controller = before;  // what is not stored was not asked
    return status;
  }
  actions.store = false;
  if (absl::Status status = Do(*entry, actions); !status.ok()) return status;
  return (*entry)->Show();
}

absl::StatusOr<v1::Run> RunEngine::PauseRun(const std::string& name) {
  return Ask(name, RunController::Verb::kPause);
}

absl::StatusOr<v1::Run> RunEngine::ResumeRun(const std::string& name) {
  return Ask(name, RunController::Verb::kResume);
}

absl::StatusOr<v1::Run> RunEngine::StopRun(const std::string& name) {
  return Ask(name, RunController::Verb::kStop);
}

absl::StatusOr<v1::Run> RunEngine::RestartRun(const std::string& name) {
  return Ask(name, RunController::Verb::kRestart);
}

absl::StatusOr<uint64_t> RunEngine::Watch(const std::string& name,
                                          std::function<void()> on_change) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  watchers_[++last_watch_] = {*entry, std::move(on_change)};
  return last_watch_;
}

void RunEngine::Unwatch(uint64_t id) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(id);
}

void RunEngine::Notify(const EntryPtr& entry) {
  for (const auto& [id, watcher] : watchers_) {
    if (watcher.entry == entry) watcher.on_change();
  }
}

absl::StatusOr<std::vector<v1::LogLine>> RunEngine::ReadLog(const std::string& name,
                                                            uint64_t* next) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  return (*entry)->log->Read(next);
}

absl::StatusOr<uint64_t> RunEngine::FirstOfLog(const std::string& name, int32_t count) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  return (*entry)->log->FirstOfLast(static_cast<uint64_t>(count));
}

void RunEngine::LogTo(const EntryPtr& entry, const std::string& level,
                      const std::string& sentence) {
  v1::LogLine line;
  SetTime(NowMs(), line.mutable_time());
  line.set_level(level);
  line.set_source("daemon");
  line.set_message(sentence);
  entry->log->Append(line);
}

// ---- What controllers decide ----

absl::Status RunEngine::Store(const EntryPtr& entry) {
  daemon::v1::RunRecord record = entry->controller.record();
  *record.mutable_run() = entry->Show();
  absl::Status status = parts_.store->Put(record);
  if (status.ok()) return status;
  return MakeError(status.code(), "STATE_NOT_STORED", std::string(status.message()));
}

absl::Status RunEngine::Do(const EntryPtr& entry, const RunController::Actions& actions) {
  RunController& controller = entry->controller;
  if (actions.begin && entry->start_time_ms == 0) entry->start_time_ms = NowMs();
  if (controller.HasEnded() && entry->end_time_ms == 0) entry->end_time_ms = NowMs();
  if (!controller.HasEnded()) entry->end_time_ms = 0;
  absl::Status stored;
  if (actions.store) stored = Store(entry);
  if (actions.launch) LaunchFor(entry);
  worker::v1::ToWorker message;
  if (actions.begin) {
    message.mutable_begin();
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.pause) {
    message.mutable_pause();
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.resume) {
    message.mutable_resume();
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.stop) {
    message.mutable_stop();
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.kill) parts_.workers->Kill(entry->worker);
  if (actions.wake) {
    parts_.timers->CallAt(*actions.wake, [this, entry] { OnTimer(entry); });
  }
  Notify(entry);
  return stored;
}

void RunEngine::LaunchFor(const EntryPtr& entry) {
  const daemon::v1::RunRecord& record = entry->controller.record();
  worker::v1::Start start = NewStart();
  const auto kept =
      parts_.index->Kept({record.run().plugins().begin(), record.run().plugins().end()});
  if (!kept.ok()) {
    (void)Do(entry, entry->controller.OnLaunchFailed(kept.status(), parts_.timers->Now()));
    return;
  }
  kept->AddTo(&start);
  worker::v1::RunJob* job = start.mutable_run();
  *job->mutable_asked() = record.asked();
  job->set_uid(record.run().uid());
  job->set_now_ms(record.now_ms());
  job->set_fingerprint(record.run().fingerprint());
  LaunchOptions options;
  options.call_limit = parts_.config.call_limit;
  entry->worker =
      parts_.workers->Launch(start, std::make_shared<RunListener>(this, entry), options);
}

void RunEngine::OnMessage(const EntryPtr& entry, const worker::v1::FromWorker& message) {
  const std::lock_guard lock(mutex_);
  if (message.has_log()) {
    entry->log->Append(message.log());
  } else if (message.has_planned()) {
    (void)Do(entry, entry->controller.OnPlanned());
  } else if (message.has_progress()) {
    (void)Do(entry, entry->controller.OnProgress(message.progress(), parts_.timers->Now()));
  } else if (message.has_statistics()) {
    answers_[message.statistics().id()] = message.statistics();
    changed_.notify_all();
  }
}

void RunEngine::OnEnded(const EntryPtr& entry, const WorkerEnd& end) {
  const std::lock_guard lock(mutex_);
  entry->worker = 0;
  if (!end.sentence.empty()) LogTo(entry, "error", end.sentence);
  if (end.finished.code() != 0) LogTo(entry, "error", end.finished.message());
  const absl::Status stored = Do(entry, entry->controller.OnEnded(end, parts_.timers->Now()));
  if (!stored.ok() && parts_.log) parts_.log(std::string(stored.message()));
  if (entry->controller.HasEnded() && !entry->is_deleted) RetireOld();
  changed_.notify_all();
}

void RunEngine::OnTimer(const EntryPtr& entry) {
  const std::lock_guard lock(mutex_);
  if (entry->is_deleted || is_stopping_) return;
  (void)Do(entry, entry->controller.OnTimer(parts_.timers->Now()));
}

// ---- What needs a worker's answer ----

absl::StatusOr<v1::GetPositionsResponse> RunEngine::AskPlaces(const EntryPtr& entry,
                                                              const std::vector<std::string>& reset,
                                                              Deadline deadline) {
  worker::v1::Start start = NewStart();
  {
    const std::lock_guard lock(mutex_);
    const daemon::v1::RunRecord& record = entry->controller.record();
    const auto kept =
        parts_.index->Kept({record.run().plugins().begin(), record.run().plugins().end()});
    if (!kept.ok()) {
      return MakeError(kept.status().code(), "PLUGIN_CHANGED",
                       std::string(kept.status().message()));
    }
    kept->AddTo(&start);
    worker::v1::PositionsJob* job = start.mutable_positions();
    *job->mutable_asked() = record.asked();
    job->set_now_ms(record.now_ms());
    job->set_uid(record.run().uid());
    for (const std::string& output : reset) job->add_reset(output);
  }
  const auto answer = AskWorker(start, deadline);
  if (!answer.ok()) return answer.status();
  v1::GetPositionsResponse response;
  *response.mutable_positions() = answer->positions().positions();
  return response;
}

absl::StatusOr<v1::GetPositionsResponse> RunEngine::GetPositions(
    const v1::GetPositionsRequest& request, Deadline deadline) {
  EntryPtr entry;
  {
    const std::lock_guard lock(mutex_);
    auto found = Find(request.name());
    if (!found.ok()) return found.status();
    entry = *std::move(found);
    const v1::Run& run = entry->controller.run();
    if (entry->controller.HasWorker() && run.state() != v1::RUN_STATE_STARTING) {
      v1::GetPositionsResponse response;
      for (const v1::OutputStatus& output : run.outputs()) {
        v1::Position* position = response.add_positions();
        position->set_output(output.name());
        position->set_place(output.place());
        position->set_row(output.position());
        position->set_is_complete(output.state() == v1::OUTPUT_STATE_SUCCEEDED);
      }
      return response;
    }
  }
  return AskPlaces(entry, {}, deadline);
}

absl::StatusOr<v1::ResetPositionsResponse> RunEngine::ResetPositions(
    const v1::ResetPositionsRequest& request, Deadline deadline) {
  EntryPtr entry;
  std::vector<std::string> outputs(request.outputs().begin(), request.outputs().end());
  {
    const std::lock_guard lock(mutex_);
    auto found = Find(request.name());
    if (!found.ok()) return found.status();
    entry = *std::move(found);
    if (!entry->controller.IsAtRest()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                       "The run has not ended, and its positions cannot be reset; stop it first.");
    }
    std::vector<std::string> known;
    for (const v1::OutputStatus& output : entry->controller.run().outputs()) {
      known.push_back(output.name());
    }
    for (const std::string& output : outputs) {
      if (std::find(known.begin(), known.end(), output) != known.end()) continue;
      return InvalidField("outputs", fmt::format("There is no output \"{}\".{}", output,
                                                 DidYouMean(output, known)));
    }
    if (outputs.empty()) outputs = known;
  }
  auto positions = AskPlaces(entry, outputs, deadline);
  if (!positions.ok()) return positions.status();
  v1::ResetPositionsResponse response;
  *response.mutable_positions() = positions->positions();
  const std::lock_guard lock(mutex_);
  if (!entry->controller.IsAtRest()) return response;  // resumed meanwhile: it shows by itself
  if (absl::Status status = Do(entry, entry->controller.OnReset(response.positions()));
      !status.ok())
    return status;
  return response;
}

absl::StatusOr<v1::GetRunStatisticsResponse> RunEngine::GetRunStatistics(
    const v1::GetRunStatisticsRequest& request, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto found = Find(request.name());
  if (!found.ok()) return found.status();
  const EntryPtr& entry = *found;
  std::vector<std::string> known;
  for (const v1::OutputStatus& output : entry->controller.run().outputs()) {
    known.push_back(output.name());
  }
  if (!request.output().empty() &&
      std::find(known.begin(), known.end(), request.output()) == known.end()) {
    return InvalidField("output", fmt::format("There is no output \"{}\".{}", request.output(),
                                              DidYouMean(request.output(), known)));
  }
  const auto none = [](std::string_view why) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_STATISTICS", why);
  };
  for (const v1::GetRunStatisticsResponse& final : entry->controller.record().statistics()) {
    if (request.output().empty() || request.output() == final.output()) return final;
  }
  if (entry->worker == 0 || !entry->controller.HasWorker()) {
    return none("There are no statistics: the run delivers nothing at present. Resume it first.");
  }
  const WorkerId worker = entry->worker;
  const int64_t id = ++last_question_;
  worker::v1::ToWorker question;
  question.mutable_get_statistics()->set_id(id);
  question.mutable_get_statistics()->set_output(request.output());
  parts_.workers->Send(worker, question);
  const bool is_in_time = changed_.wait_until(lock, deadline, [&] {
    return answers_.contains(id) || entry->worker != worker || is_stopping_;
  });
  const auto answer = answers_.extract(id);
  if (!answer) {
    if (is_in_time) return none("The run's worker ended before it could tell; ask again.");
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE",
                     "The worker did not answer in the time that the call had.");
  }
  const worker::v1::StatisticsReport& report = answer.mapped();
  if (report.code() != 0) return none(report.message());
  return report.statistics();
}

}  // namespace throng
