// Every call of the services, as a client sees it, over an engine that the tests play.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "server/daemon/errors.h"
#include "tests/daemon/served_engine.h"
#include "throng/plugin.h"
#include "throng/v1/generation_service.grpc.pb.h"
#include "throng/v1/inspection_service.grpc.pb.h"
#include "throng/v1/plugin_service.grpc.pb.h"
#include "throng/v1/run_service.grpc.pb.h"
#include "throng/v1/server_service.grpc.pb.h"

namespace throng {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using testing::_;
using testing::AllOf;
using testing::DoAll;
using testing::ElementsAre;
using testing::Field;
using testing::Invoke;
using testing::Return;
using testing::SaveArg;

v1::Run RunNamed(const std::string& name, const std::string& reason = "") {
  v1::Run run;
  run.set_name(name);
  run.set_uid("u");
  run.set_reason(reason);
  return run;
}

absl::Status NoSuchRun() {
  return MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND", "There is no run `runs/x`.");
}

auto RunIs(const std::string& name, const std::string& etag = "") {
  return AllOf(Field(&AskedRun::name, name), Field(&AskedRun::etag, etag));
}

class Services : public ServedEngine {
 protected:
  Services()
      : runs_(v1::RunService::NewStub(channel_)),
        generation_(v1::GenerationService::NewStub(channel_)),
        plugins_(v1::PluginService::NewStub(channel_)),
        inspection_(v1::InspectionService::NewStub(channel_)) {}

  const std::unique_ptr<v1::RunService::Stub> runs_;
  const std::unique_ptr<v1::GenerationService::Stub> generation_;
  const std::unique_ptr<v1::PluginService::Stub> plugins_;
  const std::unique_ptr<v1::InspectionService::Stub> inspection_;
};

// ---- One answer ----

TEST_F(Services, PassVerbsOnAndAnswerWithTheRun) {
  const auto returned = [](const AskedRun& run) { return RunNamed(run.name, "of the engine"); };
  EXPECT_CALL(engine_, GetRun("runs/get")).WillOnce(Return(RunNamed("runs/get", "of the engine")));
  EXPECT_CALL(engine_, PauseRun(RunIs("runs/pause"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, ResumeRun(RunIs("runs/resume"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, StopRun(RunIs("runs/stop"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, RestartRun(RunIs("runs/restart"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, DeleteRun(RunIs("runs/delete"))).WillOnce(Return(absl::OkStatus()));
  const auto call = [this](const std::string& name, auto method, auto request, auto response) {
    grpc::ClientContext context;
    request.set_name(name);
    const grpc::Status status = (runs_.get()->*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if constexpr (requires { response.run(); }) {
      EXPECT_EQ(response.run().name(), name);
      EXPECT_EQ(response.run().reason(), "of the engine");
    }
  };
  using Stub = v1::RunService::Stub;
  call("runs/get", &Stub::GetRun, v1::GetRunRequest(), v1::GetRunResponse());
  call("runs/pause", &Stub::PauseRun, v1::PauseRunRequest(), v1::PauseRunResponse());
  call("runs/resume", &Stub::ResumeRun, v1::ResumeRunRequest(), v1::ResumeRunResponse());
  call("runs/stop", &Stub::StopRun, v1::StopRunRequest(), v1::StopRunResponse());
  call("runs/restart", &Stub::RestartRun, v1::RestartRunRequest(), v1::RestartRunResponse());
  call("runs/delete", &Stub::DeleteRun, v1::DeleteRunRequest(), v1::DeleteRunResponse());
}

TEST_F(Services, PassEtagsOn) {
  const auto returned = [](const AskedRun& run) { return RunNamed(run.name); };
  EXPECT_CALL(engine_, PauseRun(RunIs("runs/a", "e"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, ResumeRun(RunIs("runs/a", "e"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, StopRun(RunIs("runs/a", "e"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, RestartRun(RunIs("runs/a", "e"))).WillOnce(Invoke(returned));
  EXPECT_CALL(engine_, DeleteRun(RunIs("runs/a", "e"))).WillOnce(Return(absl::OkStatus()));
  const auto call = [this](auto method, auto request, auto response) {
    grpc::ClientContext context;
    request.set_name("runs/a");
    request.set_etag("e");
    EXPECT_TRUE((runs_.get()->*method)(&context, request, &response).ok());
  };
  using Stub = v1::RunService::Stub;
  call(&Stub::PauseRun, v1::PauseRunRequest(), v1::PauseRunResponse());
  call(&Stub::ResumeRun, v1::ResumeRunRequest(), v1::ResumeRunResponse());
  call(&Stub::StopRun, v1::StopRunRequest(), v1::StopRunResponse());
  call(&Stub::RestartRun, v1::RestartRunRequest(), v1::RestartRunResponse());
  call(&Stub::DeleteRun, v1::DeleteRunRequest(), v1::DeleteRunResponse());
}

TEST_F(Services, UpdateARun) {
  EXPECT_CALL(engine_, UpdateRun(_)).WillOnce([](const v1::UpdateRunRequest& request) {
    return RunNamed(request.run().name(), request.update_mask().paths(0));
  });
  v1::UpdateRunRequest request;
  request.mutable_run()->set_name("runs/a");
  request.mutable_update_mask()->add_paths("labels");
  grpc::ClientContext context;
  v1::UpdateRunResponse response;
  EXPECT_TRUE(runs_->UpdateRun(&context, request, &response).ok());
  EXPECT_EQ(response.run().name(), "runs/a");
  EXPECT_EQ(response.run().reason(), "labels");
}

TEST_F(Services, SayWhichDaemonTheyAreOf) {
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;
  const auto stub = v1::ServerService::NewStub(channel_);
  ASSERT_TRUE(stub->GetServerInfo(&context, {}, &info).ok());
  EXPECT_EQ(info.version(), THRONG_VERSION);
  EXPECT_EQ(info.api_version(), "throng.v1");
  EXPECT_EQ(info.plugin_abi_version(), fmt::format("{}.{}", THRONG_ABI_MAJOR, THRONG_ABI_MINOR));
  EXPECT_GT(info.start_time().seconds(), 1'600'000'000);
}

TEST_F(Services, PassRequestsOnAndAnswerAsTheEngineDoes) {
  grpc::ClientContext contexts[8];
  EXPECT_CALL(engine_, ListRuns(_)).WillOnce([](const v1::ListRunsRequest& request) {
    v1::ListRunsResponse response;
    response.set_next_page_token(request.page_token() + "+");
    return response;
  });
  v1::ListRunsRequest list;
  list.set_page_token("runs/a");
  v1::ListRunsResponse listed;
  EXPECT_TRUE(runs_->ListRuns(&contexts[0], list, &listed).ok());
  EXPECT_EQ(listed.next_page_token(), "runs/a+");

  EXPECT_CALL(engine_, CreateRun(_, _))
      .WillOnce([](const v1::CreateRunRequest& request, const CallContext&) {
        return RunNamed("runs/" + request.run_id());
      });
  v1::CreateRunRequest create;
  create.set_run_id("a");
  v1::CreateRunResponse created;
  EXPECT_TRUE(runs_->CreateRun(&contexts[1], create, &created).ok());
  EXPECT_EQ(created.run().name(), "runs/a");

  const auto position = [](const auto& request, auto response) {
    response.add_positions()->set_output(request.name());
    return response;
  };
  EXPECT_CALL(engine_, GetPositions(_, _))
      .WillOnce([&](const v1::GetPositionsRequest& request, const CallContext&) {
        return position(request, v1::GetPositionsResponse());
      });
  v1::GetPositionsRequest get_positions;
  get_positions.set_name("runs/p");
  v1::GetPositionsResponse positions;
  EXPECT_TRUE(runs_->GetPositions(&contexts[2], get_positions, &positions).ok());
  EXPECT_EQ(positions.positions(0).output(), "runs/p");

  EXPECT_CALL(engine_, ResetPositions(_, _))
      .WillOnce([&](const v1::ResetPositionsRequest& request, const CallContext&) {
        return position(request, v1::ResetPositionsResponse());
      });
  v1::ResetPositionsRequest reset;
  reset.set_name("runs/r");
  v1::ResetPositionsResponse was_reset;
  EXPECT_TRUE(runs_->ResetPositions(&contexts[3], reset, &was_reset).ok());
  EXPECT_EQ(was_reset.positions(0).output(), "runs/r");

  EXPECT_CALL(engine_, GetRunStatistics(_, _))
      .WillOnce([](const v1::GetRunStatisticsRequest& request, const CallContext&) {
        v1::GetRunStatisticsResponse response;
        response.set_output(request.output());
        return response;
      });
  v1::GetRunStatisticsRequest get_statistics;
  get_statistics.set_output("csv");
  v1::GetRunStatisticsResponse statistics;
  EXPECT_TRUE(runs_->GetRunStatistics(&contexts[4], get_statistics, &statistics).ok());
  EXPECT_EQ(statistics.output(), "csv");

  EXPECT_CALL(engine_, Plan(_, _)).WillOnce([](const v1::PlanRequest& request, const CallContext&) {
    v1::Plan plan;
    plan.set_fingerprint(request.source().layers(0).text());
    return plan;
  });
  v1::PlanRequest plan_request;
  plan_request.mutable_source()->add_layers()->set_text("dataset: {}");
  v1::PlanResponse planned;
  EXPECT_TRUE(generation_->Plan(&contexts[5], plan_request, &planned).ok());
  EXPECT_EQ(planned.plan().fingerprint(), "dataset: {}");

  EXPECT_CALL(engine_, ValidateSpec(_, _))
      .WillOnce([](const v1::ValidateSpecRequest&, const CallContext&) {
        v1::ValidateSpecResponse response;
        response.add_problems()->set_field("dataset.seed");
        return response;
      });
  v1::ValidateSpecResponse validated;
  EXPECT_TRUE(plugins_->ValidateSpec(&contexts[6], {}, &validated).ok());
  EXPECT_EQ(validated.problems(0).field(), "dataset.seed");

  EXPECT_CALL(engine_, ListPlugins(_)).WillOnce([](const v1::ListPluginsRequest&) {
    v1::ListPluginsResponse response;
    response.add_plugins()->set_name("plugins/zipf");
    return response;
  });
  v1::ListPluginsResponse plugins;
  EXPECT_TRUE(plugins_->ListPlugins(&contexts[7], {}, &plugins).ok());
  EXPECT_EQ(plugins.plugins(0).name(), "plugins/zipf");
}

TEST_F(Services, FindAPlugin) {
  EXPECT_CALL(engine_, GetPlugin("plugins/zipf")).WillOnce([](const std::string& name) {
    v1::GetPluginResponse response;
    response.mutable_plugin()->set_name(name);
    return response;
  });
  grpc::ClientContext context;
  v1::GetPluginRequest request;
  request.set_name("plugins/zipf");
  v1::GetPluginResponse response;
  EXPECT_TRUE(plugins_->GetPlugin(&context, request, &response).ok());
  EXPECT_EQ(response.plugin().name(), "plugins/zipf");
}

TEST_F(Services, ListPresetsOfBehaviourThenSizes) {
  grpc::ClientContext context;
  v1::ListPresetsResponse response;
  ASSERT_TRUE(plugins_->ListPresets(&context, {}, &response).ok());
  ASSERT_GT(response.presets_size(), 2);
  EXPECT_EQ(response.presets(0).name(), "presets/shop");
  EXPECT_EQ(response.presets(0).kind(), v1::PRESET_KIND_BEHAVIOUR);
  EXPECT_THAT(response.presets(0).yaml(), testing::StartsWith("dataset:"));
  const v1::Preset& last = response.presets(response.presets_size() - 1);
  EXPECT_EQ(last.kind(), v1::PRESET_KIND_SIZE);
  EXPECT_FALSE(last.doc().empty());
}

TEST_F(Services, TellMistakesFieldByField) {
  google::protobuf::RepeatedPtrField<v1::SpecProblem> problems;
  for (int i = 0; i < 5000; ++i) {
    v1::SpecProblem* problem = problems.Add();
    problem->set_field("outputs[" + std::to_string(i) + "].name");
    problem->set_message("Is taken ⭐; choose another.");
  }
  EXPECT_CALL(engine_, CreateRun(_, _)).WillOnce(Return(InvalidSpec(problems)));
  grpc::ClientContext context;
  v1::CreateRunResponse response;
  const grpc::Status status = runs_->CreateRun(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "outputs[0].name: Is taken ⭐; choose another. (and 4999 more mistakes)");
  EXPECT_EQ(ReasonOf(status), "INVALID_SPEC");
  const auto request = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_GT(request.field_violations_size(), 10);
  EXPECT_EQ(request.field_violations(9).field(), "outputs[9].name");
  EXPECT_EQ(request.field_violations(9).description(), "Is taken ⭐; choose another.");
}

TEST_F(Services, PassDeadlinesOn) {
  CallContext given, without;
  EXPECT_CALL(engine_, Plan(_, _))
      .WillOnce(DoAll(SaveArg<1>(&given), Return(v1::Plan())))
      .WillOnce(DoAll(SaveArg<1>(&without), Return(v1::Plan())));
  v1::PlanResponse response;
  grpc::ClientContext context, endless;
  context.set_deadline(system_clock::now() + seconds(500));
  EXPECT_TRUE(generation_->Plan(&context, {}, &response).ok());
  EXPECT_GT(given.deadline, steady_clock::now() + seconds(400));
  EXPECT_LT(given.deadline, steady_clock::now() + seconds(501));
  EXPECT_TRUE(generation_->Plan(&endless, {}, &response).ok());
  EXPECT_GT(without.deadline, steady_clock::now() + seconds(30));
  EXPECT_LT(without.deadline, steady_clock::now() + seconds(61));
}

TEST_F(Services, LetGoOfCallersThatDoNotWait) {
  Signal is_late;
  EXPECT_CALL(engine_, Plan(_, _)).WillOnce([&](const v1::PlanRequest&, const CallContext&) {
    is_late.Wait();
    return v1::Plan();
  });
  grpc::ClientContext context;
  context.set_deadline(system_clock::now() + std::chrono::milliseconds(100));
  v1::PlanResponse response;
  EXPECT_EQ(generation_->Plan(&context, {}, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  is_late.Set();
}

TEST_F(Services, TellTheEngineOfACallerThatHasGone) {
  Signal is_asked;
  Signal is_cancelled;
  EXPECT_CALL(engine_, CreateRun(_, _))
      .WillOnce([&](const v1::CreateRunRequest&, const CallContext& call) {
        const std::stop_callback on_cancel(call.cancelled, [&] { is_cancelled.Set(); });
        is_asked.Set();
        is_cancelled.Wait();
        return absl::CancelledError("It was.");
      });
  grpc::ClientContext context;
  std::thread caller([&] {
    v1::CreateRunResponse response;
    EXPECT_EQ(runs_->CreateRun(&context, {}, &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  is_asked.Wait();
  context.TryCancel();
  caller.join();
  server_.reset();  // the call has ended
}

TEST_F(Services, AnswerOthersWhileManyCallsWait) {
  constexpr int kCalls = 40;
  Signal may_end;
  std::atomic<int> waiting = 0;
  Signal all_wait;
  EXPECT_CALL(engine_, CreateRun(_, _))
      .Times(kCalls)
      .WillRepeatedly([&](const v1::CreateRunRequest&, const CallContext&) {
        if (++waiting == kCalls) all_wait.Set();
        may_end.Wait();
        return RunNamed("runs/a");
      });
  EXPECT_CALL(engine_, GetRun("runs/b")).WillOnce(Return(RunNamed("runs/b")));
  std::vector<std::thread> callers;
  callers.reserve(kCalls);
  for (int i = 0; i < kCalls; ++i) {
    callers.emplace_back([this] {
      grpc::ClientContext context;
      v1::CreateRunResponse response;
      EXPECT_TRUE(runs_->CreateRun(&context, {}, &response).ok());
    });
  }
  all_wait.Wait();
  grpc::ClientContext context;
  v1::GetRunRequest request;
  request.set_name("runs/b");
  v1::GetRunResponse response;
  EXPECT_TRUE(runs_->GetRun(&context, request, &response).ok());
  may_end.Set();
  for (std::thread& caller : callers) caller.join();
}

TEST_F(Services, DrainsTheDaemon) {
  EXPECT_CALL(engine_, Drain(_)).WillOnce(Return(absl::OkStatus()));
  const auto stub = v1::ServerService::NewStub(channel_);
  grpc::ClientContext context;
  v1::DrainResponse response;
  EXPECT_TRUE(stub->Drain(&context, {}, &response).ok());
}

TEST_F(Services, WatchesAllRunsThatAFilterLetsThrough) {
  std::function<void(const std::string&)> on_change;
  EXPECT_CALL(engine_, WatchAll(_))
      .WillOnce([&](std::function<void(const std::string&)> call) -> absl::StatusOr<uint64_t> {
        for (const char* const name : {"runs/a", "runs/b", "runs/c"}) call(name);
        on_change = std::move(call);
        return 7;
      });
  Signal is_left;
  EXPECT_CALL(engine_, Unwatch(7)).WillOnce([&](uint64_t) { is_left.Set(); });
  std::mutex mutex;
  std::map<std::string, v1::Run> runs;
  for (const char* const name : {"runs/a", "runs/b", "runs/c"}) {
    runs[name] = RunNamed(name);
    runs[name].set_state(v1::RUN_STATE_RUNNING);
    runs[name].mutable_spec()->set_threads(2);
  }
  runs["runs/b"].set_state(v1::RUN_STATE_PAUSED);
  EXPECT_CALL(engine_, GetRun(_)).WillRepeatedly([&](const std::string& name) {
    const std::lock_guard lock(mutex);
    const auto found = runs.find(name);
    return found == runs.end() ? absl::StatusOr<v1::Run>(NoSuchRun()) : found->second;
  });
  const auto change = [&](const std::string& name, v1::RunState state) {
    {
      const std::lock_guard lock(mutex);
      runs[name].set_name(name);
      runs[name].set_state(state);
      if (state == v1::RUN_STATE_UNSPECIFIED) runs.erase(name);
    }
    on_change(name);
  };
  grpc::ClientContext context;
  v1::WatchRunsRequest request;
  request.set_filter("state = RUNNING");
  const auto reader = runs_->WatchRuns(&context, request);
  const auto next = [&] {
    v1::WatchRunsResponse response;
    if (!reader->Read(&response)) return std::string("end");
    EXPECT_FALSE(response.run().has_spec());
    return response.has_run() ? response.run().name() : "no " + response.removed();
  };
  EXPECT_EQ(next(), "runs/a");
  EXPECT_EQ(next(), "runs/c");
  change("runs/b", v1::RUN_STATE_RUNNING);
  EXPECT_EQ(next(), "runs/b");
  change("runs/a", v1::RUN_STATE_STOPPED);
  EXPECT_EQ(next(), "no runs/a");
  change("runs/a", v1::RUN_STATE_UNSPECIFIED);  // it was not shown any more
  change("runs/c", v1::RUN_STATE_UNSPECIFIED);
  EXPECT_EQ(next(), "no runs/c");
  change("runs/d", v1::RUN_STATE_RUNNING);
  EXPECT_EQ(next(), "runs/d");
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  is_left.Wait();
}

TEST_F(Services, RefusesAFilterOfRunsToWatch) {
  grpc::ClientContext context;
  v1::WatchRunsRequest request;
  request.set_filter("colour = red");
  v1::WatchRunsResponse response;
  const auto reader = runs_->WatchRuns(&context, request);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// ---- WatchRun ----

class WatchRun : public Services {
 protected:
  WatchRun() {
    EXPECT_CALL(engine_, Watch("runs/a", _))
        .WillOnce([this](const std::string&, std::function<void()> on_change) {
          const std::lock_guard lock(mutex_);
          on_change_ = std::move(on_change);
          return absl::StatusOr<uint64_t>(7);
        });
    EXPECT_CALL(engine_, Unwatch(7)).WillOnce([this](uint64_t) {
      const std::lock_guard lock(mutex_);
      on_change_ = nullptr;
    });
    EXPECT_CALL(engine_, GetRun("runs/a")).WillRepeatedly([this](const std::string&) {
      const std::lock_guard lock(mutex_);
      ++asked_;
      return run_;
    });
    v1::WatchRunRequest request;
    request.set_name("runs/a");
    reader_ = runs_->WatchRun(&context_, request);
  }

  void Change(absl::StatusOr<v1::Run> run) {
    const std::lock_guard lock(mutex_);
    run_ = std::move(run);
    if (on_change_) on_change_();
  }

  std::mutex mutex_;
  std::function<void()> on_change_;
  absl::StatusOr<v1::Run> run_ = RunNamed("runs/a", "first");
  int asked_ = 0;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>> reader_;
};

TEST_F(WatchRun, SendsTheRunAtOnceAndAfterChangesUntilItIsDeleted) {
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  EXPECT_EQ(response.run().reason(), "first");
  Change(RunNamed("runs/a", "second"));
  ASSERT_TRUE(reader_->Read(&response));
  EXPECT_EQ(response.run().reason(), "second");
  Change(NoSuchRun());
  EXPECT_FALSE(reader_->Read(&response));
  const grpc::Status status = reader_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "RUN_NOT_FOUND");
}

TEST_F(WatchRun, PutsChangesTogetherWhileTheReaderIsSlow) {
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  constexpr int kChanges = 1000;
  const std::string large(1 << 20, 'x');  // more than is sent to a reader that does not read
  for (int i = 1; i < kChanges; ++i) Change(RunNamed("runs/a", large));
  Change(RunNamed("runs/a", "last"));
  int messages = 0;
  do {
    ASSERT_TRUE(reader_->Read(&response));
    ++messages;
  } while (response.run().reason() != "last");
  EXPECT_LT(messages, 50);
  context_.TryCancel();
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WatchRun, EndsWithTheDaemon) {
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  Change(MakeError(absl::StatusCode::kUnavailable, "DAEMON_STOPPING", "The daemon is ending."));
  EXPECT_FALSE(reader_->Read(&response));
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(WatchRun, DoesNotTakeAnotherRunOfThatNameForIt) {
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  v1::Run other = RunNamed("runs/a");
  other.set_uid("v");
  Change(other);
  EXPECT_FALSE(reader_->Read(&response));
  const grpc::Status status = reader_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "The run was deleted; another one has its name now.");
}

TEST_F(WatchRun, IsLetGoWhenTheServerEnds) {
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader_->Read(&response));
  server_.reset();
  EXPECT_FALSE(reader_->Read(&response));
  EXPECT_FALSE(reader_->Finish().ok());
}

int ThreadsOfThisProcess() {
  int threads = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++threads;
  }
  return threads;
}

TEST_F(Services, WatchWithoutAThreadEachAndKeepNobodyOut) {
  constexpr int kWatchers = 1500;
  std::mutex mutex;
  std::map<uint64_t, std::function<void()>> watchers;
  std::atomic<int> version = 1;
  EXPECT_CALL(engine_, Watch("runs/a", _))
      .Times(kWatchers)
      .WillRepeatedly([&](const std::string&, std::function<void()> on_change) {
        const std::lock_guard lock(mutex);
        const uint64_t id = watchers.size() + 1;
        watchers[id] = std::move(on_change);
        return absl::StatusOr<uint64_t>(id);
      });
  EXPECT_CALL(engine_, Unwatch(_)).Times(kWatchers).WillRepeatedly([&](uint64_t id) {
    const std::lock_guard lock(mutex);
    watchers[id] = nullptr;
  });
  EXPECT_CALL(engine_, GetRun("runs/a")).WillRepeatedly([&](const std::string&) {
    return RunNamed("runs/a", std::to_string(version));
  });
  EXPECT_CALL(engine_, CreateRun(_, _)).WillOnce(Return(RunNamed("runs/b")));

  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>> reader;
  };
  v1::WatchRunRequest request;
  request.set_name("runs/a");
  v1::WatchRunResponse response;
  std::vector<std::unique_ptr<Watcher>> all;
  int threads_of_some = 0;
  for (int i = 0; i < kWatchers; ++i) {
    Watcher& watcher = *all.emplace_back(std::make_unique<Watcher>());
    watcher.reader = runs_->WatchRun(&watcher.context, request);
    ASSERT_TRUE(watcher.reader->Read(&response));
    if (i == 100) threads_of_some = ThreadsOfThisProcess();
  }
  EXPECT_LE(ThreadsOfThisProcess(), threads_of_some + 10);  // gRPC starts some as it likes
  grpc::ClientContext context;
  v1::CreateRunResponse created;
  EXPECT_TRUE(runs_->CreateRun(&context, {}, &created).ok());

  version = 2;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [id, on_change] : watchers) on_change();
  }
  for (const auto& watcher : all) {
    ASSERT_TRUE(watcher->reader->Read(&response));
    EXPECT_EQ(response.run().reason(), "2");
    watcher->context.TryCancel();
    EXPECT_EQ(watcher->reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  server_.reset();  // all have let go
}

TEST_F(Services, WatchNoRunThatIsNotThere) {
  EXPECT_CALL(engine_, Watch("runs/x", _)).WillOnce(Return(NoSuchRun()));
  grpc::ClientContext context;
  v1::WatchRunRequest request;
  request.set_name("runs/x");
  v1::WatchRunResponse response;
  auto reader = runs_->WatchRun(&context, request);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

// ---- ReadRunLogs ----

class ReadRunLogs : public Services {
 protected:
  // The run's log: lines 0, 1, ... as texts of their numbers, two at a time.
  void HaveLines(int count) {
    EXPECT_CALL(engine_, ReadLog("runs/a", _))
        .WillRepeatedly([this, count](const std::string&, uint64_t* next) {
          std::vector<v1::LogLine> lines;
          const auto end = static_cast<uint64_t>(count + more_);
          while (*next < end && lines.size() < 2) {
            lines.emplace_back().set_message(std::to_string((*next)++));
          }
          if (lines.empty()) ++empty_reads_;
          return lines;
        });
  }

  // The run, and who watches it or its log.
  void HaveRun(const std::function<v1::Run()>& run) {
    EXPECT_CALL(engine_, GetRun("runs/a")).WillRepeatedly([run](const std::string&) {
      return run();
    });
    const auto watch = [this](const std::string&, std::function<void()> on_change) {
      const std::lock_guard lock(mutex_);
      on_change_.push_back(std::move(on_change));
      return absl::StatusOr<uint64_t>(on_change_.size());
    };
    EXPECT_CALL(engine_, Watch("runs/a", _)).WillOnce(watch);
    EXPECT_CALL(engine_, WatchLog("runs/a", _)).WillOnce(watch);
    EXPECT_CALL(engine_, Unwatch(_)).Times(2).WillRepeatedly([this](uint64_t id) {
      const std::lock_guard lock(mutex_);
      on_change_[id - 1] = nullptr;
    });
  }
  // Calls the `which`th that watches, once it does.
  void Change(size_t which) {
    for (;; std::this_thread::yield()) {
      const std::lock_guard lock(mutex_);
      if (on_change_.size() <= which) continue;
      if (on_change_[which]) on_change_[which]();
      return;
    }
  }

  grpc::Status Read(int tail_lines, bool follow) {
    grpc::ClientContext context;
    v1::ReadRunLogsRequest request;
    request.set_name("runs/a");
    request.set_tail_lines(tail_lines);
    request.set_follow(follow);
    v1::ReadRunLogsResponse response;
    auto reader = runs_->ReadRunLogs(&context, request);
    while (reader->Read(&response)) {
      for (const v1::LogLine& line : response.lines()) read_.push_back(line.message());
    }
    return reader->Finish();
  }

  std::mutex mutex_;
  std::vector<std::function<void()>> on_change_;
  std::atomic<int> more_ = 0;
  std::atomic<int> empty_reads_ = 0;
  std::vector<std::string> read_;
};

TEST_F(ReadRunLogs, SendsAllLinesAndEnds) {
  HaveLines(5);
  EXPECT_TRUE(Read(0, false).ok());
  EXPECT_THAT(read_, ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(ReadRunLogs, SendsTheLastLinesAlone) {
  HaveLines(5);
  EXPECT_CALL(engine_, FirstOfLog("runs/a", 2)).WillOnce(Return(3));
  EXPECT_TRUE(Read(2, false).ok());
  EXPECT_THAT(read_, ElementsAre("3", "4"));
}

TEST_F(ReadRunLogs, FollowsUntilTheRunHasEnded) {
  HaveLines(1);
  std::atomic<bool> has_ended = false;
  HaveRun([&] {
    v1::Run run;
    run.set_state(has_ended ? v1::RUN_STATE_SUCCEEDED : v1::RUN_STATE_RUNNING);
    return run;
  });
  std::thread run([&] {
    while (empty_reads_ < 1) std::this_thread::yield();
    more_ = 1;
    Change(1);  // of the log
    while (empty_reads_ < 2) std::this_thread::yield();
    more_ = 2;  // lines that come as it ends
    has_ended = true;
    Change(0);
  });
  EXPECT_TRUE(Read(0, true).ok());
  EXPECT_THAT(read_, ElementsAre("0", "1", "2"));
  run.join();
}

TEST_F(ReadRunLogs, DoesNotTakeAnotherRunOfThatNameForIt) {
  HaveLines(1);
  HaveRun([this] {
    v1::Run run;
    run.set_uid(empty_reads_ > 0 ? "v" : "u");
    return run;
  });
  std::thread other([&] {
    while (empty_reads_ < 1) std::this_thread::yield();
    Change(0);
  });
  EXPECT_EQ(Read(0, true).error_message(), "The run was deleted; another one has its name now.");
  other.join();
}

TEST_F(ReadRunLogs, RefusesATailOfLessThanNothing) {
  const grpc::Status status = Read(-1, false);
  EXPECT_EQ(status.error_message(),
            "tail_lines: Must not be negative; leave it out for all lines.");
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(), "tail_lines");
}

TEST_F(ReadRunLogs, SaysThatThereIsNoSuchRun) {
  EXPECT_CALL(engine_, ReadLog("runs/a", _)).WillOnce(Return(NoSuchRun()));
  EXPECT_EQ(Read(0, false).error_code(), grpc::StatusCode::NOT_FOUND);
}

// ---- Generate ----

// Rows as a test has them; what happens to the stream outlives it.
struct Happened {
  std::atomic<int> asked = 0;  // calls of Next
  Signal cancelled;
  Signal destroyed;
};

class PlayedRows final : public RowStream {
 public:
  // `count` messages of `message`, then `status`; -1: without end.
  PlayedRows(Happened* happened, std::string message, int count, absl::Status status = {})
      : happened_(happened),
        message_(std::move(message)),
        left_(count),
        status_(std::move(status)) {}
  ~PlayedRows() override { happened_->destroyed.Set(); }

  absl::StatusOr<std::optional<std::string>> Next() override {
    ++happened_->asked;
    if (left_ == 0) {
      if (!status_.ok()) return status_;
      return std::optional<std::string>();
    }
    if (left_ > 0) --left_;
    return message_;
  }
  void Cancel() override { happened_->cancelled.Set(); }

 private:
  Happened* const happened_;
  const std::string message_;
  int left_;
  const absl::Status status_;
};

std::string BatchOf(int rows) {
  v1::GenerateResponse response;
  for (int i = 0; i < rows; ++i) response.mutable_batch()->add_timestamp_ms(i);
  return response.SerializeAsString();
}

class Generate : public Services {
 protected:
  void HaveRows(const std::string& message, int count, const absl::Status& status = {}) {
    EXPECT_CALL(engine_, Generate(_, _))
        .WillOnce(
            [this, message, count, status](const v1::GenerateRequest& request, const CallContext&) {
              EXPECT_EQ(request.start_row(), 5);
              return std::unique_ptr<RowStream>(
                  std::make_unique<PlayedRows>(&happened_, message, count, status));
            });
  }

  void Begin() {
    v1::GenerateRequest request;
    request.set_start_row(5);
    reader_ = generation_->Generate(&context_, request);
  }

  Happened happened_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> reader_;
  v1::GenerateResponse response_;
};

TEST_F(Generate, SendsTheBytesOfTheWorkerInOrder) {
  HaveRows(BatchOf(3), 3);
  Begin();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reader_->Read(&response_));
    EXPECT_EQ(response_.SerializeAsString(), BatchOf(3));
  }
  EXPECT_FALSE(reader_->Read(&response_));
  EXPECT_TRUE(reader_->Finish().ok());
  happened_.destroyed.Wait();
}

TEST_F(Generate, EndsWithTheWorkersError) {
  HaveRows(BatchOf(1), 1,
           MakeError(absl::StatusCode::kInternal, "WORKER_CRASHED", "SIGSEGV in choice `zipf`."));
  Begin();
  EXPECT_TRUE(reader_->Read(&response_));
  EXPECT_FALSE(reader_->Read(&response_));
  const grpc::Status status = reader_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "SIGSEGV in choice `zipf`.");
  EXPECT_EQ(ReasonOf(status), "WORKER_CRASHED");
}

TEST_F(Generate, SaysWhenToComeAgain) {
  EXPECT_CALL(engine_, Generate(_, _))
      .WillOnce(Return(WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                                "TOO_MANY_STREAMS", "64 streams are open."),
                                      seconds(2))));
  Begin();
  EXPECT_FALSE(reader_->Read(&response_));
  const grpc::Status status = reader_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 2);
}

TEST_F(Generate, IsHeldByASlowReader) {
  HaveRows(BatchOf(16'384), 10'000);
  Begin();
  // Each read lets a message or two more through, wherever the rest of them waits.
  constexpr int kRead = 20;
  for (int i = 0; i < kRead; ++i) ASSERT_TRUE(reader_->Read(&response_));
  EXPECT_LT(happened_.asked, kRead + 200);
  context_.TryCancel();
  happened_.destroyed.Wait();
  EXPECT_LT(happened_.asked, kRead + 200);
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(Generate, EndsTheWorkerAtOnceWhenItIsCancelled) {
  // As a worker's rows: Next blocks until they are cancelled.
  class Blocked final : public RowStream {
   public:
    explicit Blocked(Happened* happened) : happened_(happened) {}
    ~Blocked() override { happened_->destroyed.Set(); }
    absl::StatusOr<std::optional<std::string>> Next() override {
      happened_->cancelled.Wait();
      return absl::CancelledError("The rows were cancelled.");
    }
    void Cancel() override { happened_->cancelled.Set(); }

   private:
    Happened* const happened_;
  };
  EXPECT_CALL(engine_, Generate(_, _))
      .WillOnce([&](const v1::GenerateRequest&, const CallContext&) {
        return std::unique_ptr<RowStream>(std::make_unique<Blocked>(&happened_));
      });
  context_.set_deadline(system_clock::now() + std::chrono::milliseconds(200));
  Begin();
  EXPECT_FALSE(reader_->Read(&response_));
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  happened_.destroyed.Wait();
}

TEST_F(Generate, EndsWhenItIsCancelledWhileTheWorkerPlans) {
  Signal is_planning;
  Signal is_planned;
  EXPECT_CALL(engine_, Generate(_, _))
      .WillOnce([&](const v1::GenerateRequest&, const CallContext&) {
        is_planning.Set();
        is_planned.Wait();
        return std::unique_ptr<RowStream>(std::make_unique<PlayedRows>(&happened_, BatchOf(1), -1));
      });
  Begin();
  is_planning.Wait();
  context_.TryCancel();
  EXPECT_FALSE(reader_->Read(&response_));
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::CANCELLED);
  is_planned.Set();
  happened_.destroyed.Wait();
}

// ---- Inspections ----

class Inspections : public Services {
 protected:
  // What the engine is asked for by `call(context, request)`, and all messages of the answer.
  template <class Response, class Call, class Request>
  worker::v1::InspectJob Ask(Call call, const Request& request) {
    worker::v1::InspectJob asked;
    EXPECT_CALL(engine_, Inspect(_)).WillOnce([&](const worker::v1::InspectJob& job) {
      asked = job;
      return std::unique_ptr<RowStream>(std::make_unique<PlayedRows>(
          &happened_, "", 2, absl::InvalidArgumentError("Nothing is there.")));
    });
    grpc::ClientContext context;
    const auto reader = call(&context, request);
    Response response;
    int messages = 0;
    while (reader->Read(&response)) ++messages;
    EXPECT_EQ(messages, 2);
    EXPECT_EQ(reader->Finish().error_message(), "Nothing is there.");
    return asked;
  }

  Happened happened_;
};

TEST_F(Inspections, AreJobsOfTheirRequests) {
  const auto stub = [this](auto method) {
    return [this, method](grpc::ClientContext* context, const auto& request) {
      return (inspection_.get()->*method)(context, request);
    };
  };
  using Stub = v1::InspectionService::Stub;
  v1::SummarizeRequest summarize;
  summarize.set_with_state(true);
  EXPECT_TRUE(
      Ask<v1::SummarizeResponse>(stub(&Stub::Summarize), summarize).summarize().with_state());
  v1::VerifyRequest verify;
  verify.set_any_order(true);
  EXPECT_TRUE(Ask<v1::VerifyResponse>(stub(&Stub::Verify), verify).verify().any_order());
  v1::TapRequest tap;
  tap.set_limit(7);
  EXPECT_EQ(Ask<v1::TapResponse>(stub(&Stub::Tap), tap).tap().limit(), 7);
  v1::ReplayRequest replay;
  replay.set_rate(5);
  EXPECT_EQ(Ask<v1::ReplayResponse>(stub(&Stub::Replay), replay).replay().rate(), 5);
  v1::DiagnoseRequest diagnose;
  diagnose.mutable_sink()->set_component("kafka");
  EXPECT_EQ(
      Ask<v1::DiagnoseResponse>(stub(&Stub::Diagnose), diagnose).diagnose().sink().component(),
      "kafka");
}

}  // namespace
}  // namespace throng
