// RunDriver: changes, which are stored before they are made.
#include <fmt/format.h>

#include <utility>

#include "server/daemon/errors.h"
#include "server/daemon/run_driver.h"
#include "server/daemon/run_driver_lock.h"
#include "server/daemon/run_labels.h"
#include "server/daemon/run_parts.h"
#include "server/daemon/wall_clock.h"

namespace throng {

absl::StatusOr<v1::Run> RunDriver::Ask(const AskedRun& run, RunController::Verb verb) {
  using Verb = RunController::Verb;
  const bool is_brake = verb == Verb::kPause || verb == Verb::kStop;
  return Change(run, is_brake, [=, this](RunController* after, RunController::Actions* actions) {
    if (is_draining_ && !is_brake) return DaemonDraining();
    const v1::TargetState before = after->run().target_state();
    if (absl::Status status = after->Ask(verb, actions); !status.ok()) return status;
    // What was asked for already is no change.
    const bool is_change = verb == Verb::kRestart || after->run().target_state() != before;
    if (is_change) after->MarkChanged(NowMs());
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::Run> RunDriver::Update(const v1::UpdateRunRequest& request) {
  if (absl::Status status = CheckUpdate(request); !status.ok()) return status;
  return Change({request.run().name(), request.run().etag()}, /*is_brake=*/false,
                [&request](RunController* after, RunController::Actions* actions) {
                  const int64_t now_ms = NowMs();
                  absl::Status status = after->Update(request, now_ms, actions);
                  if (status.ok()) after->MarkChanged(now_ms);
                  return status;
                });
}

absl::StatusOr<v1::Run> RunDriver::Change(const AskedRun& asked, bool is_brake,
                                          const Decide& decide) {
  Lock lock(this);
  const auto found = FindIdle(asked.name, /*may_be_damaged=*/false, &lock);
  if (!found.ok()) return found.status();
  const EntryPtr& entry = *found;
  if (absl::Status status = Wake(entry); !status.ok()) return status;
  RunController after = *entry->controller;
  RunController::Actions actions;
  absl::Status decided = CheckEtag(after.run(), asked.etag);
  if (decided.ok()) decided = decide(&after, &actions);
  if (!decided.ok()) {
    table_.Reconsider(entry);
    return decided;
  }
  const Stored record = RecordOf(entry, after);
  entry->is_changing = true;
  table_.Reconsider(entry);
  lock.unlock();
  absl::Status stored = parts_.is_ephemeral ? absl::OkStatus() : parts_.store->Put(record);
  lock.lock();
  absl::StatusOr<v1::Run> run = v1::Run();
  if (stored.ok() || is_brake) {  // else it was not asked
    entry->controller = std::move(after);
    SetNotStored(entry, "");
    if (!stored.ok()) StoreLater(entry, stored);
    actions.store = false;
    Do(entry, actions);
    run = *RunTable::Show(entry);
  } else {
    run = stored;
  }
  EndChange(entry);
  ReportTrouble();
  return run;
}

absl::Status RunDriver::Delete(const AskedRun& run) {
  EntryPtr entry;
  Stored deleted;
  {
    Lock lock(this);
    auto found = FindIdle(run.name, /*may_be_damaged=*/true, &lock);
    if (!found.ok()) return found.status();
    entry = *std::move(found);
    if (!run.etag.empty()) {
      if (absl::Status status = Wake(entry); !status.ok()) return status;
      absl::Status status = CheckEtag(entry->controller->run(), run.etag);
      if (!status.ok()) {
        table_.Reconsider(entry);
        return status;
      }
    }
    if (entry->controller && !entry->controller->IsAtRest()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                       "The run has not ended and cannot be deleted; stop it first.");
    }
    if (parts_.is_ephemeral) deleted = entry->controller->record();
    entry->is_changing = true;
    table_.Reconsider(entry);
    lock.unlock();
    auto done =
        parts_.is_ephemeral ? absl::StatusOr<Stored>(deleted) : parts_.store->Delete(entry->uid);
    lock.lock();
    absl::Status status = done.status();
    if (status.ok()) {
      deleted = *std::move(done);
      SetNotStored(entry, "");
      Remove(entry);
    }
    EndChange(entry);
    ReportTrouble();
    if (!status.ok()) return status;
  }
  entry->log->Remove();
  Release(deleted);
  return absl::OkStatus();
}

void RunDriver::Release(const Stored& record) {
  if (parts_.is_ephemeral) return;
  if (record.has_run()) return parts_.index->Release(UsedBy(record.run()));
  // Nobody knows what a damaged run used.
  bool are_all_known = false;
  {
    const Lock lock(this);
    are_all_known = table_.damaged() == 0;
  }
  if (are_all_known) parts_.index->RemoveUnheld();
}

void RunDriver::Retire() {
  while (const EntryPtr entry = table_.Surplus()) {
    SetNotStored(entry, "");
    Remove(entry);
    if (parts_.is_ephemeral) continue;
    parts_.store->DeleteSoon(entry->uid, [this, entry](const absl::StatusOr<Stored>& deleted) {
      if (!deleted.ok()) return;  // it is forgotten another time
      entry->log->Remove();
      Release(*deleted);
    });
  }
}

absl::StatusOr<v1::ResetPositionsResponse> RunDriver::ResetPositions(
    const v1::ResetPositionsRequest& request, const Reset& reset) {
  std::vector<std::string> outputs(request.outputs().begin(), request.outputs().end());
  Lock lock(this);
  const auto found = FindIdle(request.name(), /*may_be_damaged=*/false, &lock);
  if (!found.ok()) return found.status();
  const EntryPtr& entry = *found;
  if (absl::Status status = Wake(entry); !status.ok()) return status;
  const Stored record = entry->controller->record();
  if (absl::Status status = CheckEtag(record.run(), request.etag()); !status.ok()) {
    table_.Reconsider(entry);
    return status;
  }
  if (!entry->controller->IsAtRest()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                     "The run has not ended, and its positions cannot be reset; stop it first.");
  }
  for (const std::string& output : outputs) {
    if (absl::Status status = RequireOutput(record.run(), "outputs", output); !status.ok()) {
      table_.Reconsider(entry);
      return status;
    }
  }
  if (outputs.empty()) outputs = OutputNames(record.run());
  entry->is_resetting = true;
  entry->is_changing = true;
  table_.Reconsider(entry);
  lock.unlock();
  auto positions = reset(record, outputs);
  absl::Status stored;
  RunController after = *entry->controller;  // nobody changes it meanwhile
  if (positions.ok()) {
    (void)after.OnReset(positions->positions());
    after.MarkChanged(NowMs());
    if (!parts_.is_ephemeral) stored = parts_.store->Put(RecordOf(entry, after));
  }
  lock.lock();
  entry->is_resetting = false;
  if (positions.ok()) {
    entry->controller = std::move(after);
    SetNotStored(entry, "");
    if (!stored.ok()) StoreLater(entry, stored);
    Do(entry, {});
  }
  EndChange(entry);
  if (!positions.ok()) return positions.status();
  if (!stored.ok()) return stored;
  v1::ResetPositionsResponse response;
  *response.mutable_positions() = positions->positions();
  return response;
}

// ---- Creating ----

std::string RunDriver::FreeName() const {
  for (size_t i = table_.runs().size() + creating_.size() + 1;; ++i) {
    std::string name = fmt::format("runs/run-{}", i);
    if (!table_.runs().contains(name) && !creating_.contains(name)) return name;
  }
}

absl::StatusOr<std::optional<v1::Run>> RunDriver::FindTakenNow(const v1::CreateRunRequest& request,
                                                               const std::string& sha256) {
  if (is_stopping_) return DaemonStopping();
  const EntryPtr known = request.validate_only() ? nullptr : table_.OfRequest(request.request_id());
  if (known != nullptr) {
    if (absl::Status status = Wake(known); !status.ok()) return status;
    const std::string digest = known->controller->record().request_sha256();
    const v1::Run run = *RunTable::Show(known);
    table_.Reconsider(known);
    // Records of earlier versions have no digest.
    if (digest.empty() || digest == sha256) return std::optional(run);
    return InvalidField(
        "request_id",
        fmt::format("It created `{}` from another request; choose a new one.", known->name));
  }
  if (is_draining_) return DaemonDraining();
  const std::string name = "runs/" + request.run_id();
  if (!table_.runs().contains(name)) return std::optional<v1::Run>();
  return MakeError(
      absl::StatusCode::kAlreadyExists, "RUN_EXISTS",
      fmt::format("There is a run `{}` already; choose another id, or delete it.", name));
}

absl::StatusOr<std::optional<v1::Run>> RunDriver::FindTaken(const v1::CreateRunRequest& request,
                                                            const std::string& sha256,
                                                            const CallContext& context) {
  Lock lock(this);
  return AwaitTaken(request, sha256, context, &lock);
}

absl::StatusOr<std::optional<v1::Run>> RunDriver::AwaitTaken(const v1::CreateRunRequest& request,
                                                             const std::string& sha256,
                                                             const CallContext& context,
                                                             Lock* lock) {
  const auto is_decided = [&] {
    return !creating_.contains("runs/" + request.run_id()) &&
           (request.request_id().empty() || !creating_.contains(request.request_id()));
  };
  if (!changed_.wait_until(*lock, context.cancelled, context.deadline, is_decided)) {
    return NotAwaited(context);
  }
  return FindTakenNow(request, sha256);
}

absl::StatusOr<v1::Run> RunDriver::Create(const v1::CreateRunRequest& request, Stored record,
                                          const PluginSnapshot& snapshot, Planner::Asked* worker,
                                          const CallContext& context) {
  const std::vector<v1::PluginUse> used = UsedBy(record.run());
  std::vector<std::string> claims;
  {
    Lock lock(this);
    auto existing = AwaitTaken(request, record.request_sha256(), context, &lock);  // meanwhile
    if (!existing.ok()) return existing.status();
    if (*existing) return **std::move(existing);
    if (context.cancelled.stop_requested()) return NotAwaited(context);
    record.mutable_run()->set_name(request.run_id().empty() ? FreeName()
                                                            : "runs/" + request.run_id());
    if (request.validate_only()) return record.run();
    claims = {record.run().name()};
    if (!record.request_id().empty()) claims.push_back(record.request_id());
    creating_.insert(claims.begin(), claims.end());
  }
  absl::Status status;
  if (!parts_.is_ephemeral) {
    status = parts_.index->Keep(used, snapshot);
    if (!status.ok()) {
      status = MakeError(status.code(), "STATE_NOT_STORED", std::string(status.message()));
    } else if (status = parts_.store->Put(record); !status.ok()) {
      parts_.index->Release(used);
    }
  }
  EntryPtr entry;
  v1::Run created;
  {
    const Lock lock(this);
    for (const std::string& claim : claims) creating_.erase(claim);
    changed_.notify_all();
    ReportTrouble();
    if (!status.ok()) return status;
    entry = table_.Add(std::move(record));
    entry->worker = worker->id();
    worker->LetGo();
    RunController::Actions actions = entry->controller->OnCreated();
    actions.store = false;  // it was
    Do(entry, actions);
    if (is_stopping_) Do(entry, entry->controller->OnDaemonStop());
    created = *RunTable::Show(entry);
  }
  worker->call()->HandOver(
      {[this, entry](const worker::v1::FromWorker& message) { OnMessage(entry, message); },
       [this, entry](const WorkerEnd& end) { OnEnded(entry, end); }});
  return created;
}

}  // namespace throng
