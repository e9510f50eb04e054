#include "server/daemon/run_table.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <vector>

#include "server/daemon/errors.h"
#include "server/daemon/run_labels.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

// What lists are filtered and ordered by.
v1::Run SummaryOf(const v1::Run& run) {
  v1::Run summary;
  summary.set_name(run.name());
  summary.set_state(run.state());
  summary.set_target_state(run.target_state());
  *summary.mutable_labels() = run.labels();
  *summary.mutable_create_time() = run.create_time();
  *summary.mutable_update_time() = run.update_time();
  return summary;
}

}  // namespace

v1::Run RunEntry::Stored(const RunController& decided) const {
  v1::Run run = decided.run();
  if (start_time_ms > 0) SetTime(start_time_ms, run.mutable_start_time());
  if (end_time_ms > 0 && decided.HasEnded()) SetTime(end_time_ms, run.mutable_end_time());
  return run;
}

EntryPtr RunTable::NewEntry(const std::string& uid, const std::string& name) {
  auto entry = std::make_shared<RunEntry>();
  entry->name = name;
  entry->uid = uid;
  const std::string& folder = config_.state_folder;
  const std::string path = folder.empty() ? "" : fmt::format("{}/logs/{}.log", folder, uid);
  entry->log = std::make_shared<RunLog>(path, config_.log_bytes);
  runs_[name] = entry;
  return entry;
}

EntryPtr RunTable::Add(daemon::v1::RunRecord record) {
  EntryPtr entry = NewEntry(record.run().uid(), record.run().name());
  entry->request_id = record.request_id();
  if (!entry->request_id.empty()) requests_[entry->request_id] = entry;
  if (record.run().has_start_time()) entry->start_time_ms = MsOf(record.run().start_time());
  if (record.run().has_end_time()) entry->end_time_ms = MsOf(record.run().end_time());
  MarkCreated(record.mutable_run());
  Wake(entry, std::move(record));
  return entry;
}

EntryPtr RunTable::AddDamaged(const std::string& uid, const std::string& name) {
  daemon::v1::RunRecord record;
  v1::Run* run = record.mutable_run();
  run->set_uid(uid);
  run->set_name(name);
  run->set_target_state(v1::TARGET_STATE_STOPPED);
  run->set_state(v1::RUN_STATE_FAILED);
  run->set_reason(
      "What is stored of the run is damaged. Delete it, and create it again; what it has delivered "
      "stays.");
  EntryPtr entry = NewEntry(uid, name);
  entry->is_damaged = true;
  Wake(entry, std::move(record));
  ++damaged_;
  return entry;
}

void RunTable::Remove(const EntryPtr& entry) {
  entry->is_deleted = true;
  runs_.erase(entry->name);
  const auto request = requests_.find(entry->request_id);
  if (request != requests_.end() && request->second == entry) requests_.erase(request);
  if (entry->is_damaged) --damaged_;
  Reconsider(entry);
  for (const auto& [id, on_change] : entry->watchers) on_change();
  for (const auto& [id, on_change] : watchers_) on_change(entry->name);
}

absl::StatusOr<EntryPtr> RunTable::Find(const std::string& name) const {
  const auto found = runs_.find(name);
  if (found != runs_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, entry] : runs_) known.push_back(key);
  const auto nearest = NearestName(name, known);
  return MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND",
                   fmt::format("There is no run `{}`.{}", name,
                               nearest ? fmt::format(" Did you mean `{}`?", *nearest) : ""));
}

EntryPtr RunTable::OfRequest(const std::string& request_id) const {
  const auto found = requests_.find(request_id);
  return found == requests_.end() ? nullptr : found->second;
}

void RunTable::Wake(const EntryPtr& entry, daemon::v1::RunRecord record) const {
  entry->controller.emplace(std::move(record), is_one_shot_);
  entry->ended.reset();
}

void RunTable::Reconsider(const EntryPtr& entry) {
  if (entry->retirable) retirable_.erase(*entry->retirable);
  entry->retirable.reset();
  const bool has_ended =
      !entry->controller || (entry->controller->HasEnded() && entry->controller->IsAtRest());
  if (!has_ended || entry->is_deleted || entry->is_damaged || entry->is_resetting ||
      entry->is_changing || !entry->watchers.empty()) {
    return;
  }
  entry->retirable.emplace(entry->end_time_ms, entry->name);
  retirable_.insert(*entry->retirable);
  if (is_one_shot_ || entry->puts > 0 || !entry->not_stored.empty() || !entry->controller) return;
  entry->ended = std::make_unique<const v1::Run>(SummaryOf(entry->controller->run()));
  entry->controller.reset();
  entry->troubles = RunTroubles();
  entry->shown.reset();
  entry->told.reset();
}

EntryPtr RunTable::Surplus() const {
  const auto kept = static_cast<size_t>(std::max(0, config_.ended_runs));
  return retirable_.size() <= kept ? nullptr : runs_.at(retirable_.begin()->second);
}

const v1::Run& RunTable::Listed(const EntryPtr& entry) {
  return entry->controller ? entry->controller->run() : *entry->ended;
}

std::shared_ptr<const v1::Run> RunTable::Show(const EntryPtr& entry) {
  if (entry->shown != nullptr) return entry->shown;
  v1::Run run = entry->Stored(*entry->controller);
  if (!entry->not_stored.empty()) {
    run.set_reason(
        fmt::format("{}{}Not stored yet, so a daemon that starts again does not know of it: {}",
                    run.reason(), run.reason().empty() ? "" : " ", entry->not_stored));
  }
  entry->shown = std::make_shared<const v1::Run>(std::move(run));
  return entry->shown;
}

void RunTable::Changed(const EntryPtr& entry) {
  entry->shown.reset();
  if (entry->watchers.empty() && watchers_.empty()) return;  // then it costs nothing
  const std::shared_ptr<const v1::Run> run = Show(entry);
  using google::protobuf::util::MessageDifferencer;
  if (entry->told != nullptr && MessageDifferencer::Equals(*run, *entry->told)) return;
  entry->told = run;
  for (const auto& [id, on_change] : entry->watchers) on_change();
  for (const auto& [id, on_change] : watchers_) on_change(entry->name);
}

uint64_t RunTable::Watch(const EntryPtr& entry, std::function<void()> on_change) {
  watches_[++last_watch_] = entry;
  if (entry->watchers.empty() && entry->controller) entry->told = Show(entry);
  entry->watchers[last_watch_] = std::move(on_change);
  Reconsider(entry);
  return last_watch_;
}

uint64_t RunTable::WatchAll(std::function<void(const std::string& name)> on_change) {
  for (const auto& [name, entry] : runs_) on_change(name);
  watchers_[++last_watch_] = std::move(on_change);
  return last_watch_;
}

void RunTable::WakeWatchers() const {
  for (const auto& [name, entry] : runs_) {
    for (const auto& [id, on_change] : entry->watchers) on_change();
  }
  for (const auto& [id, on_change] : watchers_) on_change("");
}

void RunTable::Unwatch(uint64_t id) {
  if (watchers_.erase(id) > 0) return;
  const auto watch = watches_.extract(id);
  watch.mapped()->watchers.erase(id);
  Reconsider(watch.mapped());
}

}  // namespace throng
