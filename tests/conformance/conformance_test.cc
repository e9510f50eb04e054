// Plugins that are well, plugins whose tables are not, and requests.
#include <unistd.h>

#include <csignal>
#include <set>

#include "tests/conformance/checking.h"

namespace throng {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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
        Fault{"table_unknown_role", kNames, "plays the role \"oracle/1\""},
        Fault{"table_future_too", kNames, "component `future` plays the role \"rating/2\""},
        Fault{"table_needs_newer", kLoads, "it needs the plugin ABI 1.2, and this host has 1.0"},
        Fault{"table_option_twice", kLoads, "component `table` has option `stars` twice"},
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

TEST(ConformanceTest, AChoiceOfNoCheckIsRefused) {
  const auto refusal = [](const std::string& only) {
    const CheckRequest request{.file = Path("zipf"), .settings = {}, .only = only};
    return MessageOf(CheckPlugin(request, [](const CheckResult&) {}).status());
  };
  EXPECT_EQ(refusal("bathces of 1"),
            "--only: no check has \"bathces of 1\" in its line. The nearest is \"choice `zipf`: "
            "equal bytes for batches of 1, 7 and 4096\".");
  EXPECT_EQ(refusal("is created nowhere"),
            "--only: no check has \"is created nowhere\" in its line. The nearest is \"choice "
            "`zipf`: is created\".");
  EXPECT_THAT(refusal("whole walk"),  // of sinks, and there is none
              HasSubstr("no check has \"whole walk\" in its line. The nearest is \""));
  EXPECT_EQ(refusal("loads"), "");
  EXPECT_EQ(refusal("`zipf`"), "");
}

TEST(ConformanceTest, AllChecksHaveNames) {
  const auto names = CheckNames();
  EXPECT_THAT(names, testing::IsSupersetOf({kLoads, kExports, kNames, kDefaults, kCreated, kOrder,
                                            kKeeps, "takes a whole walk"}));
  EXPECT_THAT(std::set(names.begin(), names.end()), SizeIs(names.size()));
}

// In forks: a plugin that is loaded here lies at the same place in all processes to come.
TEST(ConformanceTest, InThisProcessACrashIsACrash) {
  CheckRequest request{.file = Path("misbehaving/faulty_behaviours"),
                       .settings = {"faulty_rating.fault=abort"},
                       .only = "rating`: equal bytes for batches",
                       .is_in_process = true};
  const auto check = [&] { return CheckPlugin(request, [](const CheckResult&) {}); };
  EXPECT_EXIT((void)check(), testing::KilledBySignal(SIGABRT), "");
  request.settings = {};
  request.only = "rating`: equal bytes";
  const auto is_well = [&] {
    const auto results = check();
    return results.ok() && Failed(*results).empty() &&
           results->back().skipped == "there is one process alone; omit --in-process.";
  };
  EXPECT_EXIT(_exit(is_well() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST(ConformanceTest, AnUnknownOptionIsNamed) {
  const auto failed = Failed(Check("zipf", {"zipf.exponant=1"}, "is created"));
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_THAT(failed[0].fault, HasSubstr("Did you mean \"exponent\"?"));
}

}  // namespace
}  // namespace throng
