// Decoders that break the contract, each caught by its check.
#include "tests/conformance/checking.h"

namespace throng {
namespace {

constexpr char kReadsBack[] = "reads back what the format of its name writes";
constexpr char kSurvives[] = "comes to an end with what is damaged or garbage";

class DecoderFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(DecoderFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_decoder", "faulty_decoder", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Decoders, DecoderFaultTest,
    testing::Values(Fault{"swaps_columns", kReadsBack, "row 0 is `item_"},
                    Fault{"forgets_what_is_cut", kReadsBack, "; 3006 rows are read of 3007."},
                    Fault{"finds_damage", kReadsBack, "it finds damage where there is none"},
                    Fault{"too_many_rows", kReadsBack, "decoded 1001 rows of 1000 wrong"},
                    Fault{"consumes_too_much", kReadsBack, "65537 of 65536 consumed"},
                    Fault{"segfault_at_garbage", kSurvives, "SIGSEGV in decode."}),
    NameOf);

TEST(ConformanceTest, ADecoderThatKeepsToTheContractPasses) {
  EXPECT_THAT(Lines(Failed(Check("misbehaving/faulty_decoder", {}))), testing::IsEmpty());
}

}  // namespace
}  // namespace throng
