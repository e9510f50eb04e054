#include "server/daemon/run_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "server/daemon/errors.h"
#include "server/daemon/run_labels.h"

namespace throng {
namespace {

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

bool RunController::IsEnd(v1::OutputState state) {
  return state == v1::OUTPUT_STATE_SUCCEEDED || state == v1::OUTPUT_STATE_FAILED;
}

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
  back_off_ = {};
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

absl::Status RunController::Update(const v1::UpdateRunRequest& request, int64_t now_ms,
                                   Actions* actions) {
  const v1::Run& wanted = request.run();
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "labels") *mutable_run()->mutable_labels() = wanted.labels();
    if (path == "annotations") *mutable_run()->mutable_annotations() = wanted.annotations();
    const bool is_pace = path == "spec.pace";
    if (!is_pace && path != "spec.threads") continue;
    if (run().state() == v1::RUN_STATE_SUCCEEDED) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                       fmt::format("The run has succeeded; `{}` says nothing any more.", path));
    }
    for (v1::RunSpec* spec : {mutable_run()->mutable_spec(), record_.mutable_asked()}) {
      if (!is_pace) {
        spec->set_threads(wanted.spec().threads());
      } else if (wanted.spec().has_pace()) {
        *spec->mutable_pace() = wanted.spec().pace();
      } else {
        spec->clear_pace();
      }
    }
    if (is_pace) record_.set_pace_ms(now_ms);
    actions->tune = worker_ == Worker::kDelivering;
  }
  actions->store = true;
  return absl::OkStatus();
}

worker::v1::Tune RunController::Tune(int64_t start_ms) const {
  worker::v1::Tune tune;
  *tune.mutable_pace() = run().spec().pace();
  tune.set_profile_start_ms(std::max(start_ms, record_.pace_ms()));
  tune.set_threads(run().spec().threads());
  return tune;
}

void RunController::MarkChanged(int64_t now_ms) { throng::MarkChanged(now_ms, mutable_run()); }

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
    output.set_committed_rows(0);
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
  int blocked = 0;
  std::string why;
  for (const v1::OutputStatus& output : run().outputs()) {
    if (IsEnd(output.state())) continue;
    ++live;
    paused += output.state() == v1::OUTPUT_STATE_PAUSED ? 1 : 0;
    starting += output.state() == v1::OUTPUT_STATE_STARTING ? 1 : 0;
    if (output.state() != v1::OUTPUT_STATE_BLOCKED) continue;
    ++blocked;
    why += fmt::format("{}output {}: {}", why.empty() ? "" : " ", output.name(), output.reason());
  }
  if (live > 0 && paused == live) {
    mutable_run()->set_state(v1::RUN_STATE_PAUSED);
  } else if (live > 0 && starting == live) {
    mutable_run()->set_state(v1::RUN_STATE_STARTING);
  } else if (live > 0 && blocked == live) {
    mutable_run()->set_state(v1::RUN_STATE_BLOCKED);
  } else {
    mutable_run()->set_state(v1::RUN_STATE_RUNNING);
  }
  if (run().state() == v1::RUN_STATE_STARTING) return;
  mutable_run()->set_reason(run().state() == v1::RUN_STATE_BLOCKED ? why : "");
}

}  // namespace throng
