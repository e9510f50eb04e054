#include "server/worker/run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "server/worker/spec_reader.h"
#include "server/worker/status.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Runs specs in a folder of its own, with our plugins and the flaky sink.
class RunTest : public testing::Test {
 protected:
  RunTest() : folder_(fs::temp_directory_path() / ("throng_run_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    environment_.is_stopping = &is_stopping_;
    auto catalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER, THRONG_FLAKY_FOLDER});
    EXPECT_TRUE(catalogue.ok()) << catalogue.status();
    catalogue_ = *std::move(catalogue);
  }
  ~RunTest() override { fs::remove_all(folder_); }

  std::unique_ptr<throng::Run> Make(const std::string& yaml, Problems* problems) {
    const SpecLayer layer{"test", yaml};
    const auto spec = ReadSpec({&layer, 1}, problems);
    if (!spec) return nullptr;
    return throng::Run::Create(*spec, catalogue_, environment_, 1'700'000'000'000, problems);
  }

  // Runs to the end; the outputs' progress is then in the result.
  std::unique_ptr<throng::Run> Execute(
      const std::string& yaml, std::chrono::milliseconds retry_timeout = std::chrono::seconds(20)) {
    Problems problems;
    auto run = Make(yaml, &problems);
    EXPECT_TRUE(problems.empty()) << ToString(problems);
    if (run == nullptr) return nullptr;
    const absl::Status status = run->Open(std::chrono::seconds(1));
    EXPECT_TRUE(status.ok()) << status;
    if (!status.ok()) return nullptr;
    run->Start(retry_timeout);
    while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(100));
    return run;
  }

  // 30 000 rows, committed every 1000.
  std::string Spec(const std::string& sink, const std::string& options) const {
    return "dataset: {seed: 5, interactions: 30000}\n"
           "threads: 3\n"
           "outputs:\n"
           "- format: {component: json}\n"
           "  commit_rows: 1000\n"
           "  sink: {component: " +
           sink + ", options: {path: " + (folder_ / (sink + ".json")).string() + options + "}}\n";
  }

  // What an undisturbed file holds, but for the time of its creation.
  std::string Expected() {
    const auto run = Execute(Spec("file", ""));
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
    return Content(folder_ / "file.json");
  }

  fs::path folder_;
  std::atomic<bool> is_stopping_ = false;
  Environment environment_;
  Catalogue catalogue_;
};

TEST_F(RunTest, AbortedWritesAndCommitsLoseAndDoubleNothing) {
  const std::string expected = Expected();
  for (const std::string trouble : {", abort_writes: 5", ", abort_commits: 3",
                                    ", abort_writes: 7, abort_commits: 2, busy_calls: 9"}) {
    const auto run = Execute(Spec("flaky", trouble));
    ASSERT_NE(run, nullptr);
    const OutputProgress progress = run->outputs()[0]->progress();
    EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
    EXPECT_EQ(progress.rows, 30'000);
    EXPECT_EQ(Content(folder_ / "flaky.json"), expected) << trouble;
  }
}

TEST_F(RunTest, CommitsStayWithinTheSinksLargest) {
  const std::string expected = Expected();
  const auto run = Execute(Spec("flaky", ", max_commit_rows: 700"));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(Content(folder_ / "flaky.json"), expected);
}

TEST_F(RunTest, CommitsStayWithinTheSinksLargestWhereverTheRowsBegin) {
  const auto run = Execute(
      "dataset: {seed: 5, interactions: 100000}\n"
      "outputs:\n"
      "- format: {component: csv}\n"
      "  rows: {from: 1}\n"
      "  sink: {component: flaky, options: {max_commit_rows: 20000, path: " +
      (folder_ / "a").string() + "}}\n");
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kSucceeded) << progress.reason;
  EXPECT_EQ(progress.rows, 99'999);
}

TEST_F(RunTest, OtherSlicesLeaveSideTablesAlone) {
  const auto run = Execute(
      "slice: {index: 1, count: 2}\n"
      "outputs:\n"
      "- {table: users, format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "users.csv").string() + "}}}\n");
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(RunTest, TwoOutputsToStandardOutputAreRefused) {
  Problems problems;
  const std::string output = "- {format: {component: csv}, sink: {component: stdout}}\n";
  EXPECT_EQ(Make("outputs:\n" + output + output, &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(
      problems[0].message,
      "writes to standard output, as the output `stdout` does; give each a place of its own.");
}

TEST_F(RunTest, ARunWithoutEndGoesOnAsOneWithAnEnd) {
  const std::string outputs =
      "pace: {rate: 20000}\n"
      "outputs:\n"
      "- {format: {component: csv}, commit_rows: 100, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n";
  Problems problems;
  int64_t committed = 0;
  {
    auto endless =
        Make("dataset: {seed: 5, interactions: null, plan_size: 5000}\n" + outputs, &problems);
    ASSERT_NE(endless, nullptr) << ToString(problems);
    ASSERT_TRUE(endless->Open(std::chrono::seconds(1)).ok());
    endless->Start(std::chrono::seconds(1));
    while (endless->outputs()[0]->progress().position < 500) {
      endless->Wait(std::chrono::milliseconds(5));
    }
    is_stopping_ = true;
    while (!endless->HasEnded()) endless->Wait(std::chrono::milliseconds(5));
    EXPECT_EQ(endless->outputs()[0]->progress().state, OutputState::kStopped);
    committed = endless->outputs()[0]->progress().position;
  }
  is_stopping_ = false;
  const int64_t rows = committed + 7000;
  const auto run = Execute("dataset: {seed: 5, interactions: " + std::to_string(rows) +
                           ", plan_size: 5000}\n" + outputs);
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
      << run->outputs()[0]->progress().reason;
  EXPECT_EQ(run->outputs()[0]->statistics()->total_interactions(), rows);
}

TEST_F(RunTest, ASinkThatIsNeverReachedFailsWithItsSentence) {
  const auto run = Execute(Spec("flaky", ", busy_calls: 1"), std::chrono::milliseconds(200));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kFailed);
  EXPECT_EQ(progress.reason, "sink `flaky`: out of reach for a moment.");
  EXPECT_EQ(progress.rows, 0);
}

TEST_F(RunTest, ASinkThatAlwaysAbortsFailsInTheEnd) {
  const auto run = Execute(Spec("flaky", ", abort_writes: 1"), std::chrono::milliseconds(200));
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kFailed);
  EXPECT_EQ(progress.reason, "sink `flaky`: the transaction was aborted.");
}

TEST_F(RunTest, OneOutputsFailureLeavesTheOthersAlone) {
  const auto run = Execute(
      "dataset: {seed: 5, size: testing}\n"
      "outputs:\n"
      "- {format: {component: csv}, sink: {component: flaky, options: {fail_write: 2, path: " +
      (folder_ / "a").string() +
      "}}}\n"
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "b.csv").string() + "}}}\n");
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kFailed);
  EXPECT_EQ(run->outputs()[0]->progress().reason, "sink `flaky`: this write was to fail.");
  EXPECT_EQ(run->outputs()[1]->progress().state, OutputState::kSucceeded);
  EXPECT_EQ(run->outputs()[1]->progress().rows, 20'000);
}

TEST_F(RunTest, TwoOutputsOfOnePlaceAreRefused) {
  Problems problems;
  const std::string output =
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n";
  EXPECT_EQ(Make("outputs:\n" + output + output, &problems), nullptr);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].field, "outputs[1].sink");
}

TEST_F(RunTest, RelativeTimesAreResolvedOnce) {
  const std::string spec =
      "dataset:\n"
      "  size: quick\n"
      "  clock: {component: uniform, options: {start: now-7d}}\n"
      "outputs:\n"
      "- {format: {component: csv}, sink: {component: file, options: {path: " +
      (folder_ / "a.csv").string() + "}}}\n";
  ASSERT_EQ(Execute(spec)->outputs()[0]->progress().state, OutputState::kSucceeded);
  const std::string content = Content(folder_ / "a.csv");
  // A day later the same request means the same output, which is complete.
  Problems problems;
  const SpecLayer layer{"test", spec};
  const auto resolved = ReadSpec({&layer, 1}, &problems);
  const auto run = Run::Create(*resolved, catalogue_, environment_, 1'700'086'400'000, &problems);
  ASSERT_NE(run, nullptr) << ToString(problems);
  ASSERT_TRUE(run->Open(std::chrono::seconds(1)).ok());
  run->Start(std::chrono::seconds(1));
  while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(10));
  EXPECT_TRUE(run->outputs()[0]->WasComplete());
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
      << run->outputs()[0]->progress().reason;
  EXPECT_EQ(Content(folder_ / "a.csv"), content);
}

}  // namespace
}  // namespace throng
