// RunDriver: its beginning and its end, and looking at runs.
#include "server/daemon/run_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/daemon/errors.h"
#include "server/daemon/run_driver_lock.h"
#include "server/daemon/run_labels.h"
#include "server/daemon/run_parts.h"
#include "server/daemon/run_query.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

// How often it is looked whether the state folder is still there.
constexpr std::chrono::seconds kLookInterval{1};

}  // namespace

RunDriver::~RunDriver() { parts_.store->Flush(); }  // it calls what is here

absl::Status RunDriver::Start() {
  const Lock lock(this);
  std::vector<EntryPtr> added;
  absl::Status status = parts_.store->ForEach(
      [&](Stored record) {
        if (!parts_.is_ephemeral) parts_.index->Hold(UsedBy(record.run()));
        const EntryPtr entry = table_.Add(std::move(record));
        const std::shared_ptr<const v1::Run> run = RunTable::Show(entry);
        table_.Reconsider(entry);
        if (entry->controller) {
          added.push_back(entry);
        } else if (parts_.on_change) {
          parts_.on_change(entry->name, *run);
        }
      },
      [&](const RunStore::Damaged& run) {
        if (parts_.log) parts_.log(fmt::format("What is stored of {} is damaged.", run.name));
        const EntryPtr entry = table_.AddDamaged(run.uid, run.name);
        if (parts_.on_change) parts_.on_change(entry->name, *RunTable::Show(entry));
      });
  if (!status.ok()) return status;
  for (const EntryPtr& entry : added) Do(entry, entry->controller->OnDaemonStart());
  Retire();
  if (parts_.is_ephemeral) return absl::OkStatus();
  // Of a creation that a dead daemon did not finish; or of a run whose record cannot tell.
  if (table_.damaged() == 0) parts_.index->RemoveUnheld();
  WatchStore();
  return absl::OkStatus();
}

void RunDriver::WatchStore() {
  parts_.timers->CallAt(parts_.timers->Now() + kLookInterval, [this] {
    const Lock lock(this);
    if (is_stopping_) return;
    ReportTrouble();
    WatchStore();
  });
}

void RunDriver::ReportTrouble() {
  std::string trouble(parts_.store->Check().message());
  if (trouble.empty() && unstored_ > 0) {
    trouble = fmt::format("What was asked of {} runs is not stored yet.", unstored_);
  }
  if (trouble == trouble_) return;
  trouble_ = std::move(trouble);
  if (parts_.log) parts_.log(trouble_.empty() ? "All runs are stored again." : trouble_);
  if (parts_.on_trouble) parts_.on_trouble(trouble_);
}

void RunDriver::Remove(const EntryPtr& entry) {
  table_.Remove(entry);
  if (parts_.on_change) parts_.on_change(entry->name, v1::Run());
}

void RunDriver::Stop() {
  const Lock lock(this);
  is_stopping_ = true;
  StopWorkers();
  table_.WakeWatchers();
  changed_.notify_all();
}

void RunDriver::StopWorkers() {
  for (const auto& [name, entry] : table_.runs()) {
    if (!entry->controller) continue;
    InTurn(entry, [this, entry = entry] { Do(entry, entry->controller->OnDaemonStop()); });
  }
}

bool RunDriver::HasWorkers() const {
  return std::any_of(table_.runs().begin(), table_.runs().end(), [](const auto& run) {
    return run.second->controller && run.second->controller->HasWorker();
  });
}

absl::Status RunDriver::Drain(const CallContext& context) {
  Lock lock(this);
  if (is_stopping_) return DaemonStopping();
  is_draining_ = true;
  StopWorkers();
  const bool is_over = changed_.wait_until(lock, context.cancelled, context.deadline,
                                           [this] { return !HasWorkers() || is_stopping_; });
  if (!is_over) return NotAwaited(context);
  return is_stopping_ ? DaemonStopping() : absl::OkStatus();
}

bool RunDriver::AwaitEnd(Deadline deadline) {
  Lock lock(this);
  const auto have_ended = [this] { return !HasWorkers(); };
  if (changed_.wait_until(lock, deadline, have_ended)) return true;
  for (const auto& [name, entry] : table_.runs()) {
    if (entry->controller && entry->controller->HasWorker()) parts_.workers->Kill(entry->worker);
  }
  return changed_.wait_for(lock, kKilledWithin, have_ended);
}

absl::StatusOr<EntryPtr> RunDriver::Find(const std::string& name) const {
  if (is_stopping_) return DaemonStopping();
  return table_.Find(name);
}

absl::StatusOr<EntryPtr> RunDriver::FindIntact(const std::string& name) const {
  auto entry = Find(name);
  if (!entry.ok() || !(*entry)->is_damaged) return entry;
  return MakeError(absl::StatusCode::kFailedPrecondition, "RECORD_DAMAGED",
                   (*entry)->controller->run().reason());
}

absl::StatusOr<EntryPtr> RunDriver::FindIdle(const std::string& name, bool may_be_damaged,
                                             Lock* lock) {
  while (true) {
    auto entry = may_be_damaged ? Find(name) : FindIntact(name);
    if (!entry.ok()) return entry;
    if ((*entry)->is_resetting) {
      return MakeError(absl::StatusCode::kAborted, "POSITIONS_BEING_RESET",
                       "The positions of the run are being reset; try again once that is done.");
    }
    if (!(*entry)->is_changing) return entry;
    changed_.wait(*lock);
  }
}

absl::Status RunDriver::Wake(const EntryPtr& entry) {
  if (entry->controller) return absl::OkStatus();
  auto record = Read(entry->uid);
  if (!record.ok()) return record.status();
  table_.Wake(entry, *std::move(record));
  (void)entry->troubles.Look(entry->controller->run(), parts_.timers->Now());  // its log has them
  return absl::OkStatus();
}

absl::StatusOr<daemon::v1::RunRecord> RunDriver::Read(const std::string& uid) const {
  auto record = parts_.store->Read(uid);
  if (record.ok()) MarkCreated(record->mutable_run());
  return record;
}

// ---- Looking ----

absl::StatusOr<daemon::v1::RunRecord> RunDriver::Record(const std::string& name) {
  std::string uid;
  {
    const Lock lock(this);
    const auto entry = FindIntact(name);
    if (!entry.ok()) return entry.status();
    if ((*entry)->controller) return RecordOf(*entry, *(*entry)->controller);
    uid = (*entry)->uid;
  }
  return Read(uid);
}

absl::StatusOr<v1::Run> RunDriver::Get(const std::string& name) {
  std::shared_ptr<const v1::Run> shown;
  std::string uid;
  {
    const Lock lock(this);
    const auto entry = Find(name);
    if (!entry.ok()) return entry.status();
    if ((*entry)->controller) shown = RunTable::Show(*entry);
    uid = (*entry)->uid;
  }
  if (shown != nullptr) return *shown;
  auto record = Read(uid);
  if (!record.ok()) return record.status();
  return record->run();
}

absl::StatusOr<v1::ListRunsResponse> RunDriver::List(const v1::ListRunsRequest& request) {
  const auto query = RunQuery::Parse(request);
  if (!query.ok()) return query.status();
  v1::ListRunsResponse response;
  std::vector<std::pair<std::string, std::shared_ptr<const v1::Run>>> page;  // uid; or the run
  {
    const Lock lock(this);
    if (is_stopping_) return DaemonStopping();
    // One more than the page has says whether another one follows.
    std::vector<EntryPtr> taken;
    for (const auto& [name, entry] : table_.runs()) {
      if (query->Takes(RunTable::Listed(entry))) taken.push_back(entry);
      if (query->IsByName() && taken.size() > query->page_size()) break;
    }
    const size_t size = std::min(taken.size(), query->page_size());
    const auto end = taken.begin() + static_cast<std::ptrdiff_t>(size);
    std::partial_sort(taken.begin(), end, taken.end(), [&](const auto& one, const auto& other) {
      return query->IsBefore(RunTable::Listed(one), RunTable::Listed(other));
    });
    // The token is of the run before the page, so that a page stays right when runs come and go.
    if (size < taken.size()) {
      response.set_next_page_token(query->TokenAfter(RunTable::Listed(taken[size - 1])));
    }
    taken.resize(size);
    for (const EntryPtr& entry : taken) {
      page.emplace_back(entry->uid, entry->controller ? RunTable::Show(entry) : nullptr);
    }
  }
  for (const auto& [uid, shown] : page) {
    auto stored = shown != nullptr ? absl::StatusOr<Stored>(absl::NotFoundError("")) : Read(uid);
    if (shown == nullptr && absl::IsNotFound(stored.status())) continue;  // deleted meanwhile
    if (shown == nullptr && !stored.ok()) return stored.status();
    *response.add_runs() = shown != nullptr ? *shown : stored->run();
    response.mutable_runs(response.runs_size() - 1)->clear_spec();
  }
  return response;
}

absl::StatusOr<std::shared_ptr<RunLog>> RunDriver::Log(const std::string& name) {
  const Lock lock(this);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  return (*entry)->log;
}

absl::StatusOr<std::optional<v1::GetPositionsResponse>> RunDriver::Reported(
    const std::string& name) {
  const Lock lock(this);
  const auto entry = FindIntact(name);
  if (!entry.ok()) return entry.status();
  const auto& controller = (*entry)->controller;
  if (!controller || !controller->HasWorker() ||
      controller->run().state() == v1::RUN_STATE_STARTING) {
    return std::optional<v1::GetPositionsResponse>();
  }
  v1::GetPositionsResponse response;
  for (const v1::OutputStatus& output : controller->run().outputs()) {
    v1::Position* position = response.add_positions();
    position->set_output(output.name());
    position->set_place(output.place());
    position->set_row(output.position());
    position->set_is_complete(output.state() == v1::OUTPUT_STATE_SUCCEEDED);
  }
  return std::optional(std::move(response));
}

absl::StatusOr<uint64_t> RunDriver::Watch(const std::string& name,
                                          std::function<void()> on_change) {
  const Lock lock(this);
  const auto entry = Find(name);
  if (!entry.ok()) return entry.status();
  return table_.Watch(*entry, std::move(on_change));
}

absl::StatusOr<uint64_t> RunDriver::WatchAll(
    std::function<void(const std::string& name)> on_change) {
  const Lock lock(this);
  if (is_stopping_) return DaemonStopping();
  return table_.WatchAll(std::move(on_change));
}

void RunDriver::Unwatch(uint64_t id) {
  const Lock lock(this);
  table_.Unwatch(id);
  Retire();
}

absl::StatusOr<v1::GetRunStatisticsResponse> RunDriver::Statistics(
    const v1::GetRunStatisticsRequest& request, const CallContext& context) {
  auto record = Record(request.name());
  if (!record.ok()) return record.status();
  std::string output = request.output();
  if (!output.empty()) {
    absl::Status status = RequireOutput(record->run(), "output", output);
    if (!status.ok()) return status;
  }
  for (const v1::OutputSpec& spec : record->asked().outputs()) {
    if (output.empty() && spec.table() == v1::TABLE_INTERACTIONS) output = spec.name();
  }
  Lock lock(this);
  const auto found = FindIntact(request.name());
  if (!found.ok()) return found.status();
  const EntryPtr& entry = *found;
  const WorkerId worker = entry->controller && entry->controller->HasWorker() ? entry->worker : 0;
  if (worker == 0) {
    for (const v1::GetRunStatisticsResponse& final : record->statistics()) {
      if (output == final.output()) return final;
    }
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "NO_STATISTICS",
        "There are no statistics: the run delivers nothing at present, and they are kept of "
        "outputs that have succeeded. Resume or restart it first.");
  }
  const int64_t id = ++last_question_;
  questions_[id];
  worker::v1::ToWorker question;
  question.mutable_get_statistics()->set_id(id);
  question.mutable_get_statistics()->set_output(output);
  parts_.workers->Send(worker, question);
  const bool is_over = changed_.wait_until(lock, context.cancelled, context.deadline, [&] {
    return questions_[id] || entry->worker != worker || is_stopping_;
  });
  const auto answer = questions_.extract(id).mapped();
  if (!answer && is_stopping_) return DaemonStopping();
  if (!answer && is_over) {
    return MakeError(absl::StatusCode::kUnavailable, "WORKER_ENDED",
                     "The run's worker ended before it could tell; ask again.");
  }
  if (!answer) return NotAwaited(context);
  if (answer->code() == 0) return answer->statistics();
  return MakeError(static_cast<absl::StatusCode>(answer->code()), "NO_STATISTICS",
                   answer->message());
}

}  // namespace throng
