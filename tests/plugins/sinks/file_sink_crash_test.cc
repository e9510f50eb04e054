// The file sink, killed before and within each of its calls, failing at each of them, and the order
// of those calls, on which it depends that a loss of power is survived as well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/scratch_folder.h"
#include "tests/plugins/sinks/syscall_shim.h"

namespace throng {
namespace {

using ::testing::ElementsAre;

struct Ended {
  int status = 0;
  int64_t committed = 0;  // the last commit that returned
  int calls = 0;
  bool WasKilled() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  bool Succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
};

// Runs file_sink_driver to its end; `when` and `n` say when it is killed.
Ended Drive(const std::string& path, const std::string& when = "before", int n = 0) {
  std::array<int, 2> out{};
  if (pipe(out.data()) != 0) throw std::runtime_error("pipe");
  const std::string number = std::to_string(n);
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    close(out[1]);
    execl(THRONG_FILE_SINK_DRIVER, THRONG_FILE_SINK_DRIVER, THRONG_FILE_PLUGIN, path.c_str(),
          when.c_str(), number.c_str(), nullptr);
    _exit(127);
  }
  close(out[1]);
  std::string text;
  std::array<char, 512> piece{};
  ssize_t size = 0;
  while ((size = read(out[0], piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<size_t>(size));
  }
  close(out[0]);
  Ended ended;
  waitpid(child, &ended.status, 0);
  std::istringstream words(text);
  std::string word;
  int64_t value = 0;
  while (words >> word >> value) {
    if (word == "committed") ended.committed = value;
    if (word == "calls") ended.calls = static_cast<int>(value);
  }
  return ended;
}

void ExpectWhole(const ScratchFolder& folder, const std::string& manifest) {
  EXPECT_THAT(folder.Files(), ElementsAre("out/rows.csv", "out/rows.csv.manifest.json"));
  EXPECT_EQ(folder.Read("out/rows.csv"), WalkText());
  EXPECT_EQ(folder.Read("out/rows.csv.manifest.json"), manifest);
}

// The manifest of a run that nothing disturbs.
std::string UndisturbedManifest(int* calls) {
  const ScratchFolder folder;
  const Ended ended = Drive(folder.path("out/rows.csv"));
  EXPECT_TRUE(ended.Succeeded());
  *calls = ended.calls;
  std::string manifest = folder.Read("out/rows.csv.manifest.json");
  ExpectWhole(folder, manifest);
  return manifest;
}

class KilledFileSinkTest : public ::testing::TestWithParam<const char*> {};

TEST_P(KilledFileSinkTest, AtAnyCallEndsWholeWhenRunAgain) {
  int calls = 0;
  const std::string manifest = UndisturbedManifest(&calls);
  ASSERT_GT(calls, 40);
  for (int n = 1; n <= calls; ++n) {
    SCOPED_TRACE("killed " + std::string(GetParam()) + " call " + std::to_string(n));
    const ScratchFolder folder;
    const std::string path = folder.path("out/rows.csv");
    const Ended killed = Drive(path, GetParam(), n);
    ASSERT_TRUE(killed.WasKilled());
    {
      LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", path}});
      const OpenResult left = sink.Peek();
      EXPECT_EQ(left.message, "");
      EXPECT_GE(left.position, killed.committed) << "a commit that returned is kept";
      EXPECT_TRUE(!std::filesystem::exists(path) || left.is_complete) << "PATH is whole or absent";
    }
    ASSERT_TRUE(Drive(path).Succeeded());
    ExpectWhole(folder, manifest);
    if (HasFailure()) return;
  }
}

TEST_P(KilledFileSinkTest, AgainAndAgainEndsWhole) {
  int calls = 0;
  const std::string manifest = UndisturbedManifest(&calls);
  for (int n = 1; n <= calls; ++n) {
    SCOPED_TRACE("killed thrice " + std::string(GetParam()) + " call " + std::to_string(n));
    const ScratchFolder folder;
    const std::string path = folder.path("out/rows.csv");
    bool is_killed = Drive(path, GetParam(), n).WasKilled();
    for (const int again : {n, 1 + n * 7 % 19}) {
      if (is_killed) is_killed = Drive(path, GetParam(), again).WasKilled();
    }
    ASSERT_TRUE(Drive(path).Succeeded());
    ExpectWhole(folder, manifest);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Kills, KilledFileSinkTest, ::testing::Values("before", "within"),
                         [](const auto& kill) { return std::string(kill.param); });

class FailingFileSinkTest : public ::testing::TestWithParam<int> {};

TEST_P(FailingFileSinkTest, AtAnyCallEndsWholeWhenItIsMended) {
  int calls = 0;
  const std::string manifest = UndisturbedManifest(&calls);
  for (int n = 1; n <= calls; ++n) {
    SCOPED_TRACE("call " + std::to_string(n));
    const ScratchFolder folder;
    LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", folder.path("out/rows.csv")}});
    shim::FailAt(n, GetParam());
    int64_t committed = 0;
    const Result first = Walk(&sink, [&](int64_t row) { committed = row; });
    sink.Destroy();
    const std::string failed = shim::Stop().at(static_cast<size_t>(n - 1));
    SCOPED_TRACE(failed);
    if (first.code != THRONG_OK) {
      EXPECT_EQ(first.code, THRONG_DATA_LOSS) << first.message;
      // A full disk is waited for, unless it shows only when data is synced.
      EXPECT_TRUE(GetParam() == EIO || failed.starts_with("fdatasync"));
      EXPECT_EQ(first.option, "path");
    }
    for (const std::string& file : folder.Files()) EXPECT_FALSE(file.ends_with(".new")) << file;
    LoadedSink next(THRONG_FILE_PLUGIN, {{"path", folder.path("out/rows.csv")}});
    EXPECT_GE(next.Peek().position, committed);
    EXPECT_EQ(Walk(&next, [](int64_t) {}).message, "");
    next.Destroy();
    ExpectWhole(folder, manifest);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Errors, FailingFileSinkTest, ::testing::Values(ENOSPC, EIO),
                         [](const auto& error) { return error.param == EIO ? "EIO" : "ENOSPC"; });

TEST(FileSinkOrderTest, EverythingIsSyncedBeforeWhatDependsOnIt) {
  const ScratchFolder folder;
  const std::string scratch = std::filesystem::path(folder.path()).filename().string();
  LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", folder.path("out/rows.csv")}});
  shim::Watch();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  EXPECT_THAT(shim::Stop(),
              ElementsAre("mkdir out", "fsync " + scratch, "open rows.csv.lock",
                          "flock rows.csv.lock", "ftruncate rows.csv.lock", "pwrite rows.csv.lock",
                          "unlink rows.csv.position.new", "unlink rows.csv.manifest.json.new"));
  shim::Watch();
  ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
  EXPECT_THAT(
      shim::Stop(),
      ElementsAre("open rows.csv.position.new", "pwrite rows.csv.position.new",
                  "fsync rows.csv.position.new", "rename rows.csv.position.new", "fsync out",
                  "open rows.csv.part", "ftruncate rows.csv.part", "pwrite rows.csv.part"));
  shim::Watch();
  ASSERT_EQ(sink.Commit(5).code, THRONG_OK);
  EXPECT_THAT(shim::Stop(),
              ElementsAre("fdatasync rows.csv.part", "open rows.csv.position.new",
                          "pwrite rows.csv.position.new", "fsync rows.csv.position.new",
                          "rename rows.csv.position.new", "fsync out"));
  shim::Watch();
  ASSERT_EQ(sink.Finish("end\n").code, THRONG_OK);
  EXPECT_THAT(
      shim::Stop(),
      ElementsAre("ftruncate rows.csv.part", "pwrite rows.csv.part", "fdatasync rows.csv.part",
                  "open rows.csv.manifest.json.new", "pwrite rows.csv.manifest.json.new",
                  "fsync rows.csv.manifest.json.new", "rename rows.csv.manifest.json.new",
                  "fsync out", "renameat2 rows.csv.part", "fsync out", "unlink rows.csv.position",
                  "fsync out", "unlink rows.csv.lock"));
}

TEST(FileSinkOrderTest, AFileSystemWithoutExclusiveRenameIsEnough) {
  const ScratchFolder folder;
  LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", folder.path("rows.csv")}});
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  shim::FailAt(9, EINVAL);  // the renameat2 of the order above
  EXPECT_EQ(sink.Finish("end\n").message, "");
  const shim::Calls calls = shim::Stop();
  EXPECT_EQ(calls[8], "renameat2 rows.csv.part");
  EXPECT_EQ(calls[9], "rename rows.csv.part");
  EXPECT_EQ(folder.Read("rows.csv"), "end\n");
}

TEST(FileSinkOrderTest, AFileThatComesIntoBeingAtTheLastMomentIsNotReplaced) {
  const ScratchFolder folder;
  LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", folder.path("rows.csv")}});
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  shim::DoBefore(9, [&] { folder.Write("rows.csv", "somebody's\n"); });
  EXPECT_EQ(sink.Finish("end\n").code, THRONG_ALREADY_EXISTS);
  EXPECT_EQ(shim::Stop()[8], "renameat2 rows.csv.part");
  sink.Destroy();
  EXPECT_EQ(folder.Read("rows.csv"), "somebody's\n");
  EXPECT_THAT(folder.Files(), ElementsAre("rows.csv", "rows.csv.part", "rows.csv.position"));
}

TEST(FileSinkOrderTest, ALockThatIsRemovedWhileItIsTakenIsTakenAnew) {
  const ScratchFolder folder;
  const std::map<std::string, std::string> options = {{"path", folder.path("rows.csv")}};
  LoadedSink first(THRONG_FILE_PLUGIN, options), second(THRONG_FILE_PLUGIN, options);
  ASSERT_EQ(first.Open().code, THRONG_OK);
  shim::DoBefore(2, [&] { first.Destroy(); });
  EXPECT_EQ(second.Open().code, THRONG_OK);
  EXPECT_THAT(shim::Stop(),
              ElementsAre("open rows.csv.lock", "flock rows.csv.lock", "open rows.csv.lock",
                          "flock rows.csv.lock", "ftruncate rows.csv.lock", "pwrite rows.csv.lock",
                          "unlink rows.csv.position.new", "unlink rows.csv.manifest.json.new"));
  EXPECT_EQ(second.Commit(0).message, "");
  TestHost stopping;
  stopping.is_cancelled = [] { return true; };
  EXPECT_EQ(LoadedSink(THRONG_FILE_PLUGIN, options, &stopping).Open().code, THRONG_CANCELLED)
      << "it is held";
}

TEST(FileSinkOrderTest, AFailedSyncIsNotTriedAgain) {
  const ScratchFolder folder;
  LoadedSink sink(THRONG_FILE_PLUGIN, {{"path", folder.path("rows.csv")}});
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
  shim::FailAt(1, EIO);
  const Result failed = sink.Commit(0);
  EXPECT_THAT(shim::Stop(), ElementsAre("fdatasync rows.csv.part"));
  EXPECT_EQ(failed.code, THRONG_DATA_LOSS);
  EXPECT_EQ(failed.message, "The disk that holds " + folder.path("rows.csv.part") +
                                " did not keep what was written (Input/output error); mend it, and "
                                "the same command goes on where it was committed.");
}

}  // namespace
}  // namespace throng
