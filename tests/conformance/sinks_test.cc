// Sinks that break the contract, each caught by its check.
#include "server/conformance/messages.h"
#include "tests/conformance/checking.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kWalk[] = "takes a whole walk";
constexpr char kHolds[] = "holds what was written, once";
constexpr char kDrops[] = "drops what was not committed";
constexpr char kKills[] = "neither loses nor doubles rows when killed";
constexpr char kCalls[] = "is exactly once if killed at any system call of commit or finish";
constexpr char kHeld[] = "is held by one process at a time";
constexpr char kPeeks[] = "peeks at what open would tell";
constexpr char kForeign[] = "loses nothing to a run of another identity";
constexpr char kForgets[] = "forgets when reset";
constexpr char kReopens[] = "takes up again what is complete";

class SinkFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(SinkFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_sinks", "faulty_sink", {"faulty_sink.path={dir}/a"}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Sinks, SinkFaultTest,
    testing::Values(Fault{"drops_a_write", kHolds, "\"row number 500\" should be"},
                    Fault{"cuts_a_value", kHolds, "\"row number 4329\" should be"},
                    Fault{"doubles_epilogue", kHolds, "where the end should be"},
                    Fault{"marks_first", kCalls, "after kills at system calls, "},
                    Fault{"keeps_identity", kKeeps, "SIGSEGV in write of the prologue."},
                    Fault{"keeps_records", kKeeps, "SIGSEGV in write of rows 10 to 19."},
                    Fault{"loses_rows", kKills, "is not what was written"},
                    Fault{"doubles_rows", kKills, "is not what was written"},
                    Fault{"tells_wrong_position", kKills, "open tells position 300"},
                    Fault{"keeps_first_state", kKills, "not the host state that was committed"},
                    Fault{"commits_late", kKills, "open tells"},
                    Fault{"does_not_complete", kKills, "open tells that it is not complete"},
                    Fault{"finishes_once", kWalk, "finish cannot be repeated"},
                    Fault{"segfault_at_edge", kEdges, "SIGSEGV in create."},
                    Fault{"segfault", kKills, "SIGSEGV in write of rows"},
                    Fault{"commits_in_destroy", kDrops, "open tells position 610"},
                    Fault{"does_not_lock", kHeld, "two processes hold the same place"},
                    Fault{"peeks_wrong", kPeeks, "peek tells no position, and open position 600"},
                    Fault{"starts_over", kForeign,
                          "for another identity, peek and open tell no position where open told "
                          "position 600, so that the host sees nothing to refuse"},
                    Fault{"cuts_what_it_refuses", kForeign,
                          "after another identity was turned away, open tells no position"},
                    Fault{"does_not_forget", kForgets, "open tells position 600 after a reset"},
                    Fault{"keeps_the_end", kReopens, "where the end should be"},
                    Fault{"reopens_in_memory", kReopens,
                          "open tells that a reopened place is complete"}),
    NameOf);

// ---- Sinks of messages --------------------------------------------------------------------------

constexpr char kReadLog[] = "python3 " THRONG_READ_LOG " {dir}/log";

std::vector<CheckResult> CheckLog(const std::string& fault, const std::string& read,
                                  const std::string& only) {
  CheckRequest request{.file = Path("misbehaving/faulty_log"),
                       .settings = {"faulty_log.path={dir}/log", "faulty_log.fault=" + fault},
                       .read = read,
                       .only = only};
  request.time_limit = std::chrono::minutes(5);
  const auto results = CheckPlugin(request, [](const CheckResult&) {});
  EXPECT_TRUE(results.ok()) << MessageOf(results.status());
  return results.ok() ? *results : std::vector<CheckResult>();
}

class LogFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(LogFaultTest, IsCaughtByItsCheck) {
  const auto& [what, check, sentence] = GetParam();
  const auto failed = Failed(CheckLog(what, kReadLog, check));
  ASSERT_THAT(failed, SizeIs(1)) << testing::PrintToString(Lines(failed));
  EXPECT_EQ(failed[0].check, check);
  EXPECT_THAT(failed[0].fault, HasSubstr(sentence));
}
INSTANTIATE_TEST_SUITE_P(
    Logs, LogFaultTest,
    testing::Values(
        Fault{"writes_nothing", kHolds, "number 1 is missing where \"row number 0\" should be."},
        Fault{
            "drops_a_write", kHolds,
            "the messages of the key \"user_1\" are not what was written: 119 instead of 120, and "
            "number 11 is \"row number 550\" where \"row number 500\" should be."},
        Fault{"cuts_a_value", kHolds, "is \"row number 4321\\x0a\\x09\\\\x00\" where"},
        Fault{"stops_at_nul", kHolds, "is \"row number 9\\x0a\\x09\\\" where"},
        Fault{"finish_appends", kHolds, "the key \"\", which nobody wrote"},
        Fault{"marks_first", kCalls, "after kills at system calls, the"},
        Fault{"keeps_doubles", kKills, "after kills, the messages of the key"}),
    NameOf);

TEST(ConformanceTest, ASinkOfMessagesThatKeepsTheContractPasses) {
  const auto results = CheckLog("none", kReadLog, "");
  EXPECT_THAT(Lines(Failed(results)), IsEmpty());
  EXPECT_THAT(results, testing::Each(Field(&CheckResult::skipped, "")));
}

TEST(ConformanceTest, MessagesThatNobodyCanReadAreSaidToBeUnchecked) {
  const auto results = CheckLog("none", "", kHolds);
  ASSERT_THAT(results, SizeIs(2));
  EXPECT_TRUE(results[1].is_ok);
  EXPECT_EQ(results[1].skipped, "contents of messages; give --read.");
}

TEST(ConformanceTest, ACommandThatCannotReadIsNamed) {
  const auto fault = [](const std::string& read) {
    const auto failed = Failed(CheckLog("none", read, kHolds));
    return failed.empty() ? "" : failed[0].fault;
  };
  EXPECT_EQ(fault("exit 3"), "--read: `exit 3` ended with exit code 3.");
  EXPECT_EQ(fault("echo hello"),
            "--read: line 1 is \"hello\"; write a message as key, tab and value, and in them \\t, "
            "\\n, \\r, \\\\ or \\xHH.");
  EXPECT_THAT(fault("printf 'user_1\\t\\\\q\\n'"), HasSubstr("line 1 is \"user_1\\x09\\q\""));
}

TEST(ConformanceTest, AStreamIsReadByACommandToo) {
  CheckRequest request{
      .file = Path("journal"), .settings = {"journal.path={dir}/a"}, .only = kHolds};
  request.read = "head -c 100 {dir}/a";
  const auto results = CheckPlugin(request, [](const CheckResult&) {});
  ASSERT_TRUE(results.ok());
  EXPECT_THAT(Lines(Failed(*results)),
              ElementsAre(HasSubstr("what --read prints is not what was written: 100 bytes")));
}

TEST(ConformanceTest, EscapesOfMessagesAreRead) {
  const auto messages = ParseMessages("a\\tb\t\\\\x\\x00\\xfF\\r\n\tno key\n\t\n");
  ASSERT_TRUE(messages.ok());
  EXPECT_THAT(*messages,
              ElementsAre(testing::Pair("", ElementsAre("no key", "")),
                          testing::Pair("a\tb", ElementsAre(std::string("\\x\0\xff\r", 5)))));
  for (const char* line : {"k", "k\tv\\", "k\tv\\x", "k\tv\\x1", "k\tv\\x1g"}) {
    EXPECT_FALSE(ParseMessages(line).ok()) << line;
  }
}

constexpr char kPaths[] = "says which options are paths";

TEST(ConformanceTest, ASinkThatHidesItsPathFromTheDaemonIsCaught) {
  const std::string buys =
      "declare it with THRONG_OPTION_PATH (`.Path()`), for which a daemon allows it below its "
      "output roots only, and {part} and {slice} in it are replaced.";
  const std::vector<std::string> settings = {"hidden_path_sink.place={dir}/a",
                                             "hidden_path_sink.label={dir}/b",
                                             "folder_sink.folder={dir}/c"};
  EXPECT_THAT(Lines(Failed(Check("misbehaving/faulty_places", settings, kPaths))),
              ElementsAre("sink `hidden_path_sink`: says which options are paths: a walk writes to "
                          "where option `place` says, which is no path; " +
                              buys,
                          "sink `folder_sink`: says which options are paths: option `folder` is "
                          "the name of a path, and is none; " +
                              buys));
}

}  // namespace
}  // namespace throng
