// Formats that break the contract, each caught by its check.
#include "tests/conformance/checking.h"

namespace throng {
namespace {

constexpr char kPrologues[] = "prologues of all instances agree";
constexpr char kAppends[] = "appends what it reserved room for alone";
constexpr char kEnds[] = "says where keys and values end";
constexpr char kBlocks[] = "equal bytes for blocks of 1, 7 and 4096";
constexpr char kEpilogue[] = "the epilogue does not depend on what an instance encoded";

class FormatFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(FormatFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_format", "faulty_format", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Formats, FormatFaultTest,
    testing::Values(
        Fault{"prologues_disagree", kPrologues, "as a stream, two instances began with different"},
        Fault{"states_disagree", kPrologues, "two instances began with different prologues"},
        Fault{"forgets_state", kPrologues, "two instances began with different prologues"},
        Fault{"messages_have_prologue", kPrologues, "messages have no prologue"},
        Fault{"keeps_destination", kKeeps, "SIGSEGV in encode of rows 0 to 99 as a stream."},
        Fault{"keeps_name", kKeeps, "SIGSEGV in encode of rows 0 to 99 as a stream."},
        Fault{"keeps_schema_for_others", kKeeps,
              "SIGSEGV in encode of rows 0 to 99 as a stream with"},
        Fault{"cut_of_5000", "is created and begins", "asks for cuts of 5000 rows"},
        Fault{"segfault_at_edge", kEdges, "SIGSEGV in create."},
        Fault{"depends_on_block", kBlocks, "as a stream, the records differ at byte"},
        Fault{"carries_state", kOrder, "the records of another instance"},
        Fault{"uses_time", kProcess, "records: it differs from one process to another"},
        Fault{"ends_too_early", kEnds, "the last value ends at"},
        Fault{"ends_out_of_order", kEnds, "the value of row 0 ends at 13, before it begins"},
        Fault{"beyond_reserve", kAppends, "it wrote beyond what it had reserved"},
        Fault{"overwrites", kAppends, "it changed what the buffer held before, at rows 1000"},
        Fault{"note_too_large", kOrder, "gave a note of 65537 bytes with rows 0 to 99; 65536 are"},
        Fault{"counts_rows", kEpilogue, "ends otherwise than one that did"},
        Fault{"throws_inside", kBlocks, "something that is not a std::exception was thrown"},
        Fault{"segfault", kBlocks, "SIGSEGV in encode of rows 0 to 4095 as a stream."}),
    NameOf);

TEST(ConformanceTest, TheNoteOfACutThatDependsOnTheInstanceIsCaught) {
  ExpectCaught("misbehaving/faulty_format", "faulty_format", {"faulty_format.cuts=true"},
               {"note_counts", kOrder, "the note of cut 1 is another one from another instance"});
}

}  // namespace
}  // namespace throng
