// Behaviours that break the contract, each caught by its check.
#include "tests/conformance/checking.h"

namespace throng {
namespace {

using testing::ElementsAre;

constexpr char kWrites[] = "writes its own columns of the batch alone";
constexpr char kUsers[] = "numbers the rows of each user";
constexpr char kTimes[] = "never goes back in time";
constexpr char kItems[] = "fills items and kinds that exist";
constexpr char kBatches[] = "equal bytes for batches of 1, 7 and 4096";

constexpr char kFar[] = "equal bytes far out in a plan of 10^11 rows";
constexpr char kDrawn[] = "equal bytes at the edges of its options and at values drawn at random";

class RatingFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(RatingFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_rating", {}, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Ratings, RatingFaultTest,
    testing::Values(
        Fault{"carries_state", kOrder, "in another order"},
        Fault{"depends_on_batch", kBatches, "in batches of 1."},
        Fault{"uses_time", kProcess, "rating: it differs from one process to another"},
        Fault{"uses_address", kProcess, "rating: it differs from one process to another"},
        Fault{"uses_zone", kProcess, "rating: it differs from one process to another"},
        Fault{"leaves_last", kBatches, "rating of row 99 is"},
        Fault{"past_batch", kWrites, "given rows 0 to 0, it wrote row 1 of the column rating."},
        Fault{"before_batch", kWrites, "given rows 0 to 0, it wrote row -1 of the column rating."},
        Fault{"changes_item", kWrites, "it changed the column item at row 0, which is not its own"},
        Fault{"throws_42", kBatches,
              "an exception crossed the boundary in fill of rows 0 to 4095."},
        Fault{"throws_exception", kBatches,
              "an exception crossed the boundary (nobody catches me) in fill of rows 0 to 4095."},
        Fault{"segfault", kBatches, "SIGSEGV in fill of rows 0 to 4095."},
        Fault{"abort", kBatches, "SIGABRT in fill of rows 0 to 4095."},
        Fault{"exit", kBatches, "ended with exit code 0 in fill of rows 0 to 4095."},
        Fault{"exit_7", kBatches, "ended with exit code 7 in fill of rows 0 to 4095."},
        Fault{"abort_in_destroy", kCreated, "SIGABRT in destroy."},
        Fault{"keeps_dataset", kKeeps, "SIGSEGV in fill of rows 0 to 99."},
        Fault{"impure_far_out", kFar, "rating of row 8589934092 is"},
        Fault{"impure_at_edge", kDrawn, "with level: 9 (--seed 0): rating of row 0 is"},
        Fault{"impure_within", kDrawn, "(--seed 0): rating of row 0 is"},
        Fault{"below_none", "gives ratings from 0 on, or -1 for none", "the rating of row 7 is -2"},
        Fault{"leaves_out_unsaid", "gives ratings from 0 on, or -1 for none",
              "the rating of row 7 is -1; it is at least 0, or -1 of one that says"},
        Fault{"refuses", kCreated, "rating `faulty_rating`: Not today."},
        Fault{"segfault_at_edge", kEdges, "SIGSEGV in create."},
        Fault{"says_nothing", kEdges, "Say what is wrong"},
        Fault{"block_too_large", kCreated, "it wishes for blocks of 100000 rows"}),
    NameOf);

// Under a sanitizer, which has memory of its own, these are that sanitizer's to find.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
const Fault kLeak{"leaks", kMemory, "bytes more are in use after each create and destroy"};
INSTANTIATE_TEST_SUITE_P(Memory, RatingFaultTest,
                         testing::Values(kLeak,
                                         Fault{"uses_memory", kProcess, "rating: it differs"}),
                         NameOf);
TEST(ConformanceTest, AFormatOrSinkThatLeaksIsCaughtToo) {
  ExpectCaught("misbehaving/faulty_format", "faulty_format", {}, kLeak);
  ExpectCaught("misbehaving/faulty_sinks", "faulty_sink", {"faulty_sink.path={dir}/a"}, kLeak);
}
#endif

TEST(ConformanceTest, AHungPluginIsStoppedAndNotAskedAgain) {
  CheckRequest request{.file = Path("misbehaving/faulty_behaviours"),
                       .settings = {"faulty_rating.fault=hang"},
                       .only = "`faulty_rating`: equal bytes",
                       .time_limit = std::chrono::seconds(5)};
  const auto results = CheckPlugin(request, [](const CheckResult&) {});
  ASSERT_TRUE(results.ok());
  EXPECT_THAT(
      Lines(Failed(*results)),
      ElementsAre("rating `faulty_rating`: equal bytes for batches of 1, 7 and 4096: no end "
                  "within 5 s in fill of rows 0 to 4095."));
}

TEST(ConformanceTest, ARatingThatAsksTheEnvironmentIsCaught) {
  setenv("THRONG_TEST_STARS", "5", 1);
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_rating", {},
               Fault{"uses_environment", kProcess, "rating: it differs from one process"});
  unsetenv("THRONG_TEST_STARS");
}

TEST(ConformanceTest, ABehaviourMayRefuseALargePlan) {
  const auto results = Check("misbehaving/faulty_behaviours",
                             {"faulty_rating.fault=refuses_large_plans"}, "rating`: equal bytes");
  EXPECT_THAT(Lines(Failed(results)), testing::IsEmpty());
  EXPECT_THAT(results, testing::Contains(testing::Field(
                           &CheckResult::skipped,
                           "it refuses such a plan: rating `faulty_rating`: An epoch has a million "
                           "rows at most; choose less.")));
}

TEST(ConformanceTest, OptionsAreDrawnAlikeForASeed) {
  const auto fault = [](uint64_t seed) {
    CheckRequest request{.file = Path("misbehaving/faulty_behaviours"),
                         .settings = {"faulty_rating.fault=impure_within"},
                         .seed = seed,
                         .only = kDrawn};
    const auto results = CheckPlugin(request, [](const CheckResult&) {});
    return results.ok() ? Lines(Failed(*results)) : std::vector<std::string>();
  };
  EXPECT_THAT(fault(7), ElementsAre(testing::HasSubstr("(--seed 7)")));
  EXPECT_EQ(fault(7), fault(7));
}

class ActivityFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(ActivityFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_activity", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Activities, ActivityFaultTest,
    testing::Values(Fault{"runs_from_behind", kUsers, "so place"},
                    Fault{"segments_vary", kCreated, "epoch 1 has 2 segments and epoch 0 has 1"},
                    Fault{"segments_by_time", kProcess, "segments: it differs from one process"},
                    Fault{"user_out_of_range", kUsers, "is not in [0, 400)."},
                    Fault{"user_row_twice", kUsers, "are both row 0 of user"},
                    Fault{"user_row_out_of_range", kUsers, "is not in [0, user_rows), which"},
                    Fault{"user_rows_wrong", kUsers, "the user_rows of all users of an epoch are"},
                    Fault{"run_row_out_of_range", kUsers, "is not in [0, run_rows), which"}),
    NameOf);

class ClockFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(ClockFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_clock", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Clocks, ClockFaultTest,
                         testing::Values(Fault{"goes_back", kTimes, "the time of row 12344 is"},
                                         Fault{"changes_user", kWrites,
                                               "it changed the column user at row"}),
                         NameOf);

constexpr char kFurther[] = "fills its further columns whatever is asked for";
constexpr char kTruth[] = "tells the truth in probabilities and stars";

class ChoiceFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(ChoiceFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_choice", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Choices, ChoiceFaultTest,
    testing::Values(
        Fault{"item_out_of_range", kItems, "item -1 of row"},
        Fault{"kind_out_of_range", kItems, "is not in [0, 2)."},
        Fault{"kind_row_twice", kItems, "are both row 1 of `second`"},
        Fault{"kind_row_out_of_range", kItems, "the rows of `first`"},
        Fault{"kind_name_with_comma", kItems, "a kind is named \"a,b\""},
        Fault{"kinds_do_not_add_up", kItems,
              "its kinds have 10006 rows together; an epoch has 10007."},
        Fault{"kind_without_name", kCreated, "its kind 1 lacks a name"},
        Fault{"kind_not_utf8", kCreated, "its kind 1 lacks a name in UTF-8"},
        Fault{"kind_below_nothing", kCreated, "or has less than no rows"},
        Fault{"too_many_kinds", kCreated, "has 300 kinds; 256 are allowed"},
        Fault{"column_without_name", kFurther, "its further column 0 is not named in snake_case"},
        Fault{"column_beyond", kFurther,
              "row 0 has a value in its further column side that such a column cannot "
              "hold."},
        Fault{"column_of_batch", kFurther,
              "the further column side of row 7 is not the same when it is asked for "
              "alone, in batches of 7."},
        Fault{"column_changes_items", kFurther, "item of row 0 is"},
        Fault{"side_of_batch", kFurther,
              "of items, the further column side of rank 999 is not the same when asked "
              "for alone."},
        Fault{"sure_of_all", kTruth, "add up to 950, not to 1."},
        Fault{"not_a_number", kTruth, "at row 0 is nan; it lies from 0 to 1."},
        Fault{"shares_of_half", kTruth, "add up to 0.5, not to 1."},
        Fault{"counts_scores", kTruth, "another instance that has learnt the same rows"}),
    NameOf);

}  // namespace
}  // namespace throng
