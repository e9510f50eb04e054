#include "server/daemon/run_controller.h"

#include <fmt/format.h>

#include <algorithm>

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
  crash_.clear();
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
      mutable_run()->set_target_state(v1::TARGET_STATE_PAUSED);
      wake_.reset();
      if (worker_ == Worker::kDelivering) actions->pause = true;
      if (worker_ == Worker::kPlanning) EndWorker(actions);
      break;
    case Verb::kResume:
      mutable_run()->set_target_state(v1::TARGET_STATE_RUNNING);
      if (worker_ == Worker::kDelivering) actions->resume = true;
      if (worker_ == Worker::kNone && !wake_) Launch(actions);
      break;
    case Verb::kStop:
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
      ForgetTroubles();
      EndWorker(actions);
      Launch(actions);  // unless the worker has still to end
      break;
  }
  actions->store = true;
  DeriveState();
  return absl::OkStatus();
}

RunController::Actions RunController::OnReset() {
  Actions actions;
  actions.store = true;
  mutable_run()->set_target_state(v1::TARGET_STATE_STOPPED);
  mutable_run()->set_state(v1::RUN_STATE_STOPPED);
  mutable_run()->clear_reason();
  mutable_run()->clear_end_time();
  record_.clear_statistics();
  for (v1::OutputStatus& output : *mutable_run()->mutable_outputs()) {
    output.set_state(v1::OUTPUT_STATE_STOPPED);
    output.clear_reason();
    output.set_position(0);
    output.set_rows(0);
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
  TakeOutputs(progress.outputs());
  MeasureRates(now);
  DeriveState();
  return actions;
}

void RunController::TakeOutputs(
    const google::protobuf::RepeatedPtrField<v1::OutputStatus>& outputs) {
  bool is_advanced = false;
  for (int i = 0; i < std::min(outputs.size(), run().outputs_size()); ++i) {
    is_advanced = is_advanced || outputs[i].position() > run().outputs(i).position();
  }
  if (is_advanced) {
    ForgetTroubles();
    mutable_run()->clear_reason();
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
}

void RunController::MeasureRates(Clock::time_point now) {
  Sample sample{now, {}};
  for (const v1::OutputStatus& output : run().outputs()) sample.rows.push_back(output.rows());
  samples_.push_back(std::move(sample));
  while (samples_.size() > 2 && samples_[1].time + kRateWindow < now) samples_.pop_front();
  const Sample& first = samples_.front();
  const double seconds = std::chrono::duration<double>(now - first.time).count();
  for (int i = 0; i < run().outputs_size(); ++i) {
    v1::OutputStatus* output = mutable_run()->mutable_outputs(i);
    const bool is_delivering = output->state() == v1::OUTPUT_STATE_RUNNING;
    const auto index = static_cast<size_t>(i);
    const int64_t rows =
        index < first.rows.size() ? std::max<int64_t>(0, output->rows() - first.rows[index]) : 0;
    output->set_rows_per_second(is_delivering && seconds > 0 ? static_cast<double>(rows) / seconds
                                                             : 0);
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
      if (!was_stopping) TakeCrash(end, now, &actions);
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
    if (!IsTheWorldsFault(finished.code())) {
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
  *record_.mutable_statistics() = finished.statistics();
  mutable_run()->set_state(reason.empty() ? v1::RUN_STATE_SUCCEEDED : v1::RUN_STATE_FAILED);
  mutable_run()->set_reason(reason);
}

void RunController::TakeCrash(const WorkerEnd& end, Clock::time_point now, Actions* actions) {
  const std::string crash = fmt::format("{} {}", end.component, end.row);
  if (!end.component.empty() && crash == crash_) {
    return Fail(fmt::format("{} Twice at the same place, so it would again: correct or replace "
                            "that plugin, then restart the run.",
                            end.sentence),
                actions);
  }
  crash_ = crash;
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
      mutable_run()->clear_reason();
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
}

}  // namespace throng
