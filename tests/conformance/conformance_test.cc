#include "server/conformance/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/control/status.h"

namespace throng {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Path(const std::string& plugin) {
  return std::string(THRONG_TEST_PLUGINS) + "/" + plugin + ".so";
}

std::vector<CheckResult> Check(const std::string& plugin, const std::vector<std::string>& settings,
                               const std::string& only = "") {
  CheckRequest request{.file = Path(plugin),
                       .settings = settings,
                       .only = only,
                       .time_limit = std::chrono::minutes(5)};
  const auto results = CheckPlugin(request, [](const CheckResult&) {});
  EXPECT_TRUE(results.ok()) << MessageOf(results.status());
  return results.ok() ? *results : std::vector<CheckResult>();
}

std::vector<CheckResult> Failed(std::vector<CheckResult> results) {
  std::erase_if(results, [](const CheckResult& result) { return result.is_ok; });
  return results;
}

std::vector<std::string> Lines(const std::vector<CheckResult>& results) {
  std::vector<std::string> lines;
  lines.reserve(results.size());
  for (const CheckResult& r : results) {
    lines.push_back(r.component + ": " + r.check + ": " + r.fault);
  }
  return lines;
}

// A plugin or a fault, and the check that must name it.
struct Fault {
  std::string what;
  std::string check;
  std::string sentence;  // part of it
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.what; }

std::string NameOf(const testing::TestParamInfo<Fault>& info) { return info.param.what; }
std::string NameWithIndex(const testing::TestParamInfo<Fault>& info) {
  return info.param.what + "_" + std::to_string(info.index);
}

// ---- Plugins that are well ----------------------------------------------------------------------

TEST(ConformanceTest, ExamplesAndPluginsOfOtherMinorVersionsPass) {
  const std::vector<std::string> journal = {"journal.path={dir}/a"};
  for (const auto& [plugin, settings] :
       std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"zipf", {}},
           {"plain_c", {}},
           {"journal", journal},
           {"misbehaving/table_good", {}},
           {"misbehaving/table_older", {}},
           {"misbehaving/table_newer", {}}}) {
    const auto results = Check(plugin, settings);
    EXPECT_THAT(Lines(Failed(results)), IsEmpty()) << plugin;
    EXPECT_THAT(results, SizeIs(testing::Gt(12U))) << plugin;
  }
}

TEST(ConformanceTest, PluginsWhoseFaultIsNoneBreakNothing) {
  EXPECT_THAT(Lines(Failed(Check("misbehaving/faulty_behaviours", {}))), IsEmpty());
  EXPECT_THAT(Lines(Failed(Check("misbehaving/faulty_format", {}))), IsEmpty());
  EXPECT_THAT(Lines(Failed(Check("misbehaving/faulty_format", {"faulty_format.cuts=true"}))),
              IsEmpty());
}

TEST(ConformanceTest, OnlyTheFaultySinkOfTwoFails) {
  const auto results = Failed(Check("misbehaving/faulty_sinks", {"faulty_sink.path={dir}/a"}));
  const std::string fault =
      "open tells position 5, and not the host state that was committed with it.";
  EXPECT_THAT(Lines(results),
              ElementsAre("sink `forgetful_sink`: takes a whole walk: " + fault,
                          "sink `forgetful_sink`: takes an output without rows: " + fault));
}

// ---- Tables -------------------------------------------------------------------------------------

class TableFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(TableFaultTest, IsCaughtByItsCheck) {
  const auto [plugin, check, sentence] = GetParam();
  const auto failed = Failed(Check("misbehaving/" + plugin, {}, check));
  EXPECT_THAT(failed, testing::Contains(AllOf(Field(&CheckResult::check, check),
                                              Field(&CheckResult::fault, HasSubstr(sentence)))))
      << testing::PrintToString(Lines(failed));
}

constexpr char kLoads[] = "loads";
constexpr char kExports[] = "exports throng_plugin_v1 alone";
constexpr char kNeeds[] = "needs no symbol but of the libraries it is linked with";
constexpr char kSizes[] = "structs are as large as they say";
constexpr char kDescribes[] = "describes itself twice the same";
constexpr char kNames[] = "names and docs are in order";
constexpr char kDefaults[] = "defaults parse and lie in range";

INSTANTIATE_TEST_SUITE_P(
    Tables, TableFaultTest,
    testing::Values(
        Fault{"table_changes", kDescribes, "says something else when it is called again"},
        Fault{"table_changes_by_process", kDescribes, "it differs from one process to another"},
        Fault{"table_without_doc", kLoads, "lacks a role, name or doc"},
        Fault{"table_doc_of_two_lines", kNames, "the doc of `table` has a line break"},
        Fault{"table_bad_name", kNames, "component `BadName`: a name is written in snake_case"},
        Fault{"table_default_out_of_range", kDefaults,
              "option `stars`: its default is 7; it must be from 1 to 5."},
        Fault{"table_bounds_reversed", kDefaults,
              "option `stars`: its bound is 9; it must be from 9 to 5."},
        Fault{"table_too_small", kLoads, "its table (struct_size 8) lacks a name"},
        Fault{"table_functions_too_small", kLoads,
              "component `table` lacks: create, destroy, fill"},
        Fault{"table_huge", kSizes, "the functions of component `table` is 4294967295"},
        Fault{"table_odd", kSizes, "the functions of component `table` is 61"},
        Fault{"table_without_fill", kLoads, "component `table` lacks: fill."},
        Fault{"table_unknown_role", kLoads, "plays the role \"oracle/1\""},
        Fault{"table_null", kLoads, "throng_plugin_v1 returned NULL"},
        Fault{"table_other_major", kLoads, "another major version of the plugin ABI"},
        Fault{"table_other_major", kExports, "it does not export throng_plugin_v1"},
        Fault{"table_undefined_symbol", kLoads, "undefined symbol: nobody_has_this"},
        Fault{"table_undefined_symbol", kNeeds, "has nobody_has_this; link what does"},
        Fault{"table_host_symbol", kNeeds, "has EVP_sha256; link what does"},
        Fault{"table_extra_symbol", kExports, "it also exports throng_also_exported"},
        Fault{"unique", kExports, "has the GNU_UNIQUE symbol _ZN6SharedIiE5valueE"}),
    NameWithIndex);

TEST(ConformanceTest, ASymbolOfTheHostsIsNotSeenByLoadingAlone) {
  EXPECT_THAT(Lines(Failed(Check("misbehaving/table_host_symbol", {}, kLoads))), IsEmpty());
}

TEST(ConformanceTest, WhatCannotBeLoadedIsNotCheckedFurther) {
  EXPECT_THAT(Check("misbehaving/table_null", {}), SizeIs(3));
}

// ---- Components ---------------------------------------------------------------------------------

// Makes only the check that must catch it, for speed.
void ExpectCaught(const std::string& plugin, const std::string& component,
                  std::vector<std::string> settings, const Fault& fault) {
  settings.push_back(component + ".fault=" + fault.what);
  const auto failed = Failed(Check(plugin, settings, component + "`: " + fault.check));
  ASSERT_THAT(failed, SizeIs(1)) << testing::PrintToString(Lines(failed));
  EXPECT_THAT(failed[0].component, HasSubstr("`" + component + "`"));
  EXPECT_EQ(failed[0].check, fault.check);
  EXPECT_THAT(failed[0].fault, HasSubstr(fault.sentence));
}

constexpr char kCreated[] = "is created";
constexpr char kEdges[] = "works or says why not at the edges of its options";
constexpr char kMemory[] = "gives back what it took";
constexpr char kWrites[] = "writes its own columns of the batch alone";
constexpr char kUsers[] = "numbers the rows of each user";
constexpr char kTimes[] = "never goes back in time";
constexpr char kItems[] = "fills items and kinds that exist";
constexpr char kBatches[] = "equal bytes for batches of 1, 7 and 4096";
constexpr char kOrder[] = "equal bytes in any order and from any instance";
constexpr char kProcess[] = "equal bytes in a new process";

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

class ActivityFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(ActivityFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_activity", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Activities, ActivityFaultTest,
    testing::Values(Fault{"user_out_of_range", kUsers, "is not in [0, 400)."},
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

class ChoiceFaultTest : public testing::TestWithParam<Fault> {};
TEST_P(ChoiceFaultTest, IsCaughtByItsCheck) {
  ExpectCaught("misbehaving/faulty_behaviours", "faulty_choice", {}, GetParam());
}
INSTANTIATE_TEST_SUITE_P(
    Choices, ChoiceFaultTest,
    testing::Values(Fault{"item_out_of_range", kItems, "item -1 of row"},
                    Fault{"kind_out_of_range", kItems, "is not in [0, 2)."},
                    Fault{"kind_row_twice", kItems, "are both row 1 of `second`"},
                    Fault{"kind_row_out_of_range", kItems, "the rows of `first`"},
                    Fault{"kind_name_with_comma", kItems, "a kind is named \"a,b\""},
                    Fault{"kinds_do_not_add_up", kItems,
                          "its kinds have 10006 rows together; an epoch has 10007."},
                    Fault{"kind_without_name", kCreated, "its kind 1 lacks a name"},
                    Fault{"kind_not_utf8", kCreated, "its kind 1 lacks a name in UTF-8"},
                    Fault{"kind_below_nothing", kCreated, "or has less than no rows"},
                    Fault{"too_many_kinds", kCreated, "has 300 kinds; 256 are allowed"}),
    NameOf);

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
        Fault{"cut_of_5000", "is created and begins", "asks for cuts of 5000 rows"},
        Fault{"segfault_at_edge", kEdges, "SIGSEGV in create."},
        Fault{"depends_on_block", kBlocks, "as a stream, the records differ at byte"},
        Fault{"carries_state", kOrder, "the records of another instance"},
        Fault{"uses_time", kProcess, "records: it differs from one process to another"},
        Fault{"ends_too_early", kEnds, "the last value ends at"},
        Fault{"ends_out_of_order", kEnds, "the value of row 0 ends at 13, before it begins"},
        Fault{"beyond_reserve", kAppends, "it wrote beyond what it had reserved"},
        Fault{"overwrites", kAppends, "it changed what the buffer held before, at rows 1000"},
        Fault{"counts_rows", kEpilogue, "ends otherwise than one that did"},
        Fault{"throws_inside", kBlocks, "something that is not a std::exception was thrown"},
        Fault{"segfault", kBlocks, "SIGSEGV in encode of rows 0 to 4095 as a stream."}),
    NameOf);

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

// ---- Requests -----------------------------------------------------------------------------------

TEST(ConformanceTest, AnOptionThatIsMissingIsAskedFor) {
  const auto failed = Failed(Check("journal", {}));
  EXPECT_THAT(Lines(failed),
              ElementsAre("sink `journal`: is created: journal.path is missing: the sink `journal` "
                          "needs it. The file to write. Give it with --set journal.path=VALUE."));
}

TEST(ConformanceTest, SettingsThatAreWrongAreRefused) {
  const auto refusal = [](const std::string& setting) {
    const CheckRequest request{.file = Path("zipf"), .settings = {setting}, .only = ""};
    return MessageOf(CheckPlugin(request, [](const CheckResult&) {}).status());
  };
  EXPECT_EQ(refusal("exponent"), "--set: is \"exponent\"; write COMPONENT.OPTION=VALUE.");
  EXPECT_EQ(refusal(".exponent=1"), "--set: is \".exponent=1\"; write COMPONENT.OPTION=VALUE.");
  EXPECT_EQ(refusal("zipf.=1"), "--set: is \"zipf.=1\"; write COMPONENT.OPTION=VALUE.");
  EXPECT_EQ(refusal("zip.exponent=1"),
            "--set: the plugin has no component \"zip\". Did you mean \"zipf\"?");
  const CheckRequest request{.file = "/nowhere/x.so", .settings = {}, .only = ""};
  EXPECT_EQ(MessageOf(CheckPlugin(request, [](const CheckResult&) {}).status()),
            "there is no file /nowhere/x.so.");
}

TEST(ConformanceTest, AnUnknownOptionIsNamed) {
  const auto failed = Failed(Check("zipf", {"zipf.exponant=1"}, "is created"));
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_THAT(failed[0].fault, HasSubstr("Did you mean \"exponent\"?"));
}

}  // namespace
}  // namespace throng
