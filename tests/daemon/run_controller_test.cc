#include "server/daemon/run_controller.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/daemon/worker_words.h"

namespace throng {
namespace {

using Clock = RunController::Clock;
using Verb = RunController::Verb;
using std::chrono::milliseconds;

constexpr Clock::time_point kNow = Clock::time_point(std::chrono::hours(1));

daemon::v1::RunRecord Record() {
  daemon::v1::RunRecord record;
  v1::Run* run = record.mutable_run();
  run->set_name("runs/a");
  run->set_target_state(v1::TARGET_STATE_RUNNING);
  run->set_state(v1::RUN_STATE_STARTING);
  v1::OutputStatus* output = run->add_outputs();
  output->set_name("csv");
  output->set_state(v1::OUTPUT_STATE_STARTING);
  output->set_total_rows(1000);
  return record;
}

worker::v1::Progress Progress(v1::OutputState state, int64_t position = 0) {
  return ProgressOf(state, position).progress();
}

WorkerEnd FinishedWith(absl::StatusCode code, const std::string& message) {
  WorkerEnd end;
  end.finished.set_code(static_cast<int32_t>(code));
  end.finished.set_message(message);
  return end;
}

WorkerEnd Refused() {
  WorkerEnd end;
  end.kind = WorkerEnd::Kind::kRefused;
  end.sentence = "Version.";
  return end;
}

// "RUNNING, begin" and the like: the run's state, its target where that differs, and what is to be
// done.
std::string Text(const RunController& controller, const RunController::Actions& actions) {
  const auto word = [](const std::string& name, std::string_view prefix) {
    return name.substr(prefix.size());
  };
  const v1::Run& run = controller.run();
  std::string text = word(v1::RunState_Name(run.state()), "RUN_STATE_");
  const std::string target = word(v1::TargetState_Name(run.target_state()), "TARGET_STATE_");
  if (target != text) text += " to " + target;
  const std::pair<bool, const char*> all[] = {
      {actions.store, "store"}, {actions.launch, "launch"}, {actions.begin, "begin"},
      {actions.pause, "pause"}, {actions.resume, "resume"}, {actions.tune, "tune"},
      {actions.stop, "stop"},   {actions.kill, "kill"},     {actions.wake.has_value(), "wake"}};
  for (const auto& [is_asked, name] : all) {
    if (is_asked) text += std::string(", ") + name;
  }
  return text;
}

using Build = std::function<void(RunController*)>;
using Event = std::function<std::string(RunController*)>;

void Ask(RunController* controller, Verb verb) {
  RunController::Actions actions;
  const absl::Status status = controller->Ask(verb, &actions);
  ASSERT_TRUE(status.ok()) << status;
}

// How to come to each state.
const std::vector<std::pair<std::string, Build>>& States() {
  static const Build kDeliver = [](RunController* c) {
    c->OnCreated();
    c->OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 10), kNow);
  };
  static const std::vector<std::pair<std::string, Build>> kStates = {
      {"planning", [](RunController* c) { c->OnDaemonStart(); }},
      {"delivering", kDeliver},
      {"blocked",
       [](RunController* c) {
         kDeliver(c);
         c->OnProgress(Progress(v1::OUTPUT_STATE_BLOCKED, 10), kNow);
       }},
      {"pausing",
       [](RunController* c) {
         kDeliver(c);
         Ask(c, Verb::kPause);
       }},
      {"paused",
       [](RunController* c) {
         kDeliver(c);
         Ask(c, Verb::kPause);
         c->OnProgress(Progress(v1::OUTPUT_STATE_PAUSED, 20), kNow);
       }},
      {"paused without a worker",
       [](RunController* c) {
         c->OnDaemonStart();
         Ask(c, Verb::kPause);
         c->OnEnded(KilledFromOutside(), kNow);
       }},
      {"stopping",
       [](RunController* c) {
         kDeliver(c);
         Ask(c, Verb::kStop);
       }},
      {"stopped",
       [](RunController* c) {
         kDeliver(c);
         Ask(c, Verb::kStop);
         c->OnEnded(FinishedAs(v1::OUTPUT_STATE_STOPPED, 30), kNow);
       }},
      {"backing off",
       [](RunController* c) {
         kDeliver(c);
         c->OnEnded(KilledFromOutside(), kNow);
       }},
      {"restarting",
       [](RunController* c) {
         kDeliver(c);
         Ask(c, Verb::kRestart);
       }},
      {"ending with the daemon",
       [](RunController* c) {
         kDeliver(c);
         c->OnDaemonStop();
       }},
      {"succeeded",
       [](RunController* c) {
         kDeliver(c);
         c->OnEnded(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000), kNow);
       }},
      {"failed",
       [](RunController* c) {
         kDeliver(c);
         c->OnEnded(FinishedAs(v1::OUTPUT_STATE_FAILED, 40), kNow);
       }},
  };
  return kStates;
}

std::string AskingForPace(RunController* controller) {
  v1::UpdateRunRequest request;
  request.mutable_run()->mutable_spec()->mutable_pace()->set_rate(5);
  request.mutable_update_mask()->add_paths("spec.pace");
  RunController::Actions actions;
  if (!controller->Update(request, 1, &actions).ok()) return "refused";
  return Text(*controller, actions);
}

Event Asking(Verb verb) {
  return [verb](RunController* controller) {
    RunController::Actions actions;
    const absl::Status status = controller->Ask(verb, &actions);
    if (!status.ok()) return std::string("refused");
    return Text(*controller, actions);
  };
}

Event Ending(const WorkerEnd& end) {
  return [end](RunController* controller) {
    return Text(*controller, controller->OnEnded(end, kNow));
  };
}

// What can happen. A worker's words and end come only while there is one.
const std::vector<std::pair<std::string, Event>>& Events() {
  static const std::vector<std::pair<std::string, Event>> kEvents = {
      {"asked to pause", Asking(Verb::kPause)},
      {"asked to resume", Asking(Verb::kResume)},
      {"asked to stop", Asking(Verb::kStop)},
      {"asked to restart", Asking(Verb::kRestart)},
      {"asked for another pace", AskingForPace},
      {"worker planned", [](RunController* c) { return Text(*c, c->OnPlanned()); }},
      {"worker delivers",
       [](RunController* c) {
         return Text(*c, c->OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 50), kNow));
       }},
      {"worker is blocked",
       [](RunController* c) {
         return Text(*c, c->OnProgress(Progress(v1::OUTPUT_STATE_BLOCKED, 50), kNow));
       }},
      {"worker holds",
       [](RunController* c) {
         return Text(*c, c->OnProgress(Progress(v1::OUTPUT_STATE_PAUSED, 50), kNow));
       }},
      {"worker is done", Ending(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000))},
      {"output failed", Ending(FinishedAs(v1::OUTPUT_STATE_FAILED, 50))},
      {"worker has stopped", Ending(FinishedAs(v1::OUTPUT_STATE_STOPPED, 50))},
      {"worker found no space",
       Ending(FinishedWith(absl::StatusCode::kResourceExhausted, "The disk is full."))},
      {"worker refused", Ending(FinishedWith(absl::StatusCode::kFailedPrecondition, "No."))},
      {"worker crashed", Ending(CrashedIn("choice `zipf`", 4096))},
      {"worker was killed", Ending(KilledFromOutside())},
      {"worker is of another version", Ending(Refused())},
      {"timer is due",
       [](RunController* c) { return Text(*c, c->OnTimer(kNow + std::chrono::seconds(1))); }},
      {"daemon stops", [](RunController* c) { return Text(*c, c->OnDaemonStop()); }},
      {"daemon starts anew",
       [](RunController* c) {
         *c = RunController(c->record());
         return Text(*c, c->OnDaemonStart());
       }},
      {"worker cannot be launched",
       [](RunController* c) {
         return Text(*c, c->OnLaunchFailed(absl::FailedPreconditionError("Gone."), kNow));
       }},
      {"positions are reset",
       [](RunController* c) {
         return c->IsAtRest() ? Text(*c, c->OnReset({})) : std::string("refused");
       }},
  };
  return kEvents;
}

// Reviewed line by line: state, event, then the run's state (and target) and what is to be done.
constexpr const char* kTable = R"(
planning | asked to pause | STARTING to PAUSED, store, kill
planning | asked to resume | STARTING to RUNNING, store
planning | asked to stop | STARTING to STOPPED, store, kill
planning | asked to restart | STARTING to RUNNING, store, kill
planning | asked for another pace | STARTING to RUNNING, store
planning | worker planned | STARTING to RUNNING, begin
planning | worker delivers | STARTING to RUNNING
planning | worker is blocked | STARTING to RUNNING
planning | worker holds | STARTING to RUNNING
planning | worker is done | SUCCEEDED to RUNNING, store
planning | output failed | FAILED to RUNNING, store
planning | worker has stopped | STARTING to RUNNING, store, wake
planning | worker found no space | STARTING to RUNNING, store, wake
planning | worker refused | FAILED to RUNNING, store
planning | worker crashed | STARTING to RUNNING, store, wake
planning | worker was killed | STARTING to RUNNING, store, wake
planning | worker is of another version | FAILED to RUNNING, store
planning | timer is due | STARTING to RUNNING
planning | daemon stops | STARTING to RUNNING, kill
planning | daemon starts anew | STARTING to RUNNING, launch
planning | worker cannot be launched | FAILED to RUNNING, store
planning | positions are reset | refused
delivering | asked to pause | RUNNING to PAUSED, store, pause
delivering | asked to resume | RUNNING, store
delivering | asked to stop | RUNNING to STOPPED, store, stop
delivering | asked to restart | RUNNING, store, stop
delivering | asked for another pace | RUNNING, store, tune
delivering | worker planned | RUNNING
delivering | worker delivers | RUNNING
delivering | worker is blocked | BLOCKED to RUNNING, store
delivering | worker holds | RUNNING
delivering | worker is done | SUCCEEDED to RUNNING, store
delivering | output failed | FAILED to RUNNING, store
delivering | worker has stopped | STARTING to RUNNING, store, wake
delivering | worker found no space | STARTING to RUNNING, store, wake
delivering | worker refused | FAILED to RUNNING, store
delivering | worker crashed | STARTING to RUNNING, store, wake
delivering | worker was killed | STARTING to RUNNING, store, wake
delivering | worker is of another version | FAILED to RUNNING, store
delivering | timer is due | RUNNING
delivering | daemon stops | RUNNING, stop
delivering | daemon starts anew | STARTING to RUNNING, launch
delivering | worker cannot be launched | FAILED to RUNNING, store
delivering | positions are reset | refused
blocked | asked to pause | BLOCKED to PAUSED, store, pause
blocked | asked to resume | BLOCKED to RUNNING, store
blocked | asked to stop | BLOCKED to STOPPED, store, stop
blocked | asked to restart | BLOCKED to RUNNING, store, stop
blocked | asked for another pace | BLOCKED to RUNNING, store, tune
blocked | worker planned | BLOCKED to RUNNING
blocked | worker delivers | RUNNING, store
blocked | worker is blocked | BLOCKED to RUNNING
blocked | worker holds | RUNNING, store
blocked | worker is done | SUCCEEDED to RUNNING, store
blocked | output failed | FAILED to RUNNING, store
blocked | worker has stopped | STARTING to RUNNING, store, wake
blocked | worker found no space | STARTING to RUNNING, store, wake
blocked | worker refused | FAILED to RUNNING, store
blocked | worker crashed | STARTING to RUNNING, store, wake
blocked | worker was killed | STARTING to RUNNING, store, wake
blocked | worker is of another version | FAILED to RUNNING, store
blocked | timer is due | BLOCKED to RUNNING
blocked | daemon stops | BLOCKED to RUNNING, stop
blocked | daemon starts anew | STARTING to RUNNING, launch
blocked | worker cannot be launched | FAILED to RUNNING, store
blocked | positions are reset | refused
pausing | asked to pause | RUNNING to PAUSED, store
pausing | asked to resume | RUNNING, store, resume
pausing | asked to stop | RUNNING to STOPPED, store, stop
pausing | asked to restart | RUNNING, store, stop
pausing | asked for another pace | RUNNING to PAUSED, store, tune
pausing | worker planned | RUNNING to PAUSED
pausing | worker delivers | RUNNING to PAUSED
pausing | worker is blocked | BLOCKED to PAUSED, store
pausing | worker holds | PAUSED, store
pausing | worker is done | SUCCEEDED to PAUSED, store
pausing | output failed | FAILED to PAUSED, store
pausing | worker has stopped | PAUSED, store
pausing | worker found no space | PAUSED, store
pausing | worker refused | FAILED to PAUSED, store
pausing | worker crashed | PAUSED, store
pausing | worker was killed | PAUSED, store
pausing | worker is of another version | FAILED to PAUSED, store
pausing | timer is due | RUNNING to PAUSED
pausing | daemon stops | RUNNING to PAUSED, stop
pausing | daemon starts anew | PAUSED
pausing | worker cannot be launched | FAILED to PAUSED, store
pausing | positions are reset | refused
paused | asked to pause | PAUSED, store
paused | asked to resume | RUNNING, store, resume
paused | asked to stop | PAUSED to STOPPED, store, stop
paused | asked to restart | PAUSED to RUNNING, store, stop
paused | asked for another pace | PAUSED, store, tune
paused | worker planned | PAUSED
paused | worker delivers | RUNNING to PAUSED, store
paused | worker is blocked | BLOCKED to PAUSED, store
paused | worker holds | PAUSED
paused | worker is done | SUCCEEDED to PAUSED, store
paused | output failed | FAILED to PAUSED, store
paused | worker has stopped | PAUSED, store
paused | worker found no space | PAUSED, store
paused | worker refused | FAILED to PAUSED, store
paused | worker crashed | PAUSED, store
paused | worker was killed | PAUSED, store
paused | worker is of another version | FAILED to PAUSED, store
paused | timer is due | PAUSED
paused | daemon stops | PAUSED, stop
paused | daemon starts anew | PAUSED
paused | worker cannot be launched | FAILED to PAUSED, store
paused | positions are reset | refused
paused without a worker | asked to pause | PAUSED, store
paused without a worker | asked to resume | STARTING to RUNNING, store, launch
paused without a worker | asked to stop | STOPPED, store
paused without a worker | asked to restart | STARTING to RUNNING, store, launch
paused without a worker | asked for another pace | PAUSED, store
paused without a worker | timer is due | PAUSED
paused without a worker | daemon stops | PAUSED
paused without a worker | daemon starts anew | PAUSED
paused without a worker | positions are reset | refused
stopping | asked to pause | refused
stopping | asked to resume | RUNNING, store
stopping | asked to stop | RUNNING to STOPPED, store
stopping | asked to restart | RUNNING, store
stopping | asked for another pace | RUNNING to STOPPED, store
stopping | worker planned | RUNNING to STOPPED
stopping | worker delivers | RUNNING to STOPPED
stopping | worker is blocked | BLOCKED to STOPPED, store
stopping | worker holds | PAUSED to STOPPED, store
stopping | worker is done | SUCCEEDED to STOPPED, store
stopping | output failed | FAILED to STOPPED, store
stopping | worker has stopped | STOPPED, store
stopping | worker found no space | STOPPED, store
stopping | worker refused | FAILED to STOPPED, store
stopping | worker crashed | STOPPED, store
stopping | worker was killed | STOPPED, store
stopping | worker is of another version | FAILED to STOPPED, store
stopping | timer is due | RUNNING to STOPPED
stopping | daemon stops | RUNNING to STOPPED
stopping | daemon starts anew | STOPPED
stopping | worker cannot be launched | FAILED to STOPPED, store
stopping | positions are reset | refused
stopped | asked to pause | refused
stopped | asked to resume | STARTING to RUNNING, store, launch
stopped | asked to stop | STOPPED, store
stopped | asked to restart | STARTING to RUNNING, store, launch
stopped | asked for another pace | STOPPED, store
stopped | timer is due | STOPPED
stopped | daemon stops | STOPPED
stopped | daemon starts anew | STOPPED
stopped | positions are reset | STOPPED, store
backing off | asked to pause | PAUSED, store
backing off | asked to resume | STARTING to RUNNING, store
backing off | asked to stop | STOPPED, store
backing off | asked to restart | STARTING to RUNNING, store, launch
backing off | asked for another pace | STARTING to RUNNING, store
backing off | timer is due | STARTING to RUNNING, launch
backing off | daemon stops | STARTING to RUNNING
backing off | daemon starts anew | STARTING to RUNNING, launch
backing off | positions are reset | refused
restarting | asked to pause | RUNNING to PAUSED, store
restarting | asked to resume | RUNNING, store
restarting | asked to stop | RUNNING to STOPPED, store
restarting | asked to restart | RUNNING, store
restarting | asked for another pace | RUNNING, store
restarting | worker planned | RUNNING
restarting | worker delivers | RUNNING
restarting | worker is blocked | BLOCKED to RUNNING, store
restarting | worker holds | RUNNING
restarting | worker is done | SUCCEEDED to RUNNING, store
restarting | output failed | STARTING to RUNNING, store, launch
restarting | worker has stopped | STARTING to RUNNING, store, launch
restarting | worker found no space | STARTING to RUNNING, store, launch
restarting | worker refused | STARTING to RUNNING, store, launch
restarting | worker crashed | STARTING to RUNNING, store, launch
restarting | worker was killed | STARTING to RUNNING, store, launch
restarting | worker is of another version | STARTING to RUNNING, store, launch
restarting | timer is due | RUNNING
restarting | daemon stops | RUNNING
restarting | daemon starts anew | STARTING to RUNNING, launch
restarting | worker cannot be launched | STARTING to RUNNING, store, launch
restarting | positions are reset | refused
ending with the daemon | asked to pause | RUNNING to PAUSED, store
ending with the daemon | asked to resume | RUNNING, store
ending with the daemon | asked to stop | RUNNING to STOPPED, store
ending with the daemon | asked to restart | RUNNING, store
ending with the daemon | asked for another pace | RUNNING, store
ending with the daemon | worker planned | RUNNING
ending with the daemon | worker delivers | RUNNING
ending with the daemon | worker is blocked | BLOCKED to RUNNING, store
ending with the daemon | worker holds | RUNNING
ending with the daemon | worker is done | SUCCEEDED to RUNNING, store
ending with the daemon | output failed | STARTING to RUNNING, store
ending with the daemon | worker has stopped | STARTING to RUNNING, store
ending with the daemon | worker found no space | STARTING to RUNNING, store
ending with the daemon | worker refused | STARTING to RUNNING, store
ending with the daemon | worker crashed | STARTING to RUNNING, store
ending with the daemon | worker was killed | STARTING to RUNNING, store
ending with the daemon | worker is of another version | STARTING to RUNNING, store
ending with the daemon | timer is due | RUNNING
ending with the daemon | daemon stops | RUNNING
ending with the daemon | daemon starts anew | STARTING to RUNNING, launch
ending with the daemon | worker cannot be launched | STARTING to RUNNING, store
ending with the daemon | positions are reset | refused
succeeded | asked to pause | refused
succeeded | asked to resume | refused
succeeded | asked to stop | refused
succeeded | asked to restart | refused
succeeded | asked for another pace | refused
succeeded | timer is due | SUCCEEDED to RUNNING
succeeded | daemon stops | SUCCEEDED to RUNNING
succeeded | daemon starts anew | SUCCEEDED to RUNNING
succeeded | positions are reset | STOPPED, store
failed | asked to pause | refused
failed | asked to resume | refused
failed | asked to stop | refused
failed | asked to restart | STARTING to RUNNING, store, launch
failed | asked for another pace | FAILED to RUNNING, store
failed | timer is due | FAILED to RUNNING
failed | daemon stops | FAILED to RUNNING
failed | daemon starts anew | FAILED to RUNNING
failed | positions are reset | STOPPED, store
)";

TEST(RunController, EveryEventInEveryStateDoesWhatTheTableSays) {
  std::string table;
  for (const auto& [state, build] : States()) {
    for (const auto& [event, happen] : Events()) {
      RunController controller(Record());
      build(&controller);
      if (event.starts_with("worker") || event.starts_with("output")) {
        if (!controller.HasWorker()) continue;
      }
      table += fmt::format("{} | {} | {}\n", state, event, happen(&controller));
    }
  }
  EXPECT_EQ("\n" + table, kTable);
}

class RunControllerTest : public testing::Test {
 protected:
  RunControllerTest() : controller_(Record()) { controller_.OnCreated(); }

  // A worker that crashes, and the one that is started instead.
  RunController::Actions CrashAndRelaunch(const WorkerEnd& end) {
    const RunController::Actions actions = controller_.OnEnded(end, kNow);
    if (actions.wake) {
      EXPECT_TRUE(controller_.OnTimer(*actions.wake).launch);
      EXPECT_TRUE(controller_.OnPlanned().begin);
    }
    return actions;
  }

  RunController controller_;
};

TEST_F(RunControllerTest, ACrashTwiceAtTheSamePlaceFailsTheRunAndNamesIt) {
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("choice `zipf`", 4096)).wake);
  EXPECT_EQ(controller_.run().restarts(), 1);
  EXPECT_EQ(controller_.run().reason(), "SIGSEGV in choice `zipf` at row 4096.");
  EXPECT_FALSE(CrashAndRelaunch(CrashedIn("choice `zipf`", 4096)).wake);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(controller_.run().reason(),
              testing::StartsWith("SIGSEGV in choice `zipf` at row 4096. Twice at the same place"));
}

TEST_F(RunControllerTest, CrashesElsewhereAreTriedAgain) {
  for (int64_t row = 0; row < 10; ++row) {
    EXPECT_TRUE(CrashAndRelaunch(CrashedIn("choice `zipf`", row)).wake);
  }
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("rating `zipf`", 9)).wake);
}

TEST_F(RunControllerTest, CrashesByTurnsAtTwoPlacesFailTheRun) {
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("choice `zipf`", 4096)).wake);
  EXPECT_TRUE(
      CrashAndRelaunch(CrashedIn("choice `zipf`", 8192)).wake);  // another thread was faster
  EXPECT_FALSE(CrashAndRelaunch(CrashedIn("choice `zipf`", 4096)).wake);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_FAILED);
}

TEST_F(RunControllerTest, AnOutputThatAdvancesDoesNotHideTheCrashesOfAnother) {
  worker::v1::Progress progress = Progress(v1::OUTPUT_STATE_RUNNING, 100);
  *progress.add_outputs() = OutputOf("csv", v1::OUTPUT_STATE_RUNNING, 5000);
  controller_.OnProgress(progress, kNow);
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("sink `journal`", 4096)).wake);
  progress.mutable_outputs(1)->set_position(6000);
  controller_.OnProgress(progress, kNow);
  EXPECT_FALSE(CrashAndRelaunch(CrashedIn("sink `journal`", 4096)).wake);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_FAILED);
}

TEST_F(RunControllerTest, ShowsWhatComponentsCountUntilTheNextReport) {
  worker::v1::Progress progress = Progress(v1::OUTPUT_STATE_RUNNING, 100);
  v1::ComponentMetric* metric = progress.add_metrics();
  metric->set_name("bytes_total");
  metric->set_value(12);
  controller_.OnProgress(progress, kNow);
  metric->set_value(13);
  controller_.OnProgress(progress, kNow);
  ASSERT_EQ(controller_.run().metrics_size(), 1);
  EXPECT_EQ(controller_.run().metrics(0).value(), 13);
}

TEST_F(RunControllerTest, ACrashIsForgottenOnceEveryOutputIsPastIt) {
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("sink `journal`", 400)).wake);
  controller_.OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 500), kNow);
  EXPECT_EQ(controller_.run().reason(), "");
  EXPECT_TRUE(CrashAndRelaunch(CrashedIn("sink `journal`", 400)).wake);
}

TEST_F(RunControllerTest, TheBackOffDoublesToHalfAMinuteAndProgressEndsIt) {
  std::vector<int64_t> waits;
  const auto kill = [&] {
    const auto actions = CrashAndRelaunch(KilledFromOutside());
    waits.push_back(std::chrono::duration_cast<milliseconds>(*actions.wake - kNow).count());
  };
  for (int i = 0; i < 12; ++i) kill();
  controller_.OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 1), kNow);
  kill();
  EXPECT_THAT(waits, testing::ElementsAre(50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600,
                                          30000, 30000, 50));
}

TEST_F(RunControllerTest, WhileItBacksOffItsOutputsSayWhy) {
  controller_.OnEnded(KilledFromOutside(), kNow);
  EXPECT_EQ(controller_.run().outputs(0).state(), v1::OUTPUT_STATE_BLOCKED);
  EXPECT_EQ(controller_.run().outputs(0).reason(), "SIGKILL from outside.");
}

TEST_F(RunControllerTest, AFailedOutputIsNamedInTheRunsReason) {
  WorkerEnd end = FinishedAs(v1::OUTPUT_STATE_FAILED, 10);
  end.finished.mutable_outputs(0)->set_reason("sink `file`: a.csv was replaced.");
  controller_.OnEnded(end, kNow);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(controller_.run().reason(), "output csv: sink `file`: a.csv was replaced.");
}

TEST_F(RunControllerTest, RatesAreMeasuredOverSomeSeconds) {
  for (int second = 0; second <= 10; ++second) {
    controller_.OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, int64_t{100} * second),
                           kNow + std::chrono::seconds(second));
  }
  EXPECT_NEAR(controller_.run().outputs(0).rows_per_second(), 100, 1e-9);
}

TEST_F(RunControllerTest, WhatAnEarlierWorkerDeliveredIsNoRate) {
  controller_.OnProgress(Progress(v1::OUTPUT_STATE_STARTING), kNow);
  controller_.OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 900), kNow + milliseconds(100));
  controller_.OnProgress(Progress(v1::OUTPUT_STATE_RUNNING, 910), kNow + milliseconds(200));
  EXPECT_NEAR(controller_.run().outputs(0).rows_per_second(), 100, 1e-6);
}

TEST_F(RunControllerTest, AReportOfAnEarlierPauseIsNotTakenForTheNewOne) {
  const auto report = [&](int64_t commands) {
    worker::v1::Progress progress = Progress(v1::OUTPUT_STATE_PAUSED, 10);
    progress.set_commands(commands);
    controller_.OnProgress(progress, kNow);
    return controller_.run().state();
  };
  Ask(&controller_, Verb::kPause);
  EXPECT_EQ(report(0), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(report(1), v1::RUN_STATE_PAUSED);
  Ask(&controller_, Verb::kResume);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(report(1), v1::RUN_STATE_RUNNING);
  Ask(&controller_, Verb::kPause);
  EXPECT_EQ(report(1), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(report(2), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(report(3), v1::RUN_STATE_PAUSED);
}

TEST_F(RunControllerTest, AWorkerThatIsDeafToStopIsNamed) {
  Ask(&controller_, Verb::kStop);
  controller_.OnEnded(CrashedIn("sink `deaf`", 4096), kNow);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_STOPPED);
  EXPECT_EQ(controller_.run().reason(), "SIGSEGV in sink `deaf` at row 4096.");
  Ask(&controller_, Verb::kResume);
  EXPECT_EQ(controller_.run().reason(), "");
}

TEST_F(RunControllerTest, RestartedAFailedOutputStartsToo) {
  controller_.OnEnded(FinishedAs(v1::OUTPUT_STATE_FAILED, 10), kNow);
  Ask(&controller_, Verb::kRestart);
  EXPECT_EQ(controller_.run().outputs(0).state(), v1::OUTPUT_STATE_STARTING);
}

TEST(RunController, AOneShotRunFailsWithWhatItsWorkerHasGivenUp) {
  RunController controller(Record(), /*is_one_shot=*/true);
  controller.OnCreated();
  const auto actions =
      controller.OnEnded(FinishedWith(absl::StatusCode::kUnavailable, "The lock is held."), kNow);
  EXPECT_FALSE(actions.wake);
  EXPECT_EQ(controller.run().state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(controller.run().reason(), "The lock is held.");
}

TEST_F(RunControllerTest, ARefusedVerbSaysWhichDoFit) {
  controller_.OnEnded(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000), kNow);
  RunController::Actions actions;
  const absl::Status status = controller_.Ask(Verb::kPause, &actions);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(status.message()),
            "The run has succeeded and cannot be paused; delete it, or create another.");
}

TEST_F(RunControllerTest, ResetItStartsOver) {
  controller_.OnEnded(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000), kNow);
  ASSERT_TRUE(controller_.IsAtRest());
  google::protobuf::RepeatedPtrField<v1::Position> positions;
  positions.Add()->set_output("csv");
  EXPECT_TRUE(controller_.OnReset(positions).store);
  EXPECT_EQ(controller_.run().state(), v1::RUN_STATE_STOPPED);
  EXPECT_EQ(controller_.run().outputs(0).position(), 0);
  RunController::Actions actions;
  EXPECT_TRUE(controller_.Ask(Verb::kResume, &actions).ok());
  EXPECT_TRUE(actions.launch);
}

TEST_F(RunControllerTest, WhatWasNotResetStaysAsItIs) {
  WorkerEnd end = FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000);
  *end.finished.add_outputs() = OutputOf("csv", v1::OUTPUT_STATE_SUCCEEDED, 1000);
  end.finished.mutable_outputs(1)->set_name("json");
  end.finished.add_statistics()->set_output("csv");
  end.finished.add_statistics()->set_output("json");
  controller_.OnEnded(end, kNow);
  google::protobuf::RepeatedPtrField<v1::Position> positions;
  positions.Add()->set_output("csv");
  v1::Position* json = positions.Add();
  json->set_output("json");
  json->set_row(1000);
  json->set_is_complete(true);
  controller_.OnReset(positions);
  EXPECT_EQ(controller_.run().outputs(0).state(), v1::OUTPUT_STATE_STOPPED);
  EXPECT_EQ(controller_.run().outputs(0).position(), 0);
  EXPECT_EQ(controller_.run().outputs(1).state(), v1::OUTPUT_STATE_SUCCEEDED);
  EXPECT_EQ(controller_.run().outputs(1).position(), 1000);
  ASSERT_EQ(controller_.record().statistics_size(), 1);
  EXPECT_EQ(controller_.record().statistics(0).output(), "json");
}

}  // namespace
}  // namespace throng
