// RunEngine: the life of runs, from the store and back.
#include "server/daemon/run_engine.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <utility>

#include "server/daemon/errors.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/problem.h"

namespace throng {

using google::protobuf::util::MessageDifferencer;

// After which what the disk did not take is stored again.
constexpr std::chrono::seconds kStoreAgain{5};
// How often it is looked whether the state folder is still there.
constexpr std::chrono::seconds kLookInterval{1};
constexpr std::string_view kDamaged =
    "What is stored of the run is damaged. Delete it, and create it again; what it has delivered "
    "stays.";
// Within which a worker that was killed has ended, unless the system cannot end it.
constexpr std::chrono::seconds kKilledWithin{2};

v1::Run RunEngine::Entry::Stored() const {
  v1::Run run = controller.run();
  if (start_time_ms > 0) SetTime(start_time_ms, run.mutable_start_time());
  if (end_time_ms > 0 && controller.HasEnded()) SetTime(end_time_ms, run.mutable_end_time());
  return run;
}

v1::Run RunEngine::Entry::Show() const {
  v1::Run run = Stored();
  if (not_stored.empty()) return run;
  run.set_reason(
      fmt::format("{}{}Not stored yet, so a daemon that starts again does not know of it: "
                  "{}",
                  run.reason(), run.reason().empty() ? "" : " ", not_stored));
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
  if (run.has_start_time()) entry->start_time_ms = MsOf(run.start_time());
  if (run.has_end_time()) entry->end_time_ms = MsOf(run.end_time());
  const std::string& folder = parts_.config.state_folder;
  const std::string path = folder.empty() ? "" : fmt::format("{}/logs/{}.log", folder, run.uid());
  entry->log = std::make_shared<RunLog>(path, parts_.config.log_bytes);
  runs_[run.name()] = entry;
  const std::string& request_id = entry->controller.record().request_id();
  if (!request_id.empty()) requests_[request_id] = run.name();
  return entry;
}

absl::Status RunEngine::Start() {
  std::vector<RunStore::Damaged> damaged;
  auto records = parts_.store->All(&damaged);
  if (!records.ok()) return records.status();
  const std::lock_guard lock(mutex_);
  for (const RunStore::Damaged& run : damaged) {
    if (parts_.log) parts_.log(fmt::format("What is stored of {} is damaged.", run.name));
    daemon::v1::RunRecord record;
    record.mutable_run()->set_uid(run.uid);
    record.mutable_run()->set_name(run.name);
    record.mutable_run()->set_target_state(v1::TARGET_STATE_STOPPED);
    record.mutable_run()->set_state(v1::RUN_STATE_FAILED);
    record.mutable_run()->set_reason(std::string(kDamaged));
    AddEntry(std::move(record))->is_damaged = true;
    ++damaged_;
  }
  for (daemon::v1::RunRecord& record : *records) {
    const EntryPtr entry = AddEntry(std::move(record));
    const v1::Run& run = entry->controller.run();
    if (!parts_.is_ephemeral) parts_.index->Hold({run.plugins().begin(), run.plugins().end()});
    if (absl::Status status = Do(entry, entry->controller.OnDaemonStart()); !status.ok()) {
      return status;
    }
  }
  RetireOld();
  // Of a creation that a dead daemon did not finish; or of a run whose record cannot tell.
  if (damaged_ == 0 && !parts_.is_ephemeral) parts_.index->RemoveUnheld();
  if (!parts_.is_ephemeral) WatchStore();
  return absl::OkStatus();
}

void RunEngine::WatchStore() {
  parts_.timers->CallAt(parts_.timers->Now() + kLookInterval, [this] {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    ReportTrouble();
    WatchStore();
  });
}

void RunEngine::ReportTrouble() {
  std::string trouble(parts_.store->Check().message());
  if (trouble.empty() && unstored_ > 0) {
    trouble = fmt::format("What was asked of {} runs is not stored yet.", unstored_);
  }
  if (trouble == trouble_) return;
  const bool has_changed = trouble.empty() != trouble_.empty();
  trouble_ = std::move(trouble);
  if (parts_.log) parts_.log(trouble_.empty() ? "All runs are stored again." : trouble_);
  if (has_changed && parts_.on_trouble) parts_.on_trouble(!trouble_.empty());
}

bool RunEngine::Stop(Deadline deadline) {
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  const auto have_ended = [this] {
    return delivering_.empty() && std::none_of(runs_.begin(), runs_.end(), [](const auto& run) {
             return run.second->controller.HasWorker();
           });
  };
  worker::v1::ToWorker stop;
  stop.mutable_stop();
  for (const WorkerId id : delivering_) parts_.workers->Send(id, stop);
  for (const auto& [name, entry] : runs_) (void)Do(entry, entry->controller.OnDaemonStop());
  for (WorkerCall* call : calls_) call->Cancel(Stopping());
  for (const auto& [name, entry] : runs_) Notify(entry);
  changed_.notify_all();
  if (changed_.wait_until(lock, deadline, have_ended)) return true;
  for (const auto& [name, entry] : runs_) {
    if (entry->controller.HasWorker()) parts_.workers->Kill(entry->worker);
  }
  for (const WorkerId id : delivering_) parts_.workers->Kill(id);
  return changed_.wait_for(lock, kKilledWithin, have_ended);
}

absl::Status RunEngine::Stopping() {
  return MakeError(absl::StatusCode::kUnavailable, "DAEMON_STOPPING",
                   "The daemon is ending; call again once it is back.");
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

worker::v1::Start RunEngine::NewStart() const {
  worker::v1::Start start;
  for (const std::string& root : parts_.config.output_roots) start.add_output_roots(root);
  for (const std::string& root : parts_.config.input_roots) start.add_input_roots(root);
  for (const std::string& root : parts_.config.source_roots) start.add_source_roots(root);
  if (parts_.is_ephemeral) {  // the user's own
    start.add_input_roots("/");
    start.add_source_roots("/");
  }
  start.set_memory_limit(parts_.config.worker_memory);
  // A run that others watch waits for its place without end; a one-shot command gives up.
  constexpr int64_t kOneShotMs = 10'000;
  start.set_retry_timeout_ms(parts_.is_ephemeral ? kOneShotMs : 0);
  return start;
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

absl::StatusOr<RunEngine::EntryPtr> RunEngine::FindIntact(const std::string& name) const {
  auto entry = Find(name);
  if (!entry.ok() || !(*entry)->is_damaged) return entry;
  return MakeError(absl::StatusCode::kFailedPrecondition, "RECORD_DAMAGED", kDamaged);
}

absl::Status RunEngine::RequireIdle(const EntryPtr& entry) {
  if (!entry->is_resetting) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAborted, "POSITIONS_BEING_RESET",
                   "The positions of the run are being reset; try again once that is done.");
}

absl::Status RunEngine::DeleteRun(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  if (absl::Status status = RequireIdle(*entry); !status.ok()) return status;
  if (!(*entry)->controller.IsAtRest()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                     "The run has not ended and cannot be deleted; stop it first.");
  }
  absl::Status status = parts_.store->Delete((*entry)->controller.run().uid());
  if (status.ok()) Forget(*entry);
  ReportTrouble();
  return status;
}

void RunEngine::Forget(const EntryPtr& entry) {
  const daemon::v1::RunRecord& record = entry->controller.record();
  entry->is_deleted = true;
  entry->log->Remove();
  SetNotStored(entry, "");
  runs_.erase(record.run().name());
  if (const auto request = requests_.find(record.request_id());
      request != requests_.end() && request->second == record.run().name()) {
    requests_.erase(request);
  }
  Reconsider(entry);
  Notify(entry);
  if (parts_.is_ephemeral) return;
  if (!entry->is_damaged) {
    parts_.index->Release({record.run().plugins().begin(), record.run().plugins().end()});
  } else if (--damaged_ == 0) {
    parts_.index->RemoveUnheld();  // nobody knows what it used
  }
}

void RunEngine::Reconsider(const EntryPtr& entry) {
  if (entry->retirable) retirable_.erase(*entry->retirable);
  entry->retirable.reset();
  if (entry->is_deleted || entry->is_damaged || entry->is_resetting || !entry->watchers.empty() ||
      !entry->controller.HasEnded() || !entry->controller.IsAtRest()) {
    return;
  }
  entry->retirable.emplace(entry->end_time_ms, entry->controller.run().name());
  retirable_.insert(*entry->retirable);
}

// The newest of those that have ended stay, and those that are watched: whoever watches is to see
// how it ended.
void RunEngine::RetireOld() {
  const auto keep = static_cast<size_t>(std::max(0, parts_.config.ended_runs));
  while (retirable_.size() > keep) {
    const EntryPtr entry = runs_.at(retirable_.begin()->second);
    if (!parts_.store->Delete(entry->controller.run().uid()).ok()) return;
    Forget(entry);
  }
}

absl::StatusOr<v1::Run> RunEngine::Ask(const std::string& name, RunController::Verb verb) {
  const std::lock_guard lock(mutex_);
  const auto entry = FindIntact(name);
  if (!entry.ok()) return entry.status();
  if (absl::Status status = RequireIdle(*entry); !status.ok()) return status;
  const RunController before = (*entry)->controller;
  RunController::Actions actions;
  if (absl::Status status = (*entry)->controller.Ask(verb, &actions); !status.ok()) return status;
  if (absl::Status status = Store(*entry); !status.ok()) {
    // What is not stored was not asked; but a full disk keeps nobody from stopping what fills it.
    const bool is_brake = verb == RunController::Verb::kPause || verb == RunController::Verb::kStop;
    if (!is_brake) {
      (*entry)->controller = before;
      ReportTrouble();
      return status;
    }
    StoreLater(*entry, status);
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
  watchers_[++last_watch_] = *entry;
  (*entry)->watchers[last_watch_] = std::move(on_change);
  Reconsider(*entry);
  return last_watch_;
}

absl::StatusOr<uint64_t> RunEngine::WatchLog(const std::string& name,
                                             std::function<void()> on_line) {
  const std::lock_guard lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  const std::shared_ptr<RunLog>& log = (*entry)->log;
  log_watchers_[++last_watch_] = {log, log->Listen(std::move(on_line))};
  return last_watch_;
}

void RunEngine::Unwatch(uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = log_watchers_.find(id); found != log_watchers_.end()) {
    found->second.log->Unlisten(found->second.listener);
    log_watchers_.erase(found);
    return;
  }
  const auto found = watchers_.find(id);
  const EntryPtr entry = found->second;
  watchers_.erase(found);
  entry->watchers.erase(id);
  Reconsider(entry);
  RetireOld();
}

void RunEngine::Notify(const EntryPtr& entry) {
  for (const auto& [id, on_change] : entry->watchers) on_change();
}

absl::StatusOr<std::vector<v1::LogLine>> RunEngine::ReadLog(const std::string& name,
                                                            uint64_t* next) {
  std::unique_lock lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  lock.unlock();  // files are read without it
  return (*entry)->log->Read(next);
}

absl::StatusOr<uint64_t> RunEngine::FirstOfLog(const std::string& name, int32_t count) {
  std::unique_lock lock(mutex_);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  lock.unlock();
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
  *record.mutable_run() = entry->Stored();
  absl::Status status = parts_.store->Put(record);
  if (status.ok()) SetNotStored(entry, "");
  return status;
}

void RunEngine::SetNotStored(const EntryPtr& entry, std::string why) {
  const bool was_stored = entry->not_stored.empty();
  entry->not_stored = std::move(why);
  if (was_stored == entry->not_stored.empty()) return;
  unstored_ += was_stored ? 1 : -1;
  ReportTrouble();
}

void RunEngine::StoreLater(const EntryPtr& entry, const absl::Status& why) {
  const bool is_planned = !entry->not_stored.empty();
  SetNotStored(entry, std::string(why.message()));
  if (is_planned) return;
  LogTo(entry, "warning", "What was asked is done, but not stored yet: " + entry->not_stored);
  StoreAgain(entry);
}

void RunEngine::StoreAgain(const EntryPtr& entry) {
  parts_.timers->CallAt(parts_.timers->Now() + kStoreAgain, [this, entry] {
    const std::lock_guard lock(mutex_);
    if (entry->not_stored.empty() || entry->is_deleted) return;
    if (!Store(entry).ok()) return StoreAgain(entry);
    LogTo(entry, "info", "It is stored.");
    ShowChange(entry);
  });
}

absl::Status RunEngine::Do(const EntryPtr& entry, const RunController::Actions& actions) {
  RunController& controller = entry->controller;
  if (actions.begin && entry->start_time_ms == 0) entry->start_time_ms = NowMs();
  if (controller.HasEnded() && entry->end_time_ms == 0) entry->end_time_ms = NowMs();
  if (!controller.HasEnded()) entry->end_time_ms = 0;
  absl::Status stored;
  if (actions.store) stored = Store(entry);
  if (!stored.ok()) StoreLater(entry, stored);
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
  Reconsider(entry);
  ShowChange(entry);
  return stored;
}

void RunEngine::ShowChange(const EntryPtr& entry) {
  v1::Run run = entry->Show();
  if (MessageDifferencer::Equals(run, entry->shown)) return;
  for (const auto& line : entry->troubles.Look(run, parts_.timers->Now())) {
    LogTo(entry, line.level, line.sentence);
  }
  entry->shown = std::move(run);
  Notify(entry);
}

absl::Status RunEngine::AddKept(const v1::Run& run, worker::v1::Start* start) const {
  const auto kept = parts_.index->Kept({run.plugins().begin(), run.plugins().end()});
  if (!kept.ok()) {
    return MakeError(kept.status().code(), "PLUGIN_CHANGED", std::string(kept.status().message()));
  }
  kept->AddTo(start);
  return absl::OkStatus();
}

void RunEngine::LaunchFor(const EntryPtr& entry) {
  const daemon::v1::RunRecord& record = entry->controller.record();
  worker::v1::Start start = NewStart();
  if (const absl::Status status = AddKept(record.run(), &start); !status.ok()) {
    (void)Do(entry, entry->controller.OnLaunchFailed(status, parts_.timers->Now()));
    return;
  }
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
  if (message.has_log()) {  // a plugin that floods its log holds nobody up
    entry->log->Append(message.log());
    return;
  }
  const std::lock_guard lock(mutex_);
  if (message.has_planned()) {
    (void)Do(entry, entry->controller.OnPlanned());
  } else if (message.has_progress()) {
    (void)Do(entry, entry->controller.OnProgress(message.progress(), parts_.timers->Now()));
  } else if (message.has_statistics()) {
    const auto question = questions_.find(message.statistics().id());
    if (question == questions_.end()) return;  // nobody waits for it any more
    question->second = message.statistics();
    changed_.notify_all();
  }
}

void RunEngine::OnEnded(const EntryPtr& entry, const WorkerEnd& end) {
  const std::lock_guard lock(mutex_);
  entry->worker = 0;
  if (!end.sentence.empty()) LogTo(entry, "error", end.sentence);
  if (end.finished.code() != 0) LogTo(entry, "error", end.finished.message());
  (void)Do(entry, entry->controller.OnEnded(end, parts_.timers->Now()));
  if (entry->controller.HasEnded() && !entry->is_deleted) RetireOld();
  changed_.notify_all();
}

void RunEngine::OnTimer(const EntryPtr& entry) {
  const std::lock_guard lock(mutex_);
  if (entry->is_deleted || is_stopping_) return;
  (void)Do(entry, entry->controller.OnTimer(parts_.timers->Now()));
}

}  // namespace throng
