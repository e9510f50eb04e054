// The engine with the real supervisor, worker and plugins.
#include "server/daemon/run_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <string>

#include "server/daemon/supervisor.h"
#include "throng/v1/generation_service.pb.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

Deadline Soon() { return std::chrono::steady_clock::now() + kPatience; }

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class RunEngineTest : public testing::Test {
 protected:
  RunEngineTest()
      : folder_(fs::temp_directory_path() / ("throng_engine_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "out");
    Start();
  }
  ~RunEngineTest() override {
    End();
    fs::remove_all(folder_);
  }

  void Start() {
    SupervisorOptions options;
    options.worker_path = THRONG_WORKER;
    options.working_folder = folder_ / "out";
    options.umask = 0027;
    supervisor_ = std::make_unique<Supervisor>(options);
    index_ = std::make_unique<PluginIndex>(std::vector<std::string>{THRONG_PLUGIN_FOLDER},
                                           folder_ / "state", supervisor_.get());
    auto store = RunStore::Open(folder_ / "state");
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    RunEngine::Parts parts;
    parts.config.state_folder = folder_ / "state";
    parts.config.output_roots = {folder_ / "out"};
    parts.config.max_streams = 2;
    parts.config.ended_runs = 3;
    parts.workers = supervisor_.get();
    parts.timers = supervisor_.get();
    parts.index = index_.get();
    parts.store = store_.get();
    engine_ = std::make_unique<RunEngine>(parts);
    ASSERT_TRUE(engine_->Start().ok());
  }
  void End() {
    engine_->Stop(Soon());
    supervisor_.reset();
    engine_.reset();
    index_.reset();
    store_.reset();
  }

  static v1::CreateRunRequest Request(const std::string& yaml, const std::string& id) {
    v1::CreateRunRequest request;
    request.set_run_id(id);
    v1::SpecLayer* layer = request.mutable_source()->add_layers();
    layer->set_name("test");
    layer->set_text(yaml);
    return request;
  }
  static std::string Csv(const std::string& path, const std::string& more = "") {
    return "dataset: {seed: 5, interactions: 200000, plan_size: 50000}\n"
           "outputs:\n"
           "- {name: csv, commit_rows: 20000, format: {component: csv},"
           " sink: {component: file, options: {path: " +
           path + "}}}\n" + more;
  }
  v1::Run Create(const std::string& yaml, const std::string& id) {
    const auto run = engine_->CreateRun(Request(yaml, id), {Soon()});
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : v1::Run();
  }
  v1::Run Get(const std::string& id) {
    const auto run = engine_->GetRun("runs/" + id);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : v1::Run();
  }

  // The run, once it is so; hears of each change.
  v1::Run Await(const std::string& id, const std::function<bool(const v1::Run&)>& is_so) {
    std::mutex mutex;
    std::condition_variable changed;
    int changes = 0;
    const auto watch = engine_->Watch("runs/" + id, [&] {
      const std::lock_guard lock(mutex);
      ++changes;
      changed.notify_all();
    });
    EXPECT_TRUE(watch.ok()) << watch.status();
    v1::Run run = Get(id);
    for (int seen = 0; !is_so(run); run = Get(id)) {
      std::unique_lock lock(mutex);
      if (!changed.wait_for(lock, kPatience, [&] { return changes > seen; })) {
        ADD_FAILURE() << "nothing changes: " << run.DebugString();
        break;
      }
      seen = changes;
    }
    engine_->Unwatch(*watch);
    return run;
  }
  v1::Run AwaitState(const std::string& id, v1::RunState state) {
    return Await(id, [&](const v1::Run& run) {
      return run.state() == state || run.state() == v1::RUN_STATE_FAILED ||
             run.state() == v1::RUN_STATE_SUCCEEDED;
    });
  }

  const fs::path folder_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<PluginIndex> index_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<RunEngine> engine_;
};

TEST_F(RunEngineTest, ARunDeliversItsFileAndSaysSo) {
  const v1::Run created = Create(Csv("a.csv"), "a");
  EXPECT_EQ(created.name(), "runs/a");
  EXPECT_EQ(created.uid().size(), 32U);
  EXPECT_EQ(created.spec().dataset().world().users(), 500);
  const v1::Run run = AwaitState("a", v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.reason();
  EXPECT_EQ(run.outputs(0).rows(), 200'000);
  EXPECT_EQ(run.outputs(0).position(), 200'000);
  EXPECT_TRUE(run.has_start_time());
  EXPECT_TRUE(run.has_end_time());
  EXPECT_TRUE(fs::exists(folder_ / "out" / "a.csv.manifest.json"));
  EXPECT_EQ(fs::status(folder_ / "out" / "a.csv").permissions(), fs::perms(0640));
  v1::GetRunStatisticsRequest request;
  request.set_name("runs/a");
  const auto statistics = engine_->GetRunStatistics(request, {Soon()});
  ASSERT_TRUE(statistics.ok()) << statistics.status();
  EXPECT_EQ(statistics->statistics().total_interactions(), 200'000);
  EXPECT_TRUE(statistics->is_final());
}

TEST_F(RunEngineTest, MistakesComeAllAtOnceWithTheirFields) {
  const auto run = engine_->CreateRun(
      Request("dataset: {usrs: 3, world: {users: 0}}\noutputs: [{format: {component: csv}, sink: "
              "{component: file, options: {path: ../escaped.csv}}}]",
              "a"),
      {Soon()});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(run.status().message());
  EXPECT_THAT(message, HasSubstr("dataset.usrs"));
  v1::ValidateSpecRequest request;
  *request.mutable_source() = Request(Csv("../escaped.csv"), "a").source();
  const auto validated = engine_->ValidateSpec(request, {Soon()});
  ASSERT_TRUE(validated.ok()) << validated.status();
  ASSERT_EQ(validated->problems_size(), 1);
  EXPECT_EQ(validated->problems(0).field(), "outputs[0].sink.options.path");
  EXPECT_THAT(validated->problems(0).message(), HasSubstr("outside the output roots"));
}

TEST_F(RunEngineTest, ALinkOutOfTheRootsIsNoWayOut) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "out" / "link");
  const auto run = engine_->CreateRun(Request(Csv("link/a.csv"), "a"), {Soon()});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
}

TEST_F(RunEngineTest, PausedItDeliversNothingAndResumedItGoesOn) {
  Create(Csv("a.csv", "pace: {rate: 100000}\n"), "a");
  Await("a", [](const v1::Run& run) { return run.outputs(0).position() > 0; });
  ASSERT_TRUE(engine_->PauseRun({"runs/a"}).ok());
  const v1::Run paused = AwaitState("a", v1::RUN_STATE_PAUSED);
  ASSERT_EQ(paused.state(), v1::RUN_STATE_PAUSED) << paused.DebugString();
  EXPECT_EQ(paused.outputs(0).position(), paused.outputs(0).rows());
  const std::string part = Content(folder_ / "out" / "a.csv.part");
  v1::GetRunStatisticsRequest request;
  request.set_name("runs/a");
  const auto statistics = engine_->GetRunStatistics(request, {Soon()});
  ASSERT_TRUE(statistics.ok()) << statistics.status();
  EXPECT_EQ(statistics->statistics().total_interactions(), paused.outputs(0).rows());
  EXPECT_EQ(Content(folder_ / "out" / "a.csv.part"), part);
  ASSERT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
  EXPECT_EQ(AwaitState("a", v1::RUN_STATE_SUCCEEDED).state(), v1::RUN_STATE_SUCCEEDED);
  Create(Csv("b.csv"), "b");
  EXPECT_EQ(AwaitState("b", v1::RUN_STATE_SUCCEEDED).state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Content(folder_ / "out" / "a.csv"), Content(folder_ / "out" / "b.csv"));
}

TEST_F(RunEngineTest, StoppedItCanBeAskedAndResetAndADaemonThatComesBackGoesOn) {
  Create(Csv("a.csv", "pace: {rate: 50000}\n"), "a");
  Await("a", [](const v1::Run& run) { return run.outputs(0).position() > 0; });
  v1::ResetPositionsRequest reset;
  reset.set_name("runs/a");
  EXPECT_EQ(engine_->ResetPositions(reset, {Soon()}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  const v1::Run stopped = AwaitState("a", v1::RUN_STATE_STOPPED);
  ASSERT_EQ(stopped.state(), v1::RUN_STATE_STOPPED) << stopped.reason();
  v1::GetPositionsRequest ask;
  ask.set_name("runs/a");
  const auto positions = engine_->GetPositions(ask, {Soon()});
  ASSERT_TRUE(positions.ok()) << positions.status();
  EXPECT_EQ(positions->positions(0).row(), stopped.outputs(0).position());

  ASSERT_TRUE(engine_->ResumeRun({"runs/a"}).ok());
  Await("a", [&](const v1::Run& run) {
    return run.outputs(0).position() > stopped.outputs(0).position();
  });
  End();
  Start();
  const v1::Run back = Get("a");
  EXPECT_EQ(back.target_state(), v1::TARGET_STATE_RUNNING);
  Await("a",
        [&](const v1::Run& run) { return run.outputs(0).position() > back.outputs(0).position(); });
  ASSERT_TRUE(engine_->StopRun({"runs/a"}).ok());
  AwaitState("a", v1::RUN_STATE_STOPPED);
  const auto forgotten = engine_->ResetPositions(reset, {Soon()});
  ASSERT_TRUE(forgotten.ok()) << forgotten.status();
  EXPECT_FALSE(forgotten->positions(0).has_row());
  EXPECT_FALSE(fs::exists(folder_ / "out" / "a.csv.part"));
}

TEST_F(RunEngineTest, ARequestIdMakesCreationSafeToRepeat) {
  v1::CreateRunRequest request = Request(Csv("a.csv", "pace: {rate: 1000}\n"), "");
  request.set_request_id("once");
  const auto first = engine_->CreateRun(request, {Soon()});
  const auto second = engine_->CreateRun(request, {Soon()});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->name(), second->name());
  EXPECT_EQ(first->uid(), second->uid());
  request.set_request_id("twice");
  request.set_run_id(first->name().substr(5));
  EXPECT_EQ(engine_->CreateRun(request, {Soon()}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(engine_->DeleteRun({first->name()}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(engine_->GetRun("runs/rum-1").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunEngineTest, ValidateOnlyStoresNothing) {
  v1::CreateRunRequest request = Request(Csv("a.csv"), "a");
  request.set_validate_only(true);
  const auto run = engine_->CreateRun(request, {Soon()});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->outputs(0).total_rows(), 200'000);
  EXPECT_EQ(engine_->GetRun("runs/a").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(folder_ / "out"));
}

TEST_F(RunEngineTest, OnlyTheNewestEndedRunsAreKeptAndPagesShowThemAll) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = "r" + std::to_string(i);
    Create(Csv(id + ".csv"), id);
    AwaitState(id, v1::RUN_STATE_SUCCEEDED);
  }
  v1::ListRunsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    const auto page = engine_->ListRuns(request);
    ASSERT_TRUE(page.ok());
    for (const v1::Run& run : page->runs()) names.push_back(run.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("runs/r2", "runs/r3", "runs/r4"));
}

TEST_F(RunEngineTest, RowsComeFromAnyRowAndStreamsAreLimited) {
  v1::GenerateRequest request;
  *request.mutable_source() = Request("dataset: {seed: 5, interactions: 200000}", "").source();
  request.set_start_row(199'000);
  std::vector<std::unique_ptr<RowStream>> streams;
  for (int i = 0; i < 2; ++i) {
    auto stream = engine_->Generate(request, {Soon()});
    ASSERT_TRUE(stream.ok()) << stream.status();
    streams.push_back(*std::move(stream));
  }
  EXPECT_EQ(engine_->Generate(request, {Soon()}).status().code(),
            absl::StatusCode::kResourceExhausted);
  int64_t rows = 0;
  while (true) {
    const auto message = streams[0]->Next();
    ASSERT_TRUE(message.ok()) << message.status();
    if (!*message) break;
    v1::GenerateResponse response;
    ASSERT_TRUE(response.ParseFromString(**message));
    if (response.has_batch()) {
      EXPECT_EQ(response.batch().first_row(), 199'000 + rows);
    }
    rows += response.batch().user_numbers_size();
  }
  EXPECT_EQ(rows, 1000);
  streams.clear();
  EXPECT_TRUE(engine_->Generate(request, {Soon()}).ok());
}

TEST_F(RunEngineTest, APluginIsFoundByItsNameAndByThatOfAComponent) {
  const auto plugin = engine_->GetPlugin("plugins/pareto");
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  EXPECT_EQ(plugin->plugin().components(0).role(), "activity");
  EXPECT_THAT(std::string(engine_->GetPlugin("plugins/paretto").status().message()),
              HasSubstr("Did you mean `plugins/pareto`?"));
}

}  // namespace
}  // namespace throng
