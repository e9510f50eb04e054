#include "server/daemon/run_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "absl/strings/string_view.h"
#include "server/daemon/errors.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLastBackOff{30'000};
constexpr std::chrono::seconds kRateWindow{5};

bool IsEnd(v1::OutputState state) {
  return state == v1::OUTPUT_STATE_SUCCEEDED || state == v1::OUTPUT_STATE_FAILED;
}

// Whether a job that ended with this code may do better later.
bool IsTheWorldsFault(int32_t code) {
  const auto c = static_cast<absl::StatusCode>(code);
  return c == absl::StatusCode::kUnavailable || c == absl::StatusCode::kResourceExhausted ||
         c == absl::StatusCode::kAborted || c == absl::StatusCode::kCancelled;
}

std::string_view NameOf(RunController::Verb verb) {
  switch (verb) {
    case RunController::Verb::kPause:
      return "paused";
    case RunController::Verb::kResume:
      return "resumed";
    case RunController::Verb::kStop:
      return "stopped";
    case RunController::Verb::kRestart:
      return "restarted";
  }
  return "";
}

absl::Status WrongState(RunController::Verb verb, std::string_view is, std::string_view fits) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                   fmt::format("The run {} and cannot be {}; {}.", is, NameOf(verb), fits));
}

}  // namespace

bool RunController::HasEnded() const {
  return run().state() == v1::RUN_STATE_SUCCEEDED || run().state() == v1::RUN_STATE_FAILED;
}

bool RunController::IsAtRest() const {
  return worker_ == Worker::kNone && (HasEnded() || run().state() == v1::RUN_STATE_STOPPED);
}

RunController::Actions RunController::OnDaemonStart() {
  Actions actions;
  worker_ = Worker::kNone;
  if (!HasEnded() && run().target_state() == v1::TARGET_STATE_RUNNING) Launch(&actions);
  DeriveState();
  return actions;
}

RunController::Actions RunController::OnCreated() {
  worker_ = Worker::kPlanning;
  return OnPlanned();
}

void RunController::Launch(Actions* actions) {
  wake_.reset();
  if (is_daemon_stopping_ || worker_ != Worker::kNone) return;
  worker_ = Worker::kPlanning;
  commands_ = 0;
  actions->launch = true;
}

void RunController::EndWorker(Actions* actions) {
  if (worker_ == Worker::kPlanning) {
    actions->kill = true;  // it has nothing to commit
    worker_ = Worker::kStopping;
  } else if (worker_ == Worker::kDelivering) {
    actions->stop = true;
    worker_ = Worker::kStopping;
  }
}

void RunController::ForgetTroubles() {
  back_off_ = milliseconds(0);
  crashes_.clear();
  wake_.reset();
}

absl::Status RunController::Ask(Verb verb, Actions* actions) {
  const bool has_succeeded = run().state() == v1::RUN_STATE_SUCCEEDED;
  if (has_succeeded) return WrongState(verb, "has succeeded", "delete it, or create another");
  if (HasEnded() && verb != Verb::kRestart) {
    return WrongState(verb, "has failed", "restart or delete it");
  }
  switch (verb) {
    case Verb::kPause:
      if (run().target_state() == v1::TARGET_STATE_STOPPED) {
        return WrongState(verb, "is stopped", "resume or delete it");
      }
      if (worker_ == Worker::kDelivering && run().target_state() != v1::TARGET_STATE_PAUSED) {
        actions->pause = true;
        ++commands_;
      }
      mutable_run()->set_target_state(v1::TARGET_STATE_PAUSED);
      wake_.reset();
      if (worker_ == Worker::kPlanning) EndWorker(actions);
      break;
    case Verb::kResume:
      if (run().target_state() == v1::TARGET_STATE_STOPPED) mutable_run()->clear_reason();
      if (worker_ == Worker::kDelivering && run().target_state() != v1::TARGET_STATE_RUNNING) {
        actions->resume = true;
        ++commands_;
        TakeBackPaused();  // those that held are about to deliver, and say so later
      }
      mutable_run()->set_target_state(v1::TARGET_STATE_RUNNING);
      if (worker_ == Worker::kNone && !wake_) Launch(actions);
      break;
    case Verb::kStop:
      if (run().target_state() != v1::TARGET_STATE_STOPPED) mutable_run()->clear_reason();
      mutable_run()->set_target_state(v1::TARGET_STATE_STOPPED);
      wake_.reset();
      EndWorker(actions);
      break;
    case Verb::kRestart:
      mutable_run()->set_target_state(v1::TARGET_STATE_RUNNING);
      mutable_run()->clear_reason();
      mutable_run()->clear_end_time();
      mutable_run()->set_restarts(0);
      mutable_run()->set_state(v1::RUN_STATE_STARTING);
      for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
        if (output.state() != v1::OUTPUT_STATE_FAILED) continue;
        output.set_state(v1::OUTPUT_STATE_STARTING);  // it is tried again, too
        output.clear_reason();
      }
      ForgetTroubles();
      EndWorker(actions);
      Launch(actions);  // unless the worker has still to end
      break;
  }
  actions->store = true;
  DeriveState();
  return absl::OkStatus();
}

RunController::Actions RunController::OnReset(
    const google::protobuf::RepeatedPtrField<v1::Position>& positions) {
  Actions actions;
  actions.store = true;
  mutable_run()->set_target_state(v1::TARGET_STATE_STOPPED);
  mutable_run()->set_state(v1::RUN_STATE_STOPPED);
  mutable_run()->clear_reason();
  mutable_run()->clear_end_time();
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    const auto found = std::find_if(positions.begin(), positions.end(), [&](const v1::Position& p) {
      return p.output() == output.name();
    });
    const bool is_complete = found != positions.end() && found->is_complete();
    output.set_state(is_complete ? v1::OUTPUT_STATE_SUCCEEDED : v1::OUTPUT_STATE_STOPPED);
    output.clear_reason();
    if (is_complete || found == positions.end() || !found->reason().empty()) continue;
    output.set_position(found->row());
    if (found->has_row()) continue;
    output.set_rows(0);
    output.set_bytes(0);
    auto* statistics = record_.mutable_statistics();
    statistics->erase(
        std::remove_if(statistics->begin(), statistics->end(),
                       [&](const auto& final) { return final.output() == output.name(); }),
        statistics->end());
  }
  ForgetTroubles();
  return actions;
}

RunController::Actions RunController::OnDaemonStop() {
  Actions actions;
  is_daemon_stopping_ = true;
  wake_.reset();
  EndWorker(&actions);
  return actions;
}

RunController::Actions RunController::OnPlanned() {
  Actions actions;
  if (worker_ != Worker::kPlanning) return actions;  // it is being ended
  if (run().target_state() == v1::TARGET_STATE_RUNNING && !is_daemon_stopping_) {
    actions.begin = true;
    worker_ = Worker::kDelivering;
  } else {
    EndWorker(&actions);
  }
  DeriveState();
  return actions;
}

RunController::Actions RunController::OnProgress(const worker::v1::Progress& progress,
                                                 Clock::time_point now) {
  Actions actions;
  if (progress.outputs().empty() || worker_ == Worker::kNone || worker_ == Worker::kPlanning) {
    return actions;
  }
  const v1::RunState before = run().state();
  TakeOutputs(progress.outputs());
  // What it says about an earlier pause is no longer true.
  const bool is_history = progress.commands() < commands_;
  if (is_history || run().target_state() == v1::TARGET_STATE_RUNNING) TakeBackPaused();
  MeasureRates(now);
  DeriveState();
  actions.store = run().state() != before;  // so that a new daemon knows about where it was
  return actions;
}

void RunController::TakeBackPaused() {
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    if (output.state() == v1::OUTPUT_STATE_PAUSED) output.set_state(v1::OUTPUT_STATE_RUNNING);
  }
}

void RunController::TakeOutputs(
    const google::protobuf::RepeatedPtrField<v1::OutputStatus>& outputs) {
  bool is_advanced = false;
  for (int i = 0; i < std::min(outputs.size(), run().outputs_size()); ++i) {
    is_advanced = is_advanced || outputs[i].position() > run().outputs(i).position();
  }
  for (int i = 0; i < outputs.size(); ++i) {
    v1::OutputStatus* known =
        i < run().outputs_size() ? mutable_run()->mutable_outputs(i) : mutable_run()->add_outputs();
    const v1::OutputStatus before = *known;
    *known = outputs[i];
    // Until its place is open, what was known stays true.
    const bool is_open = outputs[i].total_rows() != 0 || outputs[i].position() != 0;
    if (!is_open) {
      known->set_position(before.position());
      known->set_rows(before.rows());
      known->set_total_rows(before.total_rows());
    }
    known->set_rows_per_second(before.rows_per_second());
  }
  if (!is_advanced) return;
  back_off_ = milliseconds(0);
  ForgetPassedCrashes();
}

// What crashed at a row may do so again until every output is past that row: one output that
// advances says nothing about another that crashes.
void RunController::ForgetPassedCrashes() {
  int64_t passed = std::numeric_limits<int64_t>::max();
  for (const v1::OutputStatus& output : run().outputs()) {
    if (!IsEnd(output.state())) passed = std::min(passed, output.position());
  }
  std::erase_if(crashes_, [&](const Place& place) { return place.second < passed; });
}

void RunController::MeasureRates(Clock::time_point now) {
  samples_.resize(static_cast<size_t>(run().outputs_size()));
  for (int i = 0; i < run().outputs_size(); ++i) {
    v1::OutputStatus* output = mutable_run()->mutable_outputs(i);
    std::deque<Sample>& samples = samples_[static_cast<size_t>(i)];
    output->set_rows_per_second(0);
    if (output->state() != v1::OUTPUT_STATE_RUNNING) {
      samples.clear();
      continue;
    }
    samples.push_back({now, output->rows()});
    while (samples.size() > 2 && samples[1].time + kRateWindow < now) samples.pop_front();
    const double seconds = std::chrono::duration<double>(now - samples.front().time).count();
    const auto rows = static_cast<double>(output->rows() - samples.front().rows);
    if (seconds > 0) output->set_rows_per_second(std::max(0.0, rows / seconds));
  }
}

RunController::Actions RunController::OnEnded(const WorkerEnd& end, Clock::time_point now) {
  Actions actions;
  const bool was_stopping = worker_ == Worker::kStopping;
  worker_ = Worker::kNone;
  samples_.clear();
  actions.store = true;

  // Asked to stop only to start again: how it ended does not matter, unless all is done.
  const bool is_restarting = was_stopping && run().target_state() == v1::TARGET_STATE_RUNNING;
  switch (end.kind) {
    case WorkerEnd::Kind::kFinished:
      TakeFinished(end.finished, was_stopping, now, &actions);
      break;
    case WorkerEnd::Kind::kRefused:
      if (!is_restarting) Fail(end.sentence, &actions);
      break;
    case WorkerEnd::Kind::kCrashed:
      if (!was_stopping) {
        TakeCrash(end, now, &actions);
      } else if (run().target_state() == v1::TARGET_STATE_STOPPED) {
        mutable_run()->set_reason(end.sentence);  // it has stopped, though not as asked
      }
      break;
    case WorkerEnd::Kind::kKilled:
      if (!was_stopping) BackOff(end.sentence, now, &actions);
      break;
  }
  if (HasEnded()) return actions;
  if (is_restarting) Launch(&actions);
  DeriveState();
  return actions;
}

void RunController::TakeFinished(const worker::v1::Finished& finished, bool was_stopping,
                                 Clock::time_point now, Actions* actions) {
  const bool is_restarting = was_stopping && run().target_state() == v1::TARGET_STATE_RUNNING;
  if (!finished.outputs().empty()) TakeOutputs(finished.outputs());
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    output.set_rows_per_second(0);
  }
  if (finished.code() != 0) {
    const bool is_final = !IsTheWorldsFault(finished.code()) || (is_one_shot_ && !was_stopping);
    if (is_final) {
      if (!is_restarting) Fail(finished.message(), actions);
    } else if (!was_stopping) {
      BackOff(finished.message(), now, actions);
    }
    return;
  }
  const bool have_all_ended =
      !finished.outputs().empty() &&
      std::all_of(finished.outputs().begin(), finished.outputs().end(),
                  [](const v1::OutputStatus& output) { return IsEnd(output.state()); });
  if (!have_all_ended) {
    if (!was_stopping) BackOff("The worker stopped without being asked to.", now, actions);
    return;
  }
  std::string reason;
  for (const v1::OutputStatus& output : finished.outputs()) {
    if (output.state() != v1::OUTPUT_STATE_FAILED) continue;
    reason +=
        fmt::format("{}output {}: {}", reason.empty() ? "" : " ", output.name(), output.reason());
  }
  if (!reason.empty() && is_restarting) return;
  for (const v1::GetRunStatisticsResponse& final : finished.statistics()) KeepStatistics(final);
  mutable_run()->set_state(reason.empty() ? v1::RUN_STATE_SUCCEEDED : v1::RUN_STATE_FAILED);
  mutable_run()->set_reason(reason);
}

void RunController::KeepStatistics(const v1::GetRunStatisticsResponse& final) {
  for (v1::GetRunStatisticsResponse& known : *record_.mutable_statistics()) {
    if (known.output() != final.output()) continue;
    known = final;
    return;
  }
  *record_.add_statistics() = final;
}

void RunController::TakeCrash(const WorkerEnd& end, Clock::time_point now, Actions* actions) {
  const bool is_new = end.component.empty() || crashes_.emplace(end.component, end.row).second;
  if (!is_new) {
    return Fail(fmt::format("{} Twice at the same place, so it would again: correct or replace "
                            "that plugin, then restart the run.",
                            end.sentence),
                actions);
  }
  BackOff(end.sentence, now, actions);
}

RunController::Actions RunController::OnLaunchFailed(const absl::Status& status,
                                                     Clock::time_point now) {
  WorkerEnd end;
  end.finished.set_code(static_cast<int32_t>(status.code()));
  end.finished.set_message(std::string(status.message()));
  return OnEnded(end, now);
}

void RunController::BackOff(const std::string& reason, Clock::time_point now, Actions* actions) {
  if (run().target_state() != v1::TARGET_STATE_RUNNING || is_daemon_stopping_) return;
  back_off_ = back_off_.count() == 0 ? kFirstBackOff : std::min(2 * back_off_, kLastBackOff);
  mutable_run()->set_restarts(run().restarts() + 1);
  mutable_run()->set_reason(reason);
  wake_ = now + back_off_;
  actions->wake = wake_;
}

void RunController::Fail(const std::string& reason, Actions* actions) {
  mutable_run()->set_state(v1::RUN_STATE_FAILED);
  mutable_run()->set_reason(reason);
  SettleOutputs(v1::OUTPUT_STATE_FAILED);
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    if (output.state() == v1::OUTPUT_STATE_FAILED && output.reason().empty()) {
      output.set_reason(reason);
    }
  }
  actions->store = true;
}

RunController::Actions RunController::OnTimer(Clock::time_point now) {
  Actions actions;
  if (!wake_ || now < *wake_) return actions;
  Launch(&actions);
  DeriveState();
  return actions;
}

void RunController::SettleOutputs(v1::OutputState state) {
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    if (IsEnd(output.state())) continue;
    output.set_state(state);
    output.set_rows_per_second(0);
    output.set_reason(state == v1::OUTPUT_STATE_BLOCKED ? run().reason() : "");
  }
}

void RunController::DeriveState() {
  if (HasEnded()) return;
  const v1::TargetState target = run().target_state();
  if (worker_ == Worker::kNone) {
    if (target == v1::TARGET_STATE_STOPPED) {
      mutable_run()->set_state(v1::RUN_STATE_STOPPED);
      SettleOutputs(v1::OUTPUT_STATE_STOPPED);
    } else if (target == v1::TARGET_STATE_PAUSED) {
      mutable_run()->set_state(v1::RUN_STATE_PAUSED);
      mutable_run()->clear_reason();
      SettleOutputs(v1::OUTPUT_STATE_PAUSED);
    } else {
      mutable_run()->set_state(v1::RUN_STATE_STARTING);
      SettleOutputs(wake_ ? v1::OUTPUT_STATE_BLOCKED : v1::OUTPUT_STATE_STARTING);
    }
    return;
  }
  if (worker_ == Worker::kPlanning) {
    mutable_run()->set_state(v1::RUN_STATE_STARTING);
    SettleOutputs(v1::OUTPUT_STATE_STARTING);
    return;
  }
  int live = 0;
  int paused = 0;
  int starting = 0;
  for (const v1::OutputStatus& output : run().outputs()) {
    if (IsEnd(output.state())) continue;
    ++live;
    paused += output.state() == v1::OUTPUT_STATE_PAUSED ? 1 : 0;
    starting += output.state() == v1::OUTPUT_STATE_STARTING ? 1 : 0;
  }
  if (live > 0 && paused == live) {
    mutable_run()->set_state(v1::RUN_STATE_PAUSED);
  } else if (live > 0 && starting == live) {
    mutable_run()->set_state(v1::RUN_STATE_STARTING);
  } else {
    mutable_run()->set_state(v1::RUN_STATE_RUNNING);
  }
  if (run().state() != v1::RUN_STATE_STARTING) mutable_run()->clear_reason();
}

}  // namespace throng
