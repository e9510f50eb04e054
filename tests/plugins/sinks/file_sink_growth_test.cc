// The file sink takes a finished file up again: what it checks before, what stays whenever it is
// killed or a call fails, and the order of its calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>

#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/scratch_folder.h"
#include "tests/plugins/sinks/syscall_shim.h"

namespace throng {
namespace {

using ::testing::ElementsAre;

constexpr char kName[] = "rows.csv";
constexpr int64_t kFrom = 20;  // rows that stay; those of the walk beyond it come again

int64_t BytesThatStay() { return static_cast<int64_t>(("text\n" + WalkRows(0, kFrom)).size()); }

class GrowingFileSinkTest : public ::testing::Test {
 protected:
  GrowingFileSinkTest() {
    LoadedSink sink = Sink();
    EXPECT_EQ(Walk(&sink, [](int64_t) {}).message, "");
    manifest_ = folder_.Read("rows.csv.manifest.json");
  }
  LoadedSink Sink() { return LoadedSink(THRONG_FILE_PLUGIN, {{"path", Path()}}, &host_); }
  std::string Path() const { return folder_.path(kName); }
  static Result Reopen(LoadedSink* sink) {
    return sink->Reopen(kFrom, BytesThatStay(), WalkState(kFrom));
  }
  void ExpectFinished() {
    EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
    EXPECT_EQ(folder_.Read(kName), WalkText());
    EXPECT_EQ(folder_.Read("rows.csv.manifest.json"), manifest_);
  }
  // What reopen says when it refuses, and leaves everything as it was.
  std::string Refusal(throng_code code) {
    const auto files = folder_.Files();
    const std::string text = folder_.Read(kName);
    LoadedSink sink = Sink();
    EXPECT_TRUE(sink.Open().is_complete);
    const Result refused = Reopen(&sink);
    EXPECT_EQ(refused.code, code);
    sink.Destroy();
    EXPECT_EQ(folder_.Files(), files);
    EXPECT_EQ(folder_.Read(kName), text);
    return refused.message;
  }

  ScratchFolder folder_;
  TestHost host_;
  std::string manifest_;
};

TEST_F(GrowingFileSinkTest, GoesOnAndEndsWhole) {
  LoadedSink sink = Sink();
  ASSERT_TRUE(sink.Open().is_complete);
  ASSERT_EQ(Reopen(&sink).message, "");
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv.lock", "rows.csv.part", "rows.csv.position"));
  EXPECT_EQ(folder_.Read("rows.csv.part"), "text\n" + WalkRows(0, kFrom));
  ASSERT_EQ(sink.Write(WalkRows(kFrom, kWalkRows)).message, "");
  ASSERT_EQ(sink.Commit(kWalkRows, WalkState(kWalkRows)).message, "");
  ASSERT_EQ(sink.Finish("end\n", kWalkManifest).message, "");
  sink.Destroy();
  ExpectFinished();
}

TEST_F(GrowingFileSinkTest, IsUnfinishedForWhoeverComesNext) {
  {
    LoadedSink sink = Sink();
    ASSERT_TRUE(sink.Open().is_complete);
    ASSERT_EQ(Reopen(&sink).message, "");
    ASSERT_EQ(sink.Write("not committed").message, "");
  }
  LoadedSink next = Sink();
  const OpenResult peeked = next.Peek();
  EXPECT_FALSE(peeked.is_complete);
  EXPECT_EQ(peeked.position, kFrom);
  EXPECT_EQ(peeked.host_state, WalkState(kFrom));
  EXPECT_EQ(Walk(&next, [](int64_t) {}).message, "");
  next.Destroy();
  ExpectFinished();
}

TEST_F(GrowingFileSinkTest, TakesBackWhatIsNotFinished) {
  std::filesystem::remove(Path());
  {
    LoadedSink sink = Sink();
    ASSERT_EQ(sink.Open().message, "");
    ASSERT_EQ(sink.Write("text\n" + WalkRows(0, kFrom) + "a short block").message, "");
    ASSERT_EQ(sink.Commit(kWalkRows, WalkState(kWalkRows)).message, "");
  }
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().position, kWalkRows);
  ASSERT_EQ(Reopen(&sink).message, "");
  EXPECT_EQ(folder_.Read("rows.csv.part"), "text\n" + WalkRows(0, kFrom));
  sink.Destroy();
  EXPECT_EQ(Sink().Peek().position, kFrom);
  LoadedSink next = Sink();
  EXPECT_EQ(Walk(&next, [](int64_t) {}).message, "");
  next.Destroy();
  ExpectFinished();
}

TEST_F(GrowingFileSinkTest, RefusesAFileThatWasChanged) {
  for (const int64_t at : {int64_t{0}, BytesThatStay(), BytesThatStay() + 3}) {
    std::string text = WalkText();
    text[static_cast<size_t>(at)] ^= 1;
    folder_.Write(kName, text);
    EXPECT_EQ(Refusal(THRONG_FAILED_PRECONDITION),
              Path() +
                  " was changed since it was finished: its SHA-256 is not the one in its manifest; "
                  "delete it to write it again, or choose another path.");
  }
  folder_.Write(kName, WalkText());
  ExpectFinished();
}

TEST_F(GrowingFileSinkTest, RefusesAFileWithAnotherName) {
  std::filesystem::create_hard_link(Path(), folder_.path("kept.csv"));
  EXPECT_EQ(Refusal(THRONG_FAILED_PRECONDITION),
            Path() +
                " has more than one name (hard links), and more rows would follow under each of "
                "them; replace it by a copy of its own, or choose another path.");
}

TEST_F(GrowingFileSinkTest, RefusesAFileThatAnotherProcessTookMeanwhile) {
  LoadedSink sink = Sink();
  ASSERT_TRUE(sink.Open().is_complete);
  std::filesystem::remove(Path());
  const Result refused = Reopen(&sink);
  EXPECT_EQ(refused.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(refused.message,
            Path() + " was changed while it was to go on; give the same command again.");
}

TEST_F(GrowingFileSinkTest, StopsWhileItReads) {
  host_.is_cancelled = [] { return true; };
  EXPECT_EQ(Refusal(THRONG_CANCELLED), "Stopped while " + Path() + " was read to go on with it.");
}

TEST_F(GrowingFileSinkTest, TellsWhatAnotherOutputFinishedToWhoeverPeeks) {
  const TestTarget other{.identity = std::string(64, 'b')};
  const OpenResult peeked = Sink().Peek(other);
  EXPECT_TRUE(peeked.is_complete);
  EXPECT_EQ(peeked.host_state, WalkState(kWalkRows));
  EXPECT_EQ(Sink().Open(other).code, THRONG_ALREADY_EXISTS);
  LoadedSink overwriting(THRONG_FILE_PLUGIN, {{"path", Path()}, {"overwrite", "true"}});
  EXPECT_FALSE(overwriting.Peek(other).is_complete);
}

TEST_F(GrowingFileSinkTest, EverythingIsSyncedBeforeWhatDependsOnIt) {
  LoadedSink sink = Sink();
  ASSERT_TRUE(sink.Open().is_complete);
  shim::Watch();
  ASSERT_EQ(Reopen(&sink).code, THRONG_OK);
  const std::string folder = std::filesystem::path(folder_.path()).filename().string();
  EXPECT_THAT(
      shim::Stop(),
      ElementsAre("open rows.csv.lock", "flock rows.csv.lock", "ftruncate rows.csv.lock",
                  "pwrite rows.csv.lock", "unlink rows.csv.position.new",
                  "unlink rows.csv.manifest.json.new", "open rows.csv.position.new",
                  "pwrite rows.csv.position.new", "fsync rows.csv.position.new",
                  "rename rows.csv.position.new", "fsync " + folder, "renameat2 rows.csv",
                  "fsync " + folder, "ftruncate rows.csv.part", "unlink rows.csv.manifest.json"));
}

constexpr int kCalls = 15;  // of these

TEST_F(GrowingFileSinkTest, KilledBeforeAnyCallItIsTheOldFileOrGoesOn) {
  for (int n = 1; n <= kCalls; ++n) {
    SCOPED_TRACE("call " + std::to_string(n));
    const pid_t child = fork();
    if (child == 0) {
      LoadedSink sink = Sink();
      sink.Open();
      shim::KillAt(n);
      Reopen(&sink);
      _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const OpenResult left = Sink().Open();
    EXPECT_EQ(left.message, "");
    EXPECT_EQ(left.is_complete, n <= 12) << "until PATH is renamed";
    if (left.is_complete) {
      ExpectFinished();
    } else {
      EXPECT_EQ(left.position, kFrom);
      EXPECT_EQ(left.host_state, WalkState(kFrom));
      LoadedSink sink = Sink();
      EXPECT_EQ(Walk(&sink, [](int64_t) {}).message, "");
      sink.Destroy();
      ExpectFinished();
    }
  }
}

TEST_F(GrowingFileSinkTest, AFailureOfAnyCallLeavesTheOldFileOrOneThatGoesOn) {
  for (const int error : {ENOSPC, EIO}) {
    for (int n = 1; n <= kCalls; ++n) {
      SCOPED_TRACE("call " + std::to_string(n) + " fails with " + std::to_string(error));
      LoadedSink sink = Sink();
      ASSERT_TRUE(sink.Open().is_complete);
      shim::FailAt(n, error);
      Result result = Reopen(&sink);
      shim::Stop();
      if (result.code == THRONG_RESOURCE_EXHAUSTED) {
        result = Reopen(&sink);  // as a host does that waits for space
        EXPECT_EQ(result.message, "");
      }
      if (result.code == THRONG_OK) {
        EXPECT_EQ(sink.Write(WalkRows(kFrom, kWalkRows)).message, "");
      }
      sink.Destroy();
      LoadedSink next = Sink();
      EXPECT_EQ(Walk(&next, [](int64_t) {}).message, "");
      next.Destroy();
      ExpectFinished();
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace throng
