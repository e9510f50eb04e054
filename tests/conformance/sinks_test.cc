// Sinks that break the contract, each caught by its check.
#include "tests/conformance/checking.h"

namespace throng {
namespace {

using testing::ElementsAre;

constexpr char kWalk[] = "takes a whole walk";
constexpr char kDrops[] = "drops what was not committed";
constexpr char kKills[] = "neither loses nor doubles rows when killed";
constexpr char kHeld[] = "is held by one process at a time";
constexpr char kPeeks[] = "peeks at what open would tell";
constexpr char kForgets[] = "forgets when reset";

class SinkFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(SinkFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_sinks", "faulty_sink", {"faulty_sink.path={dir}/a"}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Sinks, SinkFaultTest,
    testing::Values(Fault{"loses_rows", kKills, "is not what was written"},
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
                    Fault{"does_not_forget", kForgets, "open tells position 600 after a reset"}),
    NameOf);

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
