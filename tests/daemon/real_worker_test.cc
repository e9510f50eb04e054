// The supervisor with the real worker: plugins that misbehave become sentences about them, and rows
// arrive.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/daemon/plugin_index.h"
#include "server/daemon/row_stream.h"
#include "server/daemon/supervisor.h"
#include "tests/plugins/sinks/scratch_folder.h"
#include "throng/v1/generation_service.pb.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;
using Kind = WorkerEnd::Kind;

constexpr seconds kPatience(60);

// Hears of a run's worker, and lets it begin as soon as it has planned.
class RunListener : public WorkerListener {
 public:
  explicit RunListener(Workers* workers) : workers_(workers) {}

  void OnMessage(const worker::v1::FromWorker& message) override {
    const std::lock_guard lock(mutex_);
    if (message.has_planned()) {
      worker::v1::ToWorker begin;
      begin.mutable_begin();
      workers_->Send(id_, begin);
    }
    if (message.has_progress()) {
      for (const auto& output : message.progress().outputs()) position_ = output.position();
    }
    changed_.notify_all();
  }
  void OnEnded(const WorkerEnd& end) override {
    const std::lock_guard lock(mutex_);
    end_ = end;
    changed_.notify_all();
  }
  WorkerId Launch(const worker::v1::Start& start, const LaunchOptions& options,
                  std::shared_ptr<WorkerListener> self) {
    const std::lock_guard lock(mutex_);
    return id_ = workers_->Launch(start, std::move(self), options);
  }
  WorkerEnd End() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [this] { return end_.has_value(); }));
    return end_.value_or(WorkerEnd());
  }
  void AwaitProgress() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [this] { return position_ > 0 || end_; }));
  }

 private:
  Workers* const workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  WorkerId id_ = 0;
  int64_t position_ = 0;
  std::optional<WorkerEnd> end_;
};

class RealWorkerTest : public testing::Test {
 protected:
  RealWorkerTest() {
    for (const char* plugin : {"faulty_behaviours", "faulty_sinks"}) {
      std::filesystem::copy_file(std::string(THRONG_FAULTY_PLUGINS "/") + plugin + ".so",
                                 folder_.path(std::string(plugin) + ".so"));
    }
    options_.worker_path = THRONG_WORKER;
    options_.hello_timeout = kPatience;
    options_.silence_timeout = kPatience;
  }

  // What becomes of a run of 100 000 rows with these settings.
  std::shared_ptr<RunListener> Run(Supervisor* supervisor, const std::string& settings,
                                   milliseconds call_limit = kPatience, int64_t memory = 0) {
    PluginIndex index({THRONG_PLUGIN_FOLDER, folder_.path()}, "", supervisor, kPatience);
    worker::v1::Start start;
    index.Refresh()->AddTo(&start);
    start.set_memory_limit(memory);
    auto* layer = start.mutable_run()->mutable_source()->add_layers();
    layer->set_name("test");
    layer->set_text("{threads: 1, dataset: {interactions: 100000" + settings + "}");
    start.mutable_run()->set_now_ms(1'700'000'000'000);
    auto listener = std::make_shared<RunListener>(supervisor);
    LaunchOptions launch;
    launch.call_limit = call_limit;
    listener->Launch(start, launch, listener);
    return listener;
  }
  static std::string FaultyRating(const std::string& fault) {
    return ", rating: {component: faulty_rating, options: {fault: " + fault +
           "}}}, outputs: [{format: {component: csv}, sink: {component: 'null'}}]";
  }
  WorkerEnd EndOfFaultyRating(const std::string& fault, milliseconds call_limit = kPatience) {
    Supervisor supervisor(options_);
    return Run(&supervisor, FaultyRating(fault), call_limit)->End();
  }

  ScratchFolder folder_;
  SupervisorOptions options_;
};

TEST_F(RealWorkerTest, FinishesARun) {
  Supervisor supervisor(options_);
  const WorkerEnd end = Run(&supervisor, FaultyRating("none"))->End();
  EXPECT_EQ(end.kind, Kind::kFinished) << end.sentence;
  EXPECT_EQ(end.finished.code(), 0) << end.finished.message();
  ASSERT_EQ(end.finished.outputs_size(), 1);
  EXPECT_EQ(end.finished.outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
}

TEST_F(RealWorkerTest, NamesTheBehaviourThatCrashed) {
  for (const auto& [fault, signal] :
       {std::pair("segfault", "SIGSEGV"), std::pair("abort", "SIGABRT"),
        std::pair("throws_42", "SIGABRT")}) {
    const WorkerEnd end = EndOfFaultyRating(fault);
    EXPECT_EQ(end.kind, Kind::kCrashed);
    EXPECT_EQ(end.sentence, std::string(signal) + " in rating `faulty_rating` at row 0.");
    EXPECT_EQ(end.component, "rating `faulty_rating`");
    EXPECT_EQ(end.row, 0);
  }
}

TEST_F(RealWorkerTest, NamesTheBehaviourThatExits) {
  const WorkerEnd end = EndOfFaultyRating("exit");
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_EQ(end.sentence,
            "The worker ended with exit code 0 before its work was done in rating `faulty_rating` "
            "at row 0.");
}

TEST_F(RealWorkerTest, NamesTheBehaviourThatHangs) {
  const WorkerEnd end = EndOfFaultyRating("hang", seconds(2));
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_THAT(end.sentence,
              AllOf(StartsWith("rating `faulty_rating` has been in a call for "),
                    HasSubstr(" at row 0; a call of a behaviour or a format may last 2 s")));
}

TEST_F(RealWorkerTest, NamesTheSinkThatCrashed) {
  Supervisor supervisor(options_);
  const WorkerEnd end =
      Run(&supervisor,
          "}, outputs: [{format: {component: csv}, sink: {component: faulty_sink, "
          "options: {fault: segfault, path: " +
              folder_.path("out.csv") + "}}}]")
          ->End();
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_THAT(end.sentence, MatchesRegex("SIGSEGV in sink `faulty_sink` at row [0-9]+\\."));
}

TEST_F(RealWorkerTest, NamesTheMemoryLimit) {
  options_.worker_memory = 1 << 20;
  Supervisor supervisor(options_);
  const WorkerEnd end =
      Run(&supervisor, FaultyRating("none"), kPatience, options_.worker_memory)->End();
  EXPECT_EQ(end.kind, Kind::kCrashed);
  EXPECT_THAT(end.sentence, StartsWith("The worker used more than worker_memory (1 MiB)"));
}

TEST_F(RealWorkerTest, GoesOnWithAnotherRunBesideACrash) {
  Supervisor supervisor(options_);
  const auto well = Run(&supervisor, FaultyRating("none"));
  const auto ill = Run(&supervisor, FaultyRating("segfault"));
  EXPECT_EQ(ill->End().kind, Kind::kCrashed);
  EXPECT_EQ(well->End().kind, Kind::kFinished);
}

TEST_F(RealWorkerTest, StopsARunAtACommitWhenTheSupervisorEnds) {
  std::shared_ptr<RunListener> listener;
  {
    Supervisor supervisor(options_);
    listener = Run(&supervisor,
                   ", rating: {component: faulty_rating}}, pace: {rate: 1000}, outputs: [{format: "
                   "{component: csv}, sink: {component: file, options: {path: " +
                       folder_.path("out.csv") + "}}}]");
    listener->AwaitProgress();
  }
  const WorkerEnd end = listener->End();
  EXPECT_EQ(end.kind, Kind::kFinished) << end.sentence;
  ASSERT_EQ(end.finished.outputs_size(), 1);
  EXPECT_EQ(end.finished.outputs(0).state(), v1::OUTPUT_STATE_STOPPED);
  EXPECT_GT(end.finished.outputs(0).position(), 0);
}

// Ends a row stream as its worker ends.
class RowListener : public WorkerListener {
 public:
  explicit RowListener(std::shared_ptr<RowStreamEnd> end) : end_(std::move(end)) {}
  void OnMessage(const worker::v1::FromWorker&) override {}
  void OnEnded(const WorkerEnd& end) override {
    end_->Set(end.kind == Kind::kFinished && end.finished.code() == 0
                  ? absl::OkStatus()
                  : absl::InternalError(end.sentence + end.finished.message()));
  }

 private:
  const std::shared_ptr<RowStreamEnd> end_;
};

TEST_F(RealWorkerTest, SendsRowsFromAnyRowOn) {
  Supervisor supervisor(options_);
  PluginIndex index({THRONG_PLUGIN_FOLDER}, "", &supervisor, kPatience);
  worker::v1::Start start;
  index.Refresh()->AddTo(&start);
  auto* generate = start.mutable_generate();
  generate->mutable_source()->mutable_spec()->mutable_dataset()->set_interactions(1'000'000);
  generate->set_now_ms(1'700'000'000'000);
  generate->set_start_row(123'456);
  const auto end = std::make_shared<RowStreamEnd>();
  int row_fd = -1;
  LaunchOptions options;
  options.row_fd = &row_fd;
  const WorkerId id = supervisor.Launch(start, std::make_shared<RowListener>(end), options);
  WorkerRowStream stream(row_fd, &supervisor, id, end);
  int64_t next = 123'456;
  for (;;) {
    const auto message = stream.Next();
    ASSERT_TRUE(message.ok()) << message.status();
    if (!*message) break;
    v1::GenerateResponse response;
    ASSERT_TRUE(response.ParseFromString(**message));
    if (!response.has_batch()) continue;
    ASSERT_EQ(response.batch().first_row(), next);
    next += response.batch().user_numbers_size();
  }
  EXPECT_EQ(next, 1'000'000);
}

TEST_F(RealWorkerTest, CancelsAnEndlessStreamOfRowsAtOnce) {
  Supervisor supervisor(options_);
  PluginIndex index({THRONG_PLUGIN_FOLDER}, "", &supervisor, kPatience);
  worker::v1::Start start;
  index.Refresh()->AddTo(&start);
  start.mutable_generate()->mutable_source()->mutable_spec()->mutable_dataset()->set_interactions(
      -1);
  const auto end = std::make_shared<RowStreamEnd>();
  int row_fd = -1;
  LaunchOptions options;
  options.row_fd = &row_fd;
  const WorkerId id = supervisor.Launch(start, std::make_shared<RowListener>(end), options);
  WorkerRowStream stream(row_fd, &supervisor, id, end);
  ASSERT_TRUE(stream.Next().ok());
  stream.Cancel();
  EXPECT_EQ(stream.Next().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(end->Wait().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace throng
