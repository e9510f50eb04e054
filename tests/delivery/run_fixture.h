// Runs in a folder of their own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "server/delivery/run.h"
#include "server/spec/reader.h"

namespace throng {

namespace fs = std::filesystem;

inline std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Runs specs in a folder of its own, with our plugins and those that are there for tests of runs.
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
    return throng::Run::Create(*spec, catalogue_, environment_, now_, problems);
  }

  // Runs until so many rows are committed, and stops there.
  void ExecuteSome(const std::string& yaml, int64_t rows) {
    Problems problems;
    const auto run = Make(yaml, &problems);
    ASSERT_NE(run, nullptr) << ToString(problems);
    ASSERT_TRUE(run->Open(std::chrono::seconds(1)).ok());
    run->Start(std::chrono::seconds(1));
    while (run->outputs()[0]->progress().position < rows && !run->HasEnded()) {
      run->Wait(std::chrono::milliseconds(5));
    }
    is_stopping_ = true;
    while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(5));
    is_stopping_ = false;
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kStopped)
        << run->outputs()[0]->progress().reason;
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
  int64_t now_ = 1'700'000'000'000;
  std::atomic<bool> is_stopping_ = false;
  Environment environment_;
  Catalogue catalogue_;
};

}  // namespace throng
