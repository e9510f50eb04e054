// What a run's worker says and how it ended, taken into the run.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "server/daemon/run_controller.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLastBackOff{30'000};
constexpr std::chrono::seconds kRateWindow{5};

// Whether a job that ended with this code may do better later.
bool IsTheWorldsFault(int32_t code) {
  const auto c = static_cast<absl::StatusCode>(code);
  return c == absl::StatusCode::kUnavailable || c == absl::StatusCode::kResourceExhausted ||
         c == absl::StatusCode::kAborted || c == absl::StatusCode::kCancelled;
}

}  // namespace

RunController::Actions RunController::OnProgress(const worker::v1::Progress& progress,
                                                 Clock::time_point now) {
  Actions actions;
  if (progress.outputs().empty() || worker_ == Worker::kNone || worker_ == Worker::kPlanning) {
    return actions;
  }
  const v1::RunState before = run().state();
  TakeOutputs(progress.outputs());
  *mutable_run()->mutable_metrics() = progress.metrics();
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
      known->set_committed_rows(before.committed_rows());
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

}  // namespace throng
