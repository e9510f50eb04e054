// The engine's decisions, with workers and a clock that do as the test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "server/daemon/run_engine.h"
#include "tests/daemon/fake_workers.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

// Later than anything here takes; and a time that is over.
Deadline Soon() { return std::chrono::steady_clock::now() + std::chrono::minutes(5); }
Deadline Past() { return std::chrono::steady_clock::now() - std::chrono::seconds(1); }

v1::CreateRunRequest Request(const std::string& id) {
  v1::CreateRunRequest request;
  request.set_run_id(id);
  request.mutable_source()->add_layers()->set_text("{}");
  return request;
}

// A worker that has said Finished.
WorkerEnd FinishedWith(const worker::v1::Finished& finished) {
  WorkerEnd end;
  end.finished = finished;
  return end;
}

class EngineCallsTest : public testing::Test {
 protected:
  explicit EngineCallsTest(const std::string& folder = "")
      : state_folder_(folder), store_(*RunStore::Open(folder)) {
    Start();
  }
  ~EngineCallsTest() override {
    engine_->Stop(Past());  // else a write that fails sets a timer of workers that are gone
    End();
  }

  // A new engine over the same store, as after the death of the daemon.
  void Start() {
    workers_ = std::make_unique<FakeWorkers>();
    index_ =
        std::make_unique<PluginIndex>(std::vector<std::string>{}, state_folder_, workers_.get());
    RunEngine::Parts parts;
    parts.config.state_folder = state_folder_;
    parts.log = [this](const std::string& sentence) { said_.push_back(sentence); };
    parts.on_trouble = [this](const std::string& trouble) { trouble_ = trouble; };
    parts.on_change = [this](const std::string& name, const v1::Run& now) {
      told_[name] = now.state();
      if (now.name().empty()) told_.erase(name);
    };
    parts.on_drain = [this] { ++drains_; };
    parts.config.max_streams = 1;
    parts.config.ended_runs = 2;
    parts.config.input_roots = {"/in"};
    parts.is_ephemeral = is_ephemeral_;
    parts.workers = workers_.get();
    parts.timers = workers_.get();
    parts.index = index_.get();
    parts.store = store_.get();
    engine_ = std::make_unique<RunEngine>(parts);
    ASSERT_TRUE(engine_->Start().ok());
    workers_->Settle();
  }
  void End() {
    workers_.reset();
    engine_.reset();
    index_.reset();
  }

  v1::Run Create(const v1::CreateRunRequest& request) {
    const auto run = engine_->CreateRun(request, {Soon()});
    EXPECT_TRUE(run.ok()) << run.status();
    workers_->Settle();
    return run.ok() ? *run : v1::Run();
  }
  v1::Run Get(const std::string& id) {
    const auto run = engine_->GetRun("runs/" + id);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : v1::Run();
  }
  void Say(const worker::v1::FromWorker& message) {
    workers_->Say(workers_->last(), message);
    workers_->Settle();
  }
  void EndWorker(const WorkerEnd& end) {
    workers_->End(workers_->last(), end);
    workers_->Settle();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto runs = engine_->ListRuns({});
    EXPECT_TRUE(runs.ok()) << runs.status();
    for (const v1::Run& run : runs->runs()) names.push_back(run.name());
    return names;
  }

  bool is_ephemeral_ = false;
  std::vector<std::string> said_;
  std::string trouble_;
  int drains_ = 0;
  std::map<std::string, v1::RunState> told_;  // by on_change
  const std::string state_folder_;
  const std::unique_ptr<RunStore> store_;
  std::unique_ptr<FakeWorkers> workers_;
  std::unique_ptr<PluginIndex> index_;
  std::unique_ptr<RunEngine> engine_;
};

// ---- Creation ----

TEST_F(EngineCallsTest, TheWorkerThatPlannedARunDeliversIt) {
  const v1::Run created = Create(Request("a"));
  EXPECT_EQ(created.name(), "runs/a");
  EXPECT_EQ(created.uid().size(), 32U);
  EXPECT_EQ(created.state(), v1::RUN_STATE_STARTING);
  EXPECT_EQ(created.outputs(0).total_rows(), 1000);
  EXPECT_EQ(workers_->launches(), 1U);
  EXPECT_EQ(workers_->SentTo(1), "begin");
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_RUNNING);
  EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(Get("a").has_end_time());
}

TEST_F(EngineCallsTest, WhoWatchesTheDaemonIsToldOfEveryRun) {
  using testing::Pair;
  Create(Request("a"));
  EXPECT_THAT(told_, ElementsAre(Pair("runs/a", v1::RUN_STATE_STARTING)));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  EXPECT_THAT(told_, ElementsAre(Pair("runs/a", v1::RUN_STATE_RUNNING)));
  EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  EXPECT_THAT(told_, ElementsAre(Pair("runs/a", v1::RUN_STATE_SUCCEEDED)));
  Create(Request("b"));
  engine_->Stop(Soon());
  End();
  told_.clear();
  Start();
  EXPECT_THAT(told_, ElementsAre(Pair("runs/a", v1::RUN_STATE_SUCCEEDED),
                                 Pair("runs/b", v1::RUN_STATE_STARTING)));
  ASSERT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
  EXPECT_THAT(told_, ElementsAre(Pair("runs/b", testing::_)));
}

TEST_F(EngineCallsTest, WhatAWorkerSaysRightAfterItPlannedIsHeard) {
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    workers_->Say(id, PlannedFor(start));
    workers_->Say(id, ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
    workers_->End(id, FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  };
  Create(Request("a"));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(EngineCallsTest, CreatedPausedItDeliversOnceResumed) {
  v1::CreateRunRequest request = Request("a");
  request.set_paused(true);
  EXPECT_EQ(Create(request).state(), v1::RUN_STATE_PAUSED);
  EXPECT_EQ(workers_->alive(), 0U);
  ASSERT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
  workers_->Settle();
  EXPECT_EQ(workers_->SentTo(2), "begin");
}

TEST_F(EngineCallsTest, NamesThatAreTakenOrNoneAreRefused) {
  Create(Request("a"));
  const auto taken = engine_->CreateRun(Request("a"), {Soon()});
  EXPECT_EQ(taken.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("`runs/a`"));
  EXPECT_EQ(workers_->launches(), 1U);  // which is known without a worker
  for (const char* id : {"-a", "A", "a_b", "1a", "a-"}) {
    const auto run = engine_->CreateRun(Request(id), {Soon()});
    EXPECT_EQ(run.status().code(), StatusCode::kInvalidArgument) << id;
  }
  EXPECT_EQ(Create(Request("")).name(), "runs/run-2");
}

TEST_F(EngineCallsTest, ACreationThatIsRepeatedWhileItIsUnderWayIsOneRun) {
  std::vector<WorkerId> launched;
  workers_->on_launch = [&](WorkerId id, const worker::v1::Start& start) {
    launched.push_back(id);
    if (launched.size() < 2) return;
    for (const WorkerId worker : launched) workers_->Say(worker, PlannedFor(start));
  };
  v1::CreateRunRequest request = Request("");
  request.set_request_id("once");
  auto create = [&] { return engine_->CreateRun(request, {Soon()}); };
  auto one = std::async(std::launch::async, create);
  auto other = std::async(std::launch::async, create);
  const auto first = one.get();
  const auto second = other.get();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->name(), second->name());
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 1U);
}

TEST_F(EngineCallsTest, ARunOfTooManyOutputsIsRefused) {
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    workers_->Say(id, PlannedFor(start, std::vector<std::string>(257, "csv")));
  };
  const auto run = engine_->CreateRun(Request("a"), {Soon()});
  EXPECT_EQ(run.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(run.status().message()),
              HasSubstr("Has 257 outputs, and a run may have 256"));
  EXPECT_THAT(Names(), ElementsAre());
}

TEST_F(EngineCallsTest, ValidateOnlyLeavesNothingBehind) {
  v1::CreateRunRequest request = Request("a");
  request.set_validate_only(true);
  EXPECT_EQ(Create(request).warnings_size(), 1);
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_THAT(Names(), ElementsAre());
  EXPECT_TRUE(store_->All()->empty());
}

TEST_F(EngineCallsTest, MistakesInASpecAreAllNamedAndNothingIsStored) {
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start&) {
    WorkerEnd end;
    end.finished.set_code(static_cast<int32_t>(StatusCode::kInvalidArgument));
    for (const char* field : {"dataset.usrs", "outputs[0].sink"}) {
      v1::SpecProblem* problem = end.finished.add_problems();
      problem->set_field(field);
      problem->set_message("No.");
    }
    workers_->End(id, end);
  };
  const auto run = engine_->CreateRun(Request("a"), {Soon()});
  EXPECT_EQ(run.status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(run.status().GetPayload("type.googleapis.com/google.rpc.BadRequest").has_value());
  EXPECT_TRUE(store_->All()->empty());
  v1::ValidateSpecRequest request;
  *request.mutable_source() = Request("a").source();
  const auto validated = engine_->ValidateSpec(request, {Soon()});
  ASSERT_TRUE(validated.ok()) << validated.status();
  EXPECT_EQ(validated->problems_size(), 2);
}

TEST_F(EngineCallsTest, ACallThatRunsOutOfTimeEndsItsWorker) {
  workers_->on_launch = [](WorkerId, const worker::v1::Start&) {};
  EXPECT_EQ(engine_->CreateRun(Request("a"), {Past()}).status().code(),
            StatusCode::kDeadlineExceeded);
  v1::PlanRequest plan;
  *plan.mutable_source() = Request("a").source();
  EXPECT_EQ(engine_->Plan(plan, {Past()}).status().code(), StatusCode::kDeadlineExceeded);
  v1::GenerateRequest generate;
  *generate.mutable_source() = Request("a").source();
  for (int i = 0; i < 3; ++i) {  // of one stream that may be open
    EXPECT_EQ(engine_->Generate(generate, {Past()}).status().code(), StatusCode::kDeadlineExceeded);
  }
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
}

TEST_F(EngineCallsTest, ACallThatIsCancelledEndsItsWorkerAndCreatesNothing) {
  std::promise<void> is_launched;
  workers_->on_launch = [&](WorkerId, const worker::v1::Start&) { is_launched.set_value(); };
  std::stop_source caller;
  auto run = std::async(std::launch::async, [&] {
    return engine_->CreateRun(Request("a"), {Soon(), caller.get_token()});
  });
  is_launched.get_future().wait();
  caller.request_stop();
  EXPECT_EQ(run.get().status().code(), StatusCode::kCancelled);
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_THAT(Names(), ElementsAre());
  EXPECT_TRUE(store_->All()->empty());
}

TEST_F(EngineCallsTest, ACallThatIsCancelledAsItsPlanComesCreatesNothing) {
  std::stop_source caller;
  workers_->on_launch = [&](WorkerId id, const worker::v1::Start& start) {
    caller.request_stop();
    workers_->Say(id, PlannedFor(start));
  };
  EXPECT_EQ(engine_->CreateRun(Request("a"), {Soon(), caller.get_token()}).status().code(),
            StatusCode::kCancelled);
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_THAT(Names(), ElementsAre());
}

TEST(PlanningQueue, LetsSoManyThroughAndSoManyWait) {
  PlanningQueue queue(1, 1);
  auto first = std::make_optional(queue.Wait({Soon()}));
  ASSERT_TRUE(first->ok()) << first->status();
  auto second = std::async(std::launch::async, [&] {
    absl::Status status;
    do {
      status = queue.Wait({Soon()}).status();  // while the third waits
    } while (status.code() == StatusCode::kResourceExhausted);
    return status;
  });
  absl::Status third;
  do {
    third = queue.Wait({Past()}).status();  // until the second waits
  } while (third.code() == StatusCode::kDeadlineExceeded);
  EXPECT_EQ(third.code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(third.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  first.reset();
  EXPECT_TRUE(second.get().ok());
  EXPECT_TRUE(queue.Wait({Soon()}).ok());
}

TEST_F(EngineCallsTest, AFullDiskRefusesARunAndTakesTheNext) {
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    worker::v1::FromWorker planned = PlannedFor(start);
    planned.mutable_planned()->mutable_plan()->add_warnings(std::string(200'000, 'x'));
    workers_->Say(id, planned);
  };
  store_->LimitPages(8);
  const auto refused = engine_->CreateRun(Request("a"), {Soon()});
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("is full"));
  EXPECT_THAT(Names(), ElementsAre());
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
  store_->LimitPages(1'000'000);
  Create(Request("a"));
  EXPECT_THAT(Names(), ElementsAre("runs/a"));
}

TEST_F(EngineCallsTest, AFullDiskKeepsNobodyFromStoppingARun) {
  Create(Request("a"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  workers_->on_message = [this](WorkerId id, const worker::v1::ToWorker&) {
    WorkerEnd end = FinishedAs(v1::OUTPUT_STATE_STOPPED, 10);
    end.finished.mutable_outputs(0)->set_place(std::string(200'000, 'x'));
    workers_->End(id, end);
  };
  store_->LimitPages(8);
  const auto stopped = engine_->StopRun({"runs/a"});
  EXPECT_TRUE(stopped.ok()) << stopped.status();
  workers_->Settle();
  store_->Flush();
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_STOPPED);
  EXPECT_THAT(Get("a").reason(), HasSubstr("Not stored yet"));
  EXPECT_THAT(Get("a").reason(), HasSubstr("is full"));
  EXPECT_THAT(trouble_, testing::Not(testing::IsEmpty()));
  uint64_t next = 0;
  EXPECT_THAT(engine_->ReadLog("runs/a", &next)->back().message(), HasSubstr("not stored yet"));
  EXPECT_EQ(engine_->ResumeRun({"runs/a"}).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(store_->All()->front().run().state(), v1::RUN_STATE_RUNNING);
  workers_->Advance(std::chrono::seconds(5));  // still full
  store_->Flush();
  EXPECT_EQ(store_->All()->front().run().state(), v1::RUN_STATE_RUNNING);
  store_->LimitPages(1'000'000);
  workers_->Advance(std::chrono::seconds(5));
  store_->Flush();
  EXPECT_EQ(store_->All()->front().run().state(), v1::RUN_STATE_STOPPED);
  EXPECT_EQ(store_->All()->front().run().reason(), "");
  EXPECT_EQ(Get("a").reason(), "");
  EXPECT_EQ(trouble_, "");
}

TEST_F(EngineCallsTest, ARequestIdIsOfOneRequest) {
  v1::CreateRunRequest request = Request("a");
  request.set_request_id("once");
  const v1::Run run = Create(request);
  EXPECT_EQ(Create(request).uid(), run.uid());
  request.set_run_id("b");
  const auto other = engine_->CreateRun(request, {Soon()});
  EXPECT_EQ(other.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("It created `runs/a` from another request"));
  request.set_validate_only(true);
  EXPECT_EQ(Create(request).name(), "runs/b");  // as it would be
  EXPECT_THAT(Names(), ElementsAre("runs/a"));
}

// ---- The life of a run ----

TEST_F(EngineCallsTest, VerbsReachTheWorkerInTheirOrder) {
  Create(Request("a"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  EXPECT_EQ(engine_->PauseRun({"runs/a"})->target_state(), v1::TARGET_STATE_PAUSED);
  Say(ProgressOf(v1::OUTPUT_STATE_PAUSED, 20));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_PAUSED);
  ASSERT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  EXPECT_EQ(workers_->SentTo(1), "begin pause resume stop");
  workers_->Settle();
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_STOPPED);
  EXPECT_EQ(engine_->PauseRun({"runs/a"}).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(EngineCallsTest, AWorkerThatCrashesIsStartedAgainAfterABackOffWithTheSamePlan) {
  const v1::Run created = Create(Request("a"));
  EndWorker(CrashedIn("choice `zipf`", 4096));
  const v1::Run run = Get("a");
  EXPECT_EQ(run.state(), v1::RUN_STATE_STARTING);
  EXPECT_EQ(run.reason(), "SIGSEGV in choice `zipf` at row 4096.");
  EXPECT_EQ(run.outputs(0).state(), v1::OUTPUT_STATE_BLOCKED);
  EXPECT_EQ(run.restarts(), 1);
  workers_->Advance(milliseconds(49));
  EXPECT_EQ(workers_->launches(), 1U);
  workers_->Advance(milliseconds(1));
  ASSERT_EQ(workers_->launches(), 2U);
  const worker::v1::RunJob job = workers_->StartOf(2).run();
  EXPECT_EQ(job.uid(), created.uid());
  EXPECT_EQ(job.now_ms(), workers_->StartOf(1).run().now_ms());
  EXPECT_EQ(job.fingerprint(), created.fingerprint());
  EXPECT_EQ(job.asked().outputs_size(), 1);
  EXPECT_EQ(workers_->SentTo(2), "begin");
  uint64_t next = 0;
  EXPECT_THAT(engine_->ReadLog("runs/a", &next)->front().message(), HasSubstr("SIGSEGV"));
  EndWorker(CrashedIn("choice `zipf`", 4096));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(Get("a").reason(), HasSubstr("choice `zipf` at row 4096"));
}

TEST_F(EngineCallsTest, StoppedDuringABackOffItStaysStopped) {
  Create(Request("a"));
  EndWorker(KilledFromOutside());
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Advance(std::chrono::minutes(1));
  EXPECT_EQ(workers_->launches(), 1U);
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_STOPPED);
}

TEST_F(EngineCallsTest, ADaemonThatDiedTakesItsRunsUpAgain) {
  for (const char* id : {"running", "paused", "stopped", "done"}) Create(Request(id));
  ASSERT_TRUE(engine_->PauseRun({"runs/paused"}).ok());
  ASSERT_TRUE(engine_->StopRun({"runs/stopped"}).ok());
  workers_->End(4, FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  workers_->Settle();
  const v1::Run before = Get("running");
  End();
  Start();
  EXPECT_EQ(workers_->launches(), 1U);
  EXPECT_EQ(workers_->StartOf(1).run().uid(), before.uid());
  EXPECT_EQ(Get("running").state(), v1::RUN_STATE_STARTING);
  EXPECT_EQ(Get("running").create_time().nanos(), before.create_time().nanos());
  EXPECT_EQ(Get("running").start_time().nanos(), before.start_time().nanos());
  EXPECT_EQ(Get("paused").state(), v1::RUN_STATE_PAUSED);
  EXPECT_EQ(Get("stopped").state(), v1::RUN_STATE_STOPPED);
  EXPECT_EQ(Get("done").state(), v1::RUN_STATE_SUCCEEDED);
}

TEST_F(EngineCallsTest, ADaemonThatEndsStopsWorkersAndKeepsWhatWasAskedFor) {
  Create(Request("a"));
  engine_->Stop(Soon());
  EXPECT_EQ(workers_->SentTo(1), "begin stop");
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_EQ(engine_->GetRun("runs/a").status().code(), StatusCode::kUnavailable);
  End();
  Start();
  EXPECT_EQ(Get("a").target_state(), v1::TARGET_STATE_RUNNING);
  EXPECT_EQ(Get("a").outputs(0).position(), 10);
  EXPECT_EQ(workers_->SentTo(1), "begin");
}

TEST_F(EngineCallsTest, ADaemonThatEndsKillsWorkersThatAreDeaf) {
  workers_->on_message = [](WorkerId, const worker::v1::ToWorker&) {};
  Create(Request("a"));
  EXPECT_TRUE(engine_->Stop(Past()));
  EXPECT_EQ(workers_->SentTo(1), "begin stop kill");
  EXPECT_EQ(workers_->alive(), 0U);
}

TEST_F(EngineCallsTest, ADaemonThatEndsLeavesAWorkerBehindThatCannotBeKilled) {
  workers_->on_message = [](WorkerId, const worker::v1::ToWorker&) {};
  Create(Request("a"));
  workers_->is_deaf_to_kill = true;
  EXPECT_FALSE(engine_->Stop(Past()));
  EXPECT_EQ(workers_->SentTo(1), "begin stop kill");
}

TEST_F(EngineCallsTest, ADaemonThatEndsAnswersThoseWhoWait) {
  std::promise<void> is_launched;
  workers_->on_launch = [&](WorkerId, const worker::v1::Start&) { is_launched.set_value(); };
  auto run =
      std::async(std::launch::async, [&] { return engine_->CreateRun(Request("a"), {Soon()}); });
  is_launched.get_future().wait();
  engine_->Stop(Soon());
  EXPECT_EQ(run.get().status().code(), StatusCode::kUnavailable);
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_EQ(engine_->CreateRun(Request("b"), {Soon()}).status().code(), StatusCode::kUnavailable);
}

TEST_F(EngineCallsTest, TheOldestEndedRunsGo) {
  for (const char* id : {"c", "b", "a"}) {
    Create(Request(id));
    EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  }
  Create(Request("d"));  // has not ended, and does not count
  EXPECT_EQ(Names().size(), 3U);
  EXPECT_EQ(store_->All()->size(), 3U);
}

TEST_F(EngineCallsTest, WhoWatchesSeesTheEndOfARunThatThenGoes) {
  Create(Request("a"));
  const auto watch = engine_->Watch("runs/a", [] {});
  EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  for (const char* id : {"b", "c"}) {
    Create(Request(id));
    workers_->Advance(milliseconds(10));
    EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  }
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_SUCCEEDED);
  engine_->Unwatch(*watch);
  EXPECT_EQ(Names().size(), 2U);
}

TEST_F(EngineCallsTest, WhatIsDeletedIsGone) {
  Create(Request("a"));
  EXPECT_EQ(engine_->DeleteRun({"runs/a"}).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  ASSERT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
  Create(Request("abc"));
  const auto gone = engine_->GetRun("runs/abd");
  EXPECT_EQ(gone.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(gone.status().message()), HasSubstr("Did you mean `runs/abc`?"));
  EXPECT_EQ(store_->All()->size(), 1U);
}

TEST_F(EngineCallsTest, PagesShowEveryRunOnce) {
  for (const char* id : {"d", "b", "a", "c"}) Create(Request(id));
  v1::ListRunsRequest request;
  request.set_page_size(3);
  const auto first = engine_->ListRuns(request);
  EXPECT_EQ(first->runs_size(), 3);
  EXPECT_FALSE(first->runs(0).has_spec());
  request.set_page_token(first->next_page_token());
  const auto second = engine_->ListRuns(request);
  ASSERT_EQ(second->runs_size(), 1);
  EXPECT_EQ(second->runs(0).name(), "runs/d");
  EXPECT_EQ(second->next_page_token(), "");
  request.set_page_size(-1);
  EXPECT_EQ(engine_->ListRuns(request).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineCallsTest, WhoWatchesHearsOfChangesAndOfTheEnd) {
  Create(Request("a"));
  Create(Request("b"));
  int changes = 0;
  const auto watch = engine_->Watch("runs/a", [&] { ++changes; });
  ASSERT_TRUE(watch.ok()) << watch.status();
  workers_->Say(1, ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  workers_->Say(2, ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));  // the other run's
  workers_->Settle();
  EXPECT_EQ(changes, 1);
  workers_->Say(1, ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));  // nothing new
  workers_->Settle();
  EXPECT_EQ(changes, 1);
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  const int before = changes;
  ASSERT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
  EXPECT_EQ(changes, before + 1);
  engine_->Unwatch(*watch);
  EXPECT_EQ(engine_->Watch("runs/a", [] {}).status().code(), StatusCode::kNotFound);
}

// ---- What callers write onto runs ----

v1::UpdateRunRequest Labelled(const std::string& name, const std::string& team) {
  v1::UpdateRunRequest request;
  request.mutable_run()->set_name(name);
  (*request.mutable_run()->mutable_labels())["team"] = team;
  request.mutable_update_mask()->add_paths("labels");
  return request;
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  return payload && info.ParseFromString(std::string(*payload)) ? info.reason() : "";
}

TEST_F(EngineCallsTest, LabelsAndAnnotationsAreStoredBeforeTheyAreAnswered) {
  v1::CreateRunRequest create = Request("a");
  (*create.mutable_labels())["team"] = "x";
  (*create.mutable_annotations())["note"] = "By hand: #1";
  const v1::Run created = Create(create);
  EXPECT_EQ(created.labels().at("team"), "x");
  EXPECT_EQ(created.annotations().at("note"), "By hand: #1");
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  const auto updated = engine_->UpdateRun(Labelled("runs/a", "y"));
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->labels().at("team"), "y");
  EXPECT_EQ(updated->annotations().at("note"), "By hand: #1");
  EXPECT_EQ(updated->state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(store_->All()->front().run().labels().at("team"), "y");
  EXPECT_EQ(workers_->SentTo(1), "begin");  // its worker hears nothing of it
  End();
  Start();
  EXPECT_EQ(Get("a").labels().at("team"), "y");
  v1::UpdateRunRequest none;
  none.mutable_run()->set_name("runs/a");
  none.mutable_update_mask()->add_paths("labels");
  none.mutable_update_mask()->add_paths("annotations");
  EXPECT_EQ(engine_->UpdateRun(none)->labels_size(), 0);
  EXPECT_EQ(Get("a").annotations_size(), 0);
}

TEST_F(EngineCallsTest, WhatIsNoLabelOrCannotBeChangedIsRefused) {
  const auto refused = [&](const v1::UpdateRunRequest& request) {
    const absl::Status status = engine_->UpdateRun(request).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  Create(Request("a"));
  EXPECT_THAT(refused(Labelled("runs/a", "a b")), HasSubstr("run.labels: team is \"a b\""));
  v1::UpdateRunRequest request = Labelled("runs/a", "x");
  (*request.mutable_run()->mutable_labels())["Team"] = "x";
  EXPECT_THAT(refused(request), HasSubstr("Has a key \"Team\""));
  request = Labelled("runs/a", "x");
  for (int i = 0; i < 64; ++i) {
    (*request.mutable_run()->mutable_labels())["k" + std::to_string(i)] = "x";
  }
  EXPECT_THAT(refused(request), HasSubstr("Has 65 entries; 64 is the most"));
  request = Labelled("runs/a", "x");
  request.mutable_update_mask()->add_paths("annotations");
  (*request.mutable_run()->mutable_annotations())["note"] = std::string(70'000, 'x');
  EXPECT_THAT(refused(request), HasSubstr("run.annotations: Has 70004 bytes"));
  request = Labelled("runs/a", "x");
  request.mutable_update_mask()->add_paths("spec.dataset.seed");
  EXPECT_THAT(refused(request), HasSubstr("update_mask: Has \"spec.dataset.seed\""));
  request.clear_update_mask();
  EXPECT_THAT(refused(request), HasSubstr("Must name what to change"));
  EXPECT_EQ(Get("a").labels_size(), 0);
  EXPECT_EQ(engine_->UpdateRun(Labelled("runs/b", "x")).status().code(), StatusCode::kNotFound);
  v1::CreateRunRequest create = Request("b");
  (*create.mutable_labels())["team"] = "a b";
  const absl::Status status = engine_->CreateRun(create, {Soon()}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("labels: team is"));
}

TEST_F(EngineCallsTest, PaceAndThreadsAreChangedWhateverARunDoes) {
  Create(Request("a"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  v1::UpdateRunRequest request;
  request.mutable_run()->set_name("runs/a");
  request.mutable_run()->mutable_spec()->mutable_pace()->set_rate(500);
  request.mutable_run()->mutable_spec()->set_threads(3);
  request.mutable_update_mask()->add_paths("spec.pace");
  request.mutable_update_mask()->add_paths("spec.threads");
  std::vector<worker::v1::Tune> told;
  workers_->on_message = [&, before = workers_->on_message](WorkerId id,
                                                            const worker::v1::ToWorker& message) {
    if (message.has_begin()) told.push_back(message.begin().tune());
    if (message.has_tune()) told.push_back(message.tune());
    before(id, message);
  };
  const v1::Run before = Get("a");
  const auto updated = engine_->UpdateRun(request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->spec().pace().rate(), 500);
  EXPECT_EQ(updated->fingerprint(), before.fingerprint());
  EXPECT_EQ(updated->state(), v1::RUN_STATE_RUNNING);
  EXPECT_NE(updated->etag(), before.etag());
  workers_->Settle();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].pace().rate(), 500);
  EXPECT_EQ(told[0].threads(), 3);
  EXPECT_EQ(told[0].profile_start_ms(), store_->All()->front().pace_ms());
  EXPECT_EQ(store_->All()->front().asked().threads(), 3);
  // Of a stopped one they are those of its next worker.
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  request.mutable_run()->mutable_spec()->clear_pace();  // as fast as possible
  EXPECT_FALSE(engine_->UpdateRun(request)->spec().has_pace());
  ASSERT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
  workers_->Settle();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].pace().rate(), 0);
  EXPECT_EQ(told[1].threads(), 3);
  request.mutable_run()->mutable_spec()->mutable_pace()->set_rate(-1);
  EXPECT_THAT(std::string(engine_->UpdateRun(request).status().message()),
              HasSubstr("run.spec.pace.rate: Must lie above 0"));
  request.mutable_run()->mutable_spec()->clear_pace();
  request.mutable_run()->mutable_spec()->set_threads(1000);
  EXPECT_THAT(std::string(engine_->UpdateRun(request).status().message()),
              HasSubstr("run.spec.threads: Must lie between 0 and 256"));
}

TEST_F(EngineCallsTest, WatchersOfAllRunsHearOfEach) {
  Create(Request("a"));
  std::vector<std::string> heard;
  const auto watch = engine_->WatchAll([&](const std::string& name) { heard.push_back(name); });
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_THAT(heard, ElementsAre("runs/a"));
  Create(Request("b"));
  EXPECT_THAT(heard, testing::Contains("runs/b"));
  heard.clear();
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  EXPECT_THAT(heard, ElementsAre("runs/b"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));  // nothing new
  EXPECT_THAT(heard, ElementsAre("runs/b"));
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  heard.clear();
  ASSERT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
  EXPECT_THAT(heard, testing::Contains("runs/a"));
  engine_->Unwatch(*watch);
  heard.clear();
  Create(Request("c"));
  EXPECT_THAT(heard, testing::IsEmpty());
}

TEST_F(EngineCallsTest, ADrainedDaemonStopsRunsAndBeginsNothing) {
  Create(Request("a"));
  Create(Request("b"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  const auto drained = engine_->Drain({Soon()});
  ASSERT_TRUE(drained.ok()) << drained;
  EXPECT_EQ(workers_->alive(), 0U);
  EXPECT_EQ(drains_, 1);
  // What was asked of them stays, and can be looked at.
  EXPECT_EQ(Get("a").target_state(), v1::TARGET_STATE_RUNNING);
  EXPECT_THAT(Names(), ElementsAre("runs/a", "runs/b"));
  for (const absl::Status& refused :
       {engine_->CreateRun(Request("c"), {Soon()}).status(),
        engine_->ResumeRun({"runs/a"}).status(), engine_->RestartRun({"runs/a"}).status(),
        engine_->Generate(v1::GenerateRequest(), {Soon()}).status()}) {
    EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("is being drained"));
  }
  ASSERT_TRUE(engine_->StopRun({"runs/b"}).ok());
  EXPECT_TRUE(engine_->Drain({Soon()}).ok());
  EXPECT_EQ(drains_, 1);
  // Another daemon goes on.
  engine_->Stop(Past());
  End();
  Start();
  EXPECT_EQ(workers_->alive(), 1U);
  EXPECT_EQ(workers_->SentTo(workers_->last()), "begin");
  EXPECT_EQ(Get("b").state(), v1::RUN_STATE_STOPPED);
}

TEST_F(EngineCallsTest, ADrainWaitsForRunsThatAreSlowToStop) {
  Create(Request("a"));
  workers_->on_message = [](WorkerId, const worker::v1::ToWorker&) {};  // it does not stop
  EXPECT_EQ(engine_->Drain({Past()}).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(engine_->CreateRun(Request("b"), {Soon()}).status().code(), StatusCode::kUnavailable);
}

TEST_F(EngineCallsTest, AnEtagKeepsAChangeFromUndoingAnother) {
  const std::string first = Create(Request("a")).etag();
  EXPECT_NE(first, "");
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 10));
  EXPECT_EQ(Get("a").etag(), first);  // what it does by itself is no change
  const v1::Run paused = *engine_->PauseRun({"runs/a", first});
  EXPECT_NE(paused.etag(), first);
  EXPECT_EQ(engine_->PauseRun({"runs/a"})->etag(), paused.etag());  // it was asked for already
  v1::UpdateRunRequest update = Labelled("runs/a", "x");
  update.mutable_run()->set_etag(first);
  v1::ResetPositionsRequest reset;
  reset.set_name("runs/a");
  reset.set_etag(first);
  const std::vector<absl::Status> refused = {engine_->PauseRun({"runs/a", first}).status(),
                                             engine_->ResumeRun({"runs/a", first}).status(),
                                             engine_->StopRun({"runs/a", first}).status(),
                                             engine_->RestartRun({"runs/a", first}).status(),
                                             engine_->DeleteRun({"runs/a", first}),
                                             engine_->UpdateRun(update).status(),
                                             engine_->ResetPositions(reset, {Soon()}).status()};
  for (const absl::Status& status : refused) {
    EXPECT_EQ(status.code(), StatusCode::kAborted) << status;
    EXPECT_EQ(ReasonOf(status), "ETAG_MISMATCH");
  }
  EXPECT_EQ(Get("a").target_state(), v1::TARGET_STATE_PAUSED);
  update.mutable_run()->set_etag(paused.etag());
  const v1::Run updated = *engine_->UpdateRun(update);
  EXPECT_NE(updated.etag(), paused.etag());
  EXPECT_EQ(engine_->StopRun({"runs/a", paused.etag()}).status().code(), StatusCode::kAborted);
  const v1::Run stopped = *engine_->StopRun({"runs/a", updated.etag()});
  workers_->Settle();
  reset.set_etag(stopped.etag());
  ASSERT_TRUE(engine_->ResetPositions(reset, {Soon()}).ok());
  EXPECT_EQ(engine_->DeleteRun({"runs/a", stopped.etag()}).code(), StatusCode::kAborted);
  EXPECT_TRUE(engine_->DeleteRun({"runs/a", Get("a").etag()}).ok());
}

TEST_F(EngineCallsTest, ListsShowWhatIsAskedForInTheOrderAskedFor) {
  for (const char* id : {"d", "b", "a", "c"}) Create(Request(id));
  for (const char* name : {"runs/d", "runs/a"}) {
    ASSERT_TRUE(engine_->UpdateRun(Labelled(name, "x")).ok());
    std::this_thread::sleep_for(milliseconds(2));  // times are of whole ones
  }
  EndWorker(FinishedAs(v1::OUTPUT_STATE_FAILED, 700));  // of c, which nothing is kept of in memory
  store_->Flush();
  ASSERT_TRUE(engine_->UpdateRun(Labelled("runs/c", "x")).ok());
  const auto listed = [&](const std::string& filter, const std::string& order_by) {
    v1::ListRunsRequest request;
    request.set_filter(filter);
    request.set_order_by(order_by);
    request.set_page_size(1);
    std::string names;
    do {
      const auto page = engine_->ListRuns(request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const v1::Run& run : page->runs()) names += run.name().substr(5);
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return names;
  };
  EXPECT_EQ(listed("", ""), "abcd");
  EXPECT_EQ(listed("labels.team = x", "name desc"), "dca");
  EXPECT_EQ(listed("labels:team", "update_time"), "dac");
  EXPECT_EQ(listed("", "create_time desc").size(), 4U);
  EXPECT_EQ(listed("state = FAILED AND labels.team = x", ""), "c");
  EXPECT_EQ(listed("state != FAILED", "name"), "abd");
  v1::ListRunsRequest request;
  request.set_filter("team = x");
  EXPECT_THAT(std::string(engine_->ListRuns(request).status().message()), HasSubstr("filter: "));
}

TEST_F(EngineCallsTest, ARunOfAnEarlierVersionHasAnEtag) {
  const v1::Run created = Create(Request("a"));
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  End();
  daemon::v1::RunRecord record = store_->All()->front();
  record.mutable_run()->clear_etag();
  record.mutable_run()->clear_update_time();
  ASSERT_TRUE(store_->Put(record).ok());
  Start();
  EXPECT_EQ(Get("a").update_time().seconds(), created.create_time().seconds());
  EXPECT_NE(Get("a").etag(), "");
  EXPECT_TRUE(engine_->ResumeRun({"runs/a", Get("a").etag()}).ok());
}

// ---- What needs a worker's answer ----

TEST_F(EngineCallsTest, PositionsComeFromTheLiveWorkerElseFromThePlaces) {
  Create(Request("a"));
  Say(ProgressOf(v1::OUTPUT_STATE_RUNNING, 30));
  v1::GetPositionsRequest request;
  request.set_name("runs/a");
  EXPECT_EQ(engine_->GetPositions(request, {Soon()})->positions(0).row(), 30);
  EXPECT_EQ(workers_->launches(), 1U);
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    EXPECT_TRUE(start.positions().reset().empty());
    worker::v1::FromWorker message;
    v1::Position* position = message.mutable_positions()->add_positions();
    position->set_output("csv");
    position->set_row(31);
    workers_->Say(id, message);
  };
  EXPECT_EQ(engine_->GetPositions(request, {Soon()})->positions(0).row(), 31);
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
}

TEST_F(EngineCallsTest, WhilePositionsAreResetNoVerbComesInBetween) {
  Create(Request("a"));
  v1::ResetPositionsRequest request;
  request.set_name("runs/a");
  EXPECT_EQ(engine_->ResetPositions(request, {Soon()}).status().code(),
            StatusCode::kFailedPrecondition);
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  request.add_outputs("cvs");
  EXPECT_THAT(std::string(engine_->ResetPositions(request, {Soon()}).status().message()),
              HasSubstr("Did you mean \"csv\"?"));
  request.clear_outputs();

  std::promise<void> is_resetting;
  workers_->on_launch = [&](WorkerId, const worker::v1::Start& start) {
    EXPECT_THAT(start.positions().reset(), ElementsAre("csv"));
    is_resetting.set_value();
  };
  auto reset =
      std::async(std::launch::async, [&] { return engine_->ResetPositions(request, {Soon()}); });
  is_resetting.get_future().wait();
  EXPECT_EQ(engine_->ResumeRun({"runs/a"}).status().code(), StatusCode::kAborted);
  EXPECT_EQ(engine_->DeleteRun({"runs/a"}).code(), StatusCode::kAborted);
  EXPECT_EQ(engine_->ResetPositions(request, {Soon()}).status().code(), StatusCode::kAborted);
  worker::v1::FromWorker message;
  message.mutable_positions()->add_positions()->set_output("csv");
  Say(message);
  const auto positions = reset.get();
  ASSERT_TRUE(positions.ok()) << positions.status();
  EXPECT_FALSE(positions->positions(0).has_row());
  EXPECT_EQ(Get("a").outputs(0).position(), 0);
  EXPECT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
}

TEST_F(EngineCallsTest, AResetThatFailsLeavesTheRunFree) {
  Create(Request("a"));
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  workers_->Settle();
  workers_->on_launch = [](WorkerId, const worker::v1::Start&) {};
  v1::ResetPositionsRequest request;
  request.set_name("runs/a");
  EXPECT_EQ(engine_->ResetPositions(request, {Past()}).status().code(),
            StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Get("a").outputs(0).position(), 10);
  EXPECT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
}

TEST_F(EngineCallsTest, StatisticsComeFromTheWorkerAndInTheEndFromTheStore) {
  workers_->on_message = [this](WorkerId id, const worker::v1::ToWorker& message) {
    if (!message.has_get_statistics()) return;
    EXPECT_EQ(message.get_statistics().output(), "csv");  // the first of interactions
    worker::v1::FromWorker report;
    report.mutable_statistics()->set_id(message.get_statistics().id());
    report.mutable_statistics()->mutable_statistics()->set_output("csv");
    workers_->Say(id, report);
  };
  Create(Request("a"));
  v1::GetRunStatisticsRequest request;
  request.set_name("runs/a");
  const auto live = engine_->GetRunStatistics(request, {Soon()});
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_FALSE(live->is_final());
  WorkerEnd end = FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000);
  end.finished.add_statistics()->set_output("csv");
  end.finished.mutable_statistics(0)->set_is_final(true);
  EndWorker(end);
  const auto final = engine_->GetRunStatistics(request, {Soon()});
  ASSERT_TRUE(final.ok()) << final.status();
  EXPECT_TRUE(final->is_final());
  request.set_output("cvs");
  EXPECT_EQ(engine_->GetRunStatistics(request, {Soon()}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(EngineCallsTest, WhoAsksAWorkerThatEndsOrIsSilentIsNotLeftWaiting) {
  Create(Request("a"));
  v1::GetRunStatisticsRequest request;
  request.set_name("runs/a");
  EXPECT_EQ(engine_->GetRunStatistics(request, {Past()}).status().code(),
            StatusCode::kDeadlineExceeded);
  worker::v1::FromWorker late;
  late.mutable_statistics()->set_id(1);
  Say(late);  // harms nobody
  workers_->on_message = [this](WorkerId id, const worker::v1::ToWorker& message) {
    if (message.has_get_statistics()) workers_->End(id, KilledFromOutside());
  };
  EXPECT_EQ(engine_->GetRunStatistics(request, {Soon()}).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(engine_->GetRunStatistics(request, {Soon()}).status().code(),
            StatusCode::kFailedPrecondition);  // nothing is delivered now
}

TEST_F(EngineCallsTest, StreamsAreLimitedAndSayWhenToComeAgain) {
  v1::GenerateRequest request;
  *request.mutable_source() = Request("a").source();
  auto stream = engine_->Generate(request, {Soon()});
  ASSERT_TRUE(stream.ok()) << stream.status();
  const auto second = engine_->Generate(request, {Soon()});
  EXPECT_EQ(second.status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(second.status().GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  stream->reset();
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
  stream = engine_->Generate(request, {Soon()});
  ASSERT_TRUE(stream.ok()) << stream.status();
  workers_->End(workers_->last(), CrashedIn("choice `zipf`", 4096));
  const auto rows = (*stream)->Next();
  EXPECT_EQ(rows.status().code(), StatusCode::kInternal);
  EXPECT_THAT(std::string(rows.status().message()), HasSubstr("choice `zipf` at row 4096"));
}

TEST_F(EngineCallsTest, RowsOfARunAreMadeByItsPlan) {
  const v1::Run run = Create(Request("a"));
  v1::GenerateRequest request;
  request.set_run("runs/a");
  request.set_start_row(7);
  auto stream = engine_->Generate(request, {Soon()});
  ASSERT_TRUE(stream.ok()) << stream.status();
  const worker::v1::GenerateJob job = workers_->StartOf(workers_->last()).generate();
  EXPECT_EQ(job.fingerprint(), run.fingerprint());
  EXPECT_EQ(job.now_ms(), workers_->StartOf(1).run().now_ms());
  EXPECT_EQ(job.start_row(), 7);
  request.set_run("runs/b");
  EXPECT_EQ(engine_->Generate(request, {Soon()}).status().code(), StatusCode::kNotFound);
}

// ---- Inspections ----

TEST_F(EngineCallsTest, InspectionsAreHandedOnAndCountAsStreams) {
  worker::v1::InspectJob job;
  job.mutable_tap()->set_limit(3);
  auto stream = engine_->Inspect(job);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const worker::v1::Start start = workers_->StartOf(workers_->last());
  EXPECT_EQ(start.inspect().tap().limit(), 3);
  EXPECT_GT(start.inspect().now_ms(), 0);
  EXPECT_THAT(start.input_roots(), ElementsAre("/in"));
  EXPECT_EQ(engine_->Inspect(job).status().code(), StatusCode::kResourceExhausted);
  v1::GenerateRequest generate;
  *generate.mutable_source() = Request("a").source();
  EXPECT_EQ(engine_->Generate(generate, {Soon()}).status().code(), StatusCode::kResourceExhausted);
  EndWorker(FinishedWith({}));
  const auto message = (*stream)->Next();
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_FALSE(message->has_value());
  stream->reset();
  EXPECT_TRUE(engine_->Inspect(job).ok());
}

TEST_F(EngineCallsTest, MistakesInAnInspectionAreToldAsThoseOfASpec) {
  worker::v1::InspectJob job;
  job.mutable_tap();
  auto stream = engine_->Inspect(job);
  ASSERT_TRUE(stream.ok()) << stream.status();
  worker::v1::Finished finished;
  finished.set_code(static_cast<int>(StatusCode::kInvalidArgument));
  v1::SpecProblem* problem = finished.add_problems();
  problem->set_field("source.path");
  problem->set_message("Lies outside.");
  EndWorker(FinishedWith(finished));
  const auto message = (*stream)->Next();
  EXPECT_EQ(message.status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(message.status().GetPayload("type.googleapis.com/google.rpc.BadRequest").has_value());
}

TEST_F(EngineCallsTest, AnInspectionThatIsCancelledEndsItsWorkerAtOnce) {
  worker::v1::InspectJob job;
  job.mutable_tap();
  auto stream = engine_->Inspect(job);
  ASSERT_TRUE(stream.ok()) << stream.status();
  (*stream)->Cancel();
  EXPECT_EQ((*stream)->Next().status().code(), StatusCode::kCancelled);
  workers_->Settle();
  EXPECT_EQ(workers_->alive(), 0U);
}

TEST_F(EngineCallsTest, AReplayThatIsCancelledEndsAtACommitAndIsWaitedFor) {
  worker::v1::InspectJob job;
  job.mutable_replay();
  workers_->on_message = [](WorkerId, const worker::v1::ToWorker&) {};  // it takes its time
  auto stream = engine_->Inspect(job);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const WorkerId id = workers_->last();
  (*stream)->Cancel();
  EXPECT_EQ((*stream)->Next().status().code(), StatusCode::kCancelled);
  stream->reset();
  workers_->Settle();
  EXPECT_TRUE(workers_->IsAlive(id));
  EXPECT_THAT(workers_->SentTo(id), HasSubstr("stop"));
  auto ended = std::async(std::launch::async, [this] { engine_->Stop(Soon()); });
  EXPECT_EQ(ended.wait_for(milliseconds(20)), std::future_status::timeout);
  EndWorker(FinishedWith({}));
  ended.get();
}

TEST_F(EngineCallsTest, ARunIsVerifiedByWhatWasAskedAndStored) {
  const v1::Run run = Create(Request("a"));
  worker::v1::InspectJob job;
  job.mutable_verify()->set_run("runs/a");
  const auto stream = engine_->Inspect(job);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const worker::v1::InspectJob sent = workers_->StartOf(workers_->last()).inspect();
  EXPECT_EQ(sent.uid(), run.uid());
  EXPECT_EQ(sent.now_ms(), workers_->StartOf(1).run().now_ms());
  EXPECT_TRUE(sent.has_asked());
  job.mutable_verify()->set_run("runs/b");
  EXPECT_EQ(engine_->Inspect(job).status().code(), StatusCode::kNotFound);
}

// ---- The state folder ----

class StoredEngineTest : public EngineCallsTest {
 protected:
  StoredEngineTest() : EngineCallsTest(NewFolder()) {}
  ~StoredEngineTest() override { fs::remove_all(state_folder_); }

  static std::string NewFolder() {
    const fs::path folder =
        fs::temp_directory_path() / ("throng_calls_" + std::to_string(getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder / "logs");
    fs::create_directories(folder / "plugins");
    return folder.string();
  }
  void Damage(const std::string& name) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((state_folder_ + "/runs.db").c_str(), &database), SQLITE_OK);
    const std::string sql = "UPDATE runs SET record = x'ff' WHERE name = '" + name + "'";
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }
};

TEST_F(StoredEngineTest, AFolderThatIsGoneIsNoticedAtOnceAndSaidOnce) {
  Create(Request("a"));
  const std::string moved = state_folder_ + ".moved";
  fs::remove_all(moved);
  fs::rename(state_folder_, moved);
  workers_->Advance(std::chrono::seconds(1));
  EXPECT_THAT(trouble_, testing::Not(testing::IsEmpty()));
  const auto refused = engine_->CreateRun(Request("b"), {Soon()});
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  google::rpc::ErrorInfo info;
  info.ParseFromString(
      std::string(*refused.status().GetPayload("type.googleapis.com/google.rpc.ErrorInfo")));
  EXPECT_EQ(info.reason(), "STATE_LOST");
  EXPECT_EQ(engine_->RestartRun({"runs/a"}).status().code(), StatusCode::kUnavailable);
  workers_->Advance(std::chrono::seconds(9));
  EXPECT_THAT(said_, ElementsAre(HasSubstr("was removed or replaced")));
  EXPECT_THAT(Names(), ElementsAre("runs/a"));
  fs::rename(moved, state_folder_);
  workers_->Advance(std::chrono::seconds(1));
  EXPECT_EQ(trouble_, "");
  Create(Request("b"));
}

TEST_F(StoredEngineTest, WhoLooksWaitsForNoDisk) {
  Create(Request("a"));
  Create(Request("done"));
  EndWorker(FinishedAs(v1::OUTPUT_STATE_SUCCEEDED, 1000));
  store_->Flush();
  sqlite3* disk = nullptr;  // that is busy
  ASSERT_EQ(sqlite3_open((state_folder_ + "/runs.db").c_str(), &disk), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(disk, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  auto paused = std::async(std::launch::async, [&] { return engine_->PauseRun({"runs/a"}); });
  workers_->Say(1, ProgressOf(v1::OUTPUT_STATE_RUNNING, 20));
  workers_->Settle();
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(Get("a").target_state(), v1::TARGET_STATE_PAUSED);
    EXPECT_EQ(Get("done").state(), v1::RUN_STATE_SUCCEEDED);
    EXPECT_EQ(Names().size(), 2U);
  }
  EXPECT_EQ(workers_->SentTo(1), "begin");  // what is not stored is not done
  EXPECT_EQ(sqlite3_exec(disk, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(disk);
  EXPECT_TRUE(paused.get().ok());
  EXPECT_EQ(workers_->SentTo(1), "begin pause");
  EXPECT_EQ(Get("a").outputs(0).position(), 20);
}

TEST_F(StoredEngineTest, RunsThatHaveEndedAreReadWhenTheyAreAskedFor) {
  v1::CreateRunRequest request = Request("a");
  request.set_request_id("once");
  const v1::Run created = Create(request);
  WorkerEnd end = FinishedAs(v1::OUTPUT_STATE_FAILED, 700);
  end.finished.mutable_outputs(0)->set_reason("The folder is gone.");
  EndWorker(end);
  store_->Flush();
  const auto expect_failed = [&] {
    EXPECT_EQ(Get("a").state(), v1::RUN_STATE_FAILED);
    EXPECT_EQ(Get("a").spec().dataset().seed(), 5);
    EXPECT_TRUE(Get("a").has_end_time());
    EXPECT_EQ(engine_->ListRuns({})->runs(0).outputs(0).position(), 700);
    EXPECT_EQ(engine_->CreateRun(request, {Soon()})->uid(), created.uid());
    EXPECT_EQ(engine_->PauseRun({"runs/a"}).status().code(), StatusCode::kFailedPrecondition);
  };
  expect_failed();
  End();
  Start();
  expect_failed();
  const auto failures = [&] {
    uint64_t next = 0;
    const auto lines = engine_->ReadLog("runs/a", &next);
    return std::count_if(lines->begin(), lines->end(), [](const v1::LogLine& line) {
      return line.message().find("output csv failed") != std::string::npos;
    });
  };
  EXPECT_EQ(failures(), 1);
  ASSERT_TRUE(engine_->UpdateRun(Labelled("runs/a", "x")).ok());
  expect_failed();
  EXPECT_EQ(Get("a").labels().at("team"), "x");
  EXPECT_EQ(failures(), 1);  // it did not fail once more
  int changes = 0;
  const auto watch = engine_->Watch("runs/a", [&] { ++changes; });
  ASSERT_TRUE(engine_->RestartRun({"runs/a"}).ok());
  workers_->Settle();
  EXPECT_GT(changes, 0);
  EXPECT_EQ(workers_->StartOf(1).run().uid(), created.uid());
  engine_->Unwatch(*watch);
}

TEST_F(StoredEngineTest, ADamagedRecordIsShownCanBeDeletedAndCostsNoOtherRunItsPlugins) {
  Create(Request("a"));
  Create(Request("b"));
  for (const char* name : {"runs/a", "runs/b"}) ASSERT_TRUE(engine_->StopRun({name}).ok());
  workers_->Settle();
  End();
  Damage("runs/a");
  const std::string plugin = state_folder_ + "/plugins/" + std::string(64, '0') + ".so";
  std::ofstream(plugin) << "of one of them";
  Start();
  EXPECT_THAT(Names(), ElementsAre("runs/a", "runs/b"));
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_FAILED);
  EXPECT_THAT(Get("a").reason(), HasSubstr("What is stored of the run is damaged."));
  EXPECT_EQ(engine_->RestartRun({"runs/a"}).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine_->CreateRun(Request("a"), {Soon()}).status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(engine_->DeleteRun({"runs/b"}).ok());
  EXPECT_TRUE(fs::exists(plugin));
  EXPECT_TRUE(engine_->DeleteRun({"runs/a"}).ok());
  EXPECT_FALSE(fs::exists(plugin));
  Create(Request("a"));
  EXPECT_EQ(store_->All()->size(), 1U);
}

// ---- A daemon of one command ----

class OneShotEngineTest : public EngineCallsTest {
 protected:
  OneShotEngineTest() {
    End();
    is_ephemeral_ = true;
    Start();
  }
};

TEST_F(OneShotEngineTest, TheWorkerNamesTheRunByWhatItWrites) {
  workers_->on_launch = [this](WorkerId id, const worker::v1::Start& start) {
    EXPECT_EQ(start.run().uid(), "");
    EXPECT_GT(start.retry_timeout_ms(), 0);
    worker::v1::FromWorker planned = PlannedFor(start);
    planned.mutable_planned()->set_uid(std::string(32, 'a'));
    workers_->Say(id, planned);
  };
  EXPECT_EQ(Create(Request("a")).uid(), std::string(32, 'a'));
}

TEST_F(OneShotEngineTest, WhatItsWorkerGivesUpIsNotTriedForEver) {
  Create(Request("a"));
  WorkerEnd end;
  end.finished.set_code(static_cast<int32_t>(StatusCode::kUnavailable));
  end.finished.set_message("output csv: another process writes to csv.out.");
  EndWorker(end);
  EXPECT_EQ(Get("a").state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(Get("a").reason(), "output csv: another process writes to csv.out.");
}

}  // namespace
}  // namespace throng
