// The log of a run: readable, bounded, and there again after a restart.
#include "server/daemon/run_log.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using google::protobuf::util::TimeUtil;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kTimeMs = 1795589175123;

v1::LogLine Line(const std::string& message, const std::string& level = "info",
                 const std::string& source = "worker") {
  v1::LogLine line;
  *line.mutable_time() = TimeUtil::MillisecondsToTimestamp(kTimeMs);
  line.set_level(level);
  line.set_source(source);
  line.set_message(message);
  return line;
}

std::vector<std::string> Messages(const std::vector<v1::LogLine>& lines) {
  std::vector<std::string> messages;
  messages.reserve(lines.size());
  for (const auto& line : lines) messages.push_back(line.message());
  return messages;
}

// All that is kept.
std::vector<std::string> All(RunLog* log) {
  uint64_t next = 0;
  std::vector<std::string> messages;
  for (;;) {
    const auto some = Messages(log->Read(&next));
    if (some.empty()) return messages;
    messages.insert(messages.end(), some.begin(), some.end());
  }
}

TEST(LogText, IsForPeople) {
  EXPECT_EQ(LogText(Line("waits for the lock", "warning", "sink `file`")),
            "2026-11-25T06:46:15.123Z warning sink `file`: waits for the lock");
}

TEST(LogText, IsReadBack) {
  for (const v1::LogLine& line : {Line("one: two"), Line(""), Line("x", "error", "choice `a b`")}) {
    EXPECT_EQ(ParseLogText(LogText(line)).DebugString(), line.DebugString());
  }
}

TEST(LogText, StaysOneLineWhateverIsSaid) {
  EXPECT_EQ(ParseLogText(LogText(Line("a\nb\x1b[1m", "shout", "a: b"))).DebugString(),
            Line("a b\uFFFD[1m", "info", "a b").DebugString());
  v1::LogLine odd = Line("x");
  odd.mutable_time()->set_seconds(INT64_MAX / 2);
  EXPECT_THAT(LogText(odd), HasSubstr("Z info worker: x"));
}

TEST(LogText, TakesAnyOtherTextForAMessage) {
  for (const char* text :
       {"", "something", "2026-11-25T06:46:15.123Z", "2026-99-25T06:46:15.123Z info worker: x",
        "2026-11-25T06:46:15.123Z shout worker: x"}) {
    v1::LogLine line;
    line.set_message(text);
    EXPECT_EQ(ParseLogText(text).DebugString(), line.DebugString());
  }
}

TEST(RunLog, NumbersLinesAndReadsFromAny) {
  const ScratchFolder folder;
  for (const std::string& path : {folder.path("a.log"), std::string()}) {
    RunLog log(path, 1 << 20);
    uint64_t next = 0;
    EXPECT_THAT(log.Read(&next), IsEmpty());
    for (int i = 0; i < 300; ++i) log.Append(Line(std::to_string(i)));
    EXPECT_THAT(Messages(log.Read(&next, 2)), ElementsAre("0", "1"));
    EXPECT_THAT(Messages(log.Read(&next, 3)), ElementsAre("2", "3", "4"));
    EXPECT_EQ(log.Read(&next).size(), 295);
    EXPECT_THAT(log.Read(&next), IsEmpty());
    log.Append(Line("more"));
    EXPECT_THAT(Messages(log.Read(&next)), ElementsAre("more"));
    next = log.FirstOfLast(3);
    EXPECT_THAT(Messages(log.Read(&next)), ElementsAre("298", "299", "more"));
    next = log.FirstOfLast(1000);
    EXPECT_THAT(Messages(log.Read(&next, 1)), ElementsAre("0"));
  }
}

TEST(RunLog, TouchesNoFileBeforeItIsUsed) {
  const ScratchFolder folder;
  { RunLog log(folder.path("a.log"), 1 << 20); }
  EXPECT_THAT(folder.Files(), IsEmpty());
}

TEST(RunLog, KeepsTheNewestWithinItsLimit) {
  const ScratchFolder folder;
  for (const std::string& path : {folder.path("a.log"), std::string()}) {
    RunLog log(path, 16 << 10);
    uint64_t next = 0;
    for (int i = 0; i < 2000; ++i) {
      log.Append(Line("line " + std::to_string(i)));
      if (i == 0) {
        EXPECT_EQ(log.Read(&next).size(), 1);
      }
    }
    const auto kept = All(&log);
    EXPECT_GT(kept.size(), 100);
    EXPECT_LT(kept.size(), 400);
    EXPECT_EQ(kept.back(), "line 1999");
    // A reader that was too slow goes on with the first that is kept.
    EXPECT_EQ(log.Read(&next, 1).at(0).message(), kept.front());
  }
  EXPECT_THAT(folder.Files(), ElementsAre("a.log", "a.log.1"));
  EXPECT_LE(folder.Read("a.log").size() + folder.Read("a.log.1").size(), 16 << 10);
}

TEST(RunLog, GoesOnAfterARestart) {
  const ScratchFolder folder;
  size_t kept = 0;
  {
    RunLog log(folder.path("a.log"), 16 << 10);
    for (int i = 0; i < 500; ++i) log.Append(Line(std::to_string(i), "warning", "stderr"));
    kept = All(&log).size();
  }
  RunLog log(folder.path("a.log"), 16 << 10);
  EXPECT_EQ(All(&log).size(), kept);
  log.Append(Line("again"));
  uint64_t next = log.FirstOfLast(2);
  const auto last = log.Read(&next);
  EXPECT_THAT(Messages(last), ElementsAre("499", "again"));
  EXPECT_EQ(last.at(0).source(), "stderr");
}

TEST(RunLog, EndsALineThatADaemonDiedOver) {
  const ScratchFolder folder;
  folder.Write("a.log", LogText(Line("whole")) + "\n2026-11-25T06:4");
  RunLog log(folder.path("a.log"), 1 << 20);
  EXPECT_THAT(All(&log), ElementsAre("whole", "2026-11-25T06:4"));
  log.Append(Line("next"));
  log.Append(Line("and next"));
  EXPECT_THAT(All(&log), ElementsAre("whole", "2026-11-25T06:4", "next", "and next"));
  RunLog again(folder.path("a.log"), 1 << 20);
  EXPECT_THAT(All(&again), ElementsAre("whole", "2026-11-25T06:4", "next", "and next"));
}

TEST(RunLog, KeepsTheBeginningOfLongLines) {
  RunLog log("", 8 << 10);
  log.Append(Line(std::string(100'000, 'x')));
  const auto kept = All(&log);
  ASSERT_EQ(kept.size(), 1);
  EXPECT_LT(kept[0].size(), 2048);
  EXPECT_THAT(kept[0], testing::EndsWith("xxx ..."));
}

TEST(RunLog, CountsLinesThatTheDiskDoesNotTake) {
  const ScratchFolder folder;
  RunLog log(folder.path("missing/a.log"), 1 << 20);
  log.Append(Line("one"));
  log.Append(Line("two"));
  EXPECT_THAT(All(&log), IsEmpty());
  std::filesystem::create_directory(folder.path("missing"));
  log.Append(Line("three"));
  EXPECT_THAT(All(&log),
              ElementsAre("2 lines are missing here: No such file or directory.", "three"));
}

TEST(RunLog, TakesBackHalfALineThatADiskWasTooFullFor) {
  const ScratchFolder folder;
  RunLog log(folder.path("a.log"), 1 << 20);
  log.Append(Line("fits"));
  const auto before = signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  rlimit small = limit;
  small.rlim_cur = folder.Read("a.log").size() + 10;
  setrlimit(RLIMIT_FSIZE, &small);
  log.Append(Line("does not"));
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, before);
  log.Append(Line("fits again"));
  EXPECT_THAT(All(&log), ElementsAre("fits", "1 lines are missing here: No space left on device.",
                                     "fits again"));
}

TEST(RunLog, RemovesItsFilesAndGoesOnInMemory) {
  const ScratchFolder folder;
  RunLog log(folder.path("a.log"), 8 << 10);
  for (int i = 0; i < 200; ++i) log.Append(Line("x"));
  uint64_t next = 0;
  while (!log.Read(&next).empty()) {
  }
  log.Remove();
  EXPECT_THAT(folder.Files(), IsEmpty());
  log.Append(Line("after"));
  EXPECT_THAT(Messages(log.Read(&next)), ElementsAre("after"));
  EXPECT_THAT(folder.Files(), IsEmpty());
}

TEST(RunLog, IsUsedByManyThreads) {
  RunLog log("", 1 << 20);
  std::thread writer([&log] {
    for (int i = 0; i < 1000; ++i) log.Append(Line(std::to_string(i)));
  });
  uint64_t next = 0;
  for (size_t seen = 0; seen < 1000;) {
    for (const auto& line : log.Read(&next, 7)) EXPECT_EQ(line.message(), std::to_string(seen++));
  }
  writer.join();
}

TEST(RunLog, TellsWhoListensOfEachLine) {
  RunLog log("", 1 << 20);
  int lines = 0;
  const uint64_t id = log.Listen([&] { ++lines; });
  log.Append({});
  log.Append({});
  EXPECT_EQ(lines, 2);
  log.Unlisten(id);
  log.Append({});
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace throng
