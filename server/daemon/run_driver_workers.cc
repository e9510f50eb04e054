// RunDriver: what controllers decide, and what workers say.
#include <fmt/format.h>

#include <utility>

#include "server/daemon/run_driver.h"
#include "server/daemon/run_driver_lock.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

// After which what the disk did not take is stored again.
constexpr std::chrono::seconds kStoreAgain{5};

}  // namespace

// Of a worker that was launched for a run that exists already.
class RunDriver::Listener final : public WorkerListener {
 public:
  Listener(RunDriver* driver, EntryPtr entry) : driver_(driver), entry_(std::move(entry)) {}
  void OnMessage(const worker::v1::FromWorker& message) override {
    driver_->OnMessage(entry_, message);
  }
  void OnEnded(const WorkerEnd& end) override { driver_->OnEnded(entry_, end); }

 private:
  RunDriver* const driver_;
  const EntryPtr entry_;
};

void RunDriver::Note(const EntryPtr& entry, const std::string& level, const std::string& sentence) {
  v1::LogLine line;
  SetTime(NowMs(), line.mutable_time());
  line.set_level(level);
  line.set_source("daemon");
  line.set_message(sentence);
  lines_.emplace_back(entry->log, std::move(line));
}

// ---- Storing ----

daemon::v1::RunRecord RunDriver::RecordOf(const EntryPtr& entry,
                                          const RunController& decided) const {
  Stored record = decided.record();
  *record.mutable_run() = entry->Stored(decided);
  return record;
}

void RunDriver::StoreSoon(const EntryPtr& entry) {
  if (parts_.is_ephemeral) return;
  ++entry->puts;
  parts_.store->PutSoon(RecordOf(entry, *entry->controller),
                        [this, entry](const absl::Status& status) {
                          const Lock lock(this);
                          --entry->puts;
                          if (entry->is_deleted) return;
                          if (status.ok()) {
                            SetNotStored(entry, "");
                          } else {
                            StoreLater(entry, status);
                          }
                          table_.Reconsider(entry);
                        });
}

void RunDriver::SetNotStored(const EntryPtr& entry, const std::string& why) {
  if (entry->not_stored == why) return;
  const bool was_stored = entry->not_stored.empty();
  entry->not_stored = why;
  if (was_stored != why.empty()) {
    unstored_ += was_stored ? 1 : -1;
    if (was_stored) {
      Note(entry, "warning", "What was asked is done, but not stored yet: " + why);
    } else {
      Note(entry, "info", "It is stored.");
    }
    ReportTrouble();
  }
  if (entry->controller) table_.Changed(entry);
}

void RunDriver::StoreLater(const EntryPtr& entry, const absl::Status& why) {
  SetNotStored(entry, std::string(why.message()));
  if (is_stopping_) return;  // the timers may go before the store does
  parts_.timers->CallAt(parts_.timers->Now() + kStoreAgain, [this, entry] {
    const Lock lock(this);
    if (entry->not_stored.empty() || entry->is_deleted || entry->puts > 0) return;
    StoreSoon(entry);
  });
}

void RunDriver::EndChange(const EntryPtr& entry) {
  entry->is_changing = false;
  changed_.notify_all();
  while (!entry->is_changing && !entry->deferred.empty()) {
    const std::function<void()> event = std::move(entry->deferred.front());
    entry->deferred.pop_front();
    event();
  }
  table_.Reconsider(entry);
}

void RunDriver::InTurn(const EntryPtr& entry, std::function<void()> event) {
  if (entry->is_changing) {
    entry->deferred.push_back(std::move(event));
  } else {
    event();
  }
}

// ---- What controllers decide ----

void RunDriver::Do(const EntryPtr& entry, const RunController::Actions& actions) {
  const RunController& controller = *entry->controller;
  if (actions.begin && entry->start_time_ms == 0) entry->start_time_ms = NowMs();
  if (controller.HasEnded() && entry->end_time_ms == 0) entry->end_time_ms = NowMs();
  if (!controller.HasEnded()) entry->end_time_ms = 0;
  if (actions.store) StoreSoon(entry);
  if (actions.launch) Launch(entry);
  worker::v1::ToWorker message;
  if (actions.begin) {
    *message.mutable_begin()->mutable_tune() = controller.Tune(entry->start_time_ms);
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
  if (actions.tune) {
    *message.mutable_tune() = controller.Tune(entry->start_time_ms);
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.stop) {
    message.mutable_stop();
    parts_.workers->Send(entry->worker, message);
  }
  if (actions.kill) parts_.workers->Kill(entry->worker);
  if (actions.wake) {
    parts_.timers->CallAt(*actions.wake, [this, entry] {
      const Lock lock(this);
      InTurn(entry, [this, entry] {
        if (entry->is_deleted || is_stopping_ || !entry->controller) return;
        Do(entry, entry->controller->OnTimer(parts_.timers->Now()));
      });
    });
  }
  for (const auto& line : entry->troubles.Look(controller.run(), parts_.timers->Now())) {
    Note(entry, line.level, line.sentence);
  }
  table_.Changed(entry);
  if (parts_.on_change) parts_.on_change(entry->name, *RunTable::Show(entry));
  table_.Reconsider(entry);
}

void RunDriver::Launch(const EntryPtr& entry) {
  const Stored& record = entry->controller->record();
  worker::v1::Start start = parts_.planner->NewStart();
  if (const absl::Status status = parts_.planner->AddKept(record.run(), &start); !status.ok()) {
    Do(entry, entry->controller->OnLaunchFailed(status, parts_.timers->Now()));
    return;
  }
  worker::v1::RunJob* job = start.mutable_run();
  *job->mutable_asked() = record.asked();
  job->set_uid(record.run().uid());
  job->set_now_ms(record.now_ms());
  job->set_fingerprint(record.run().fingerprint());
  LaunchOptions options;
  options.call_limit = parts_.config->call_limit;
  entry->worker = parts_.workers->Launch(start, std::make_shared<Listener>(this, entry), options);
}

// ---- What workers say ----

void RunDriver::OnMessage(const EntryPtr& entry, const worker::v1::FromWorker& message) {
  if (message.has_log()) {  // a plugin that floods its log holds nobody up
    entry->log->Append(message.log());
    return;
  }
  const Lock lock(this);
  if (message.has_statistics()) {
    const auto question = questions_.find(message.statistics().id());
    if (question == questions_.end()) return;  // nobody waits for it any more
    question->second = message.statistics();
    changed_.notify_all();
    return;
  }
  const auto take = [this, entry](const worker::v1::FromWorker& said) {
    RunController& controller = *entry->controller;
    if (said.has_planned()) {
      Do(entry, controller.OnPlanned());
    } else if (said.has_progress()) {
      Do(entry, controller.OnProgress(said.progress(), parts_.timers->Now()));
    }
  };
  if (!entry->is_changing) return take(message);
  entry->deferred.emplace_back([take, message] { take(message); });
}

void RunDriver::OnEnded(const EntryPtr& entry, const WorkerEnd& end) {
  const Lock lock(this);
  if (!end.sentence.empty()) Note(entry, "error", end.sentence);
  if (end.finished.code() != 0) Note(entry, "error", end.finished.message());
  InTurn(entry, [this, entry, end] {
    entry->worker = 0;
    Do(entry, entry->controller->OnEnded(end, parts_.timers->Now()));
    Retire();
    changed_.notify_all();
  });
}

}  // namespace throng
