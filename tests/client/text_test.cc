// What throngctl prints: words for shells, tables, YAML, progress, runs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "client/print.h"
#include "client/progress_bar.h"
#include "client/run_page.h"
#include "client/run_text.h"
#include "client/shell_text.h"
#include "client/terminal.h"
#include "client/yaml_text.h"

namespace throng {
namespace {

using nlohmann::ordered_json;

TEST(ShellText, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(ShellLine({"throngctl", "--to", "csv:out/a.csv", "--set", "a=[x, 'y']", ""}),
            R"(throngctl --to csv:out/a.csv --set 'a=[x, '\''y'\'']' '')");
  EXPECT_EQ(ShellWord("a?b&c"), "'a?b&c'");
  EXPECT_EQ(ShellWord("$HOME"), "'$HOME'");
}

TEST(TextTable, AlignsColumnsAndPutsNumbersFlushRight) {
  TextTable table({"NAME", "ROWS", "DONE"});
  table.Add({"nightly", "5", "50%"});
  table.Add({"ünï", "1000", "-"});
  EXPECT_EQ(table.ToText(),
            "NAME     ROWS  DONE\n"
            "nightly     5   50%\n"
            "ünï      1000     -\n");
}

TEST(TextTable, WithoutRowsIsItsHeader) {
  EXPECT_EQ(TextTable({"NAME", "STATE"}).ToText(), "NAME  STATE\n");
}

TEST(YamlText, IsReadByPeople) {
  const auto json = ordered_json::parse(R"({
    "dataset": {"seed": 42, "world": {"clusters": [{"name": "a", "share": 0.5}, {"name": "b: c"}]},
                "clock": {"component": "uniform", "options": {"window": "30d", "n": "1.0",
                          "flag": "true", "none": "null", "empty": ""}}},
    "list": [1, 2], "none": [], "sha": "12345e67", "word": "yes", "path": "out/a.csv"})");
  EXPECT_EQ(YamlText(json), R"(dataset:
  seed: 42
  world:
    clusters:
      - {name: a, share: 0.5}
      - {name: "b: c"}
  clock: {component: uniform, options: {window: 30d, n: 1.0, flag: true, none: "null", empty: ""}}
list: [1, 2]
none: []
sha: "12345e67"
word: "yes"
path: out/a.csv
)");
}

TEST(YamlText, NestsListsOfMaps) {
  const auto json =
      ordered_json::parse(R"([{"name": "a", "inner": {"x": {"y": 1}}}, {"name": "b"}])");
  EXPECT_EQ(YamlText(json), R"(- name: a
  inner:
    x: {y: 1}
- {name: b}
)");
}

TEST(PrintFormat, IsOneOfFive) {
  EXPECT_EQ(ParsePrintFormat("jsonl"), PrintFormat::kJsonLines);
  EXPECT_EQ(ParsePrintFormat("xml"), std::nullopt);
}

v1::Run HalfDone() {
  v1::Run run;
  run.set_name("runs/nightly");
  run.set_state(v1::RUN_STATE_RUNNING);
  v1::OutputStatus* output = run.add_outputs();
  output->set_state(v1::OUTPUT_STATE_RUNNING);
  output->set_rows(500);
  output->set_total_rows(1000);
  output->set_bytes(1'500'000);
  output->set_rows_per_second(10);
  return run;
}

TEST(RunText, SaysStatesAsJsonDoes) {
  EXPECT_EQ(StateText(v1::RUN_STATE_SUCCEEDED), "succeeded");
  EXPECT_EQ(StateText(v1::OUTPUT_STATE_BLOCKED), "blocked");
  v1::Run run;
  run.set_state(v1::RUN_STATE_RUNNING);
  run.add_outputs()->set_state(v1::OUTPUT_STATE_RUNNING);
  EXPECT_EQ(StateText(run), "running");
  run.add_outputs()->set_state(v1::OUTPUT_STATE_BLOCKED);
  EXPECT_EQ(StateText(run), "running (1 of 2 blocked)");
  EXPECT_EQ(TargetText(v1::TARGET_STATE_PAUSED), "paused");
}

TEST(RunText, TakesNamesWithAndWithoutTheirCollection) {
  EXPECT_EQ(FullName("runs", "a"), "runs/a");
  EXPECT_EQ(FullName("runs", "runs/a"), "runs/a");
  EXPECT_EQ(ShortName("runs/a"), "a");
  EXPECT_EQ(ShortName("a"), "a");
  EXPECT_EQ(ShortName("a/b"), "a/b");  // a wrong name, for the daemon to refuse
}

TEST(RunPage, EndsWithTheLastLinesOfTheLog) {
  v1::LogLine line;
  line.mutable_time()->set_seconds(1'704'067'200);
  line.set_level("warning");
  line.set_source("sink `file`");
  line.set_message("The disk is nearly full.");
  v1::Run run = HalfDone();
  run.mutable_spec()->mutable_pace()->set_rate(1000);
  const std::string page = RunPage(run, {line}, false);
  EXPECT_NE(page.find("Pace:        1000 rows/s\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\nLast lines of its log; `throngctl runs logs nightly` has all:\n"
                      "2024-01-01T00:00:00Z  warning  sink `file`: The disk is nearly full.\n"),
            std::string::npos)
      << page;
  EXPECT_EQ(RunPage(run, {}, false).find("Last lines"), std::string::npos);
}

TEST(RunText, ShowsBytesAndTimes) {
  EXPECT_EQ(ByteText(999), "999 bytes");
  EXPECT_EQ(ByteText(1'500), "1.5 kB");
  EXPECT_EQ(ByteText(2'000'000'000'000), "2.0 TB");
  EXPECT_EQ(ClockText(65), "1:05");
  EXPECT_EQ(ClockText(3725), "1:02:05");
}

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  const RunProgress progress = ProgressOf(HalfDone());
  EXPECT_EQ(ProgressLine(progress, ProgressStyle::kLines, 0),
            " 50%  500 rows  10 rows/s  1.5 MB  0:50 left");
  EXPECT_EQ(ProgressLine(progress, ProgressStyle::kBar, 80),
            "[############............]  50%  500 rows  10 rows/s  1.5 MB  0:50 left");
}

TEST(ProgressLine, FitsAnyWidth) {
  const RunProgress progress = ProgressOf(HalfDone());
  for (size_t width = 0; width < 100; ++width) {
    for (const ProgressStyle style : {ProgressStyle::kBar, ProgressStyle::kColored}) {
      EXPECT_LE(WidthOf(ProgressLine(progress, style, width)), width);
    }
  }
  EXPECT_EQ(ProgressLine(progress, ProgressStyle::kBar, 55),
            "[####....]  50%  500 rows  10 rows/s  1.5 MB  0:50 left");
  EXPECT_EQ(ProgressLine(progress, ProgressStyle::kBar, 44),
            " 50%  500 rows  10 rows/s  1.5 MB  0:50 left");
  EXPECT_EQ(ProgressLine(progress, ProgressStyle::kBar, 20), " 50%  500 rows  1...");
}

TEST(ProgressLine, OfARunWithoutEndHasNoShare) {
  v1::Run run = HalfDone();
  run.mutable_outputs(0)->set_total_rows(-1);
  EXPECT_EQ(ProgressLine(ProgressOf(run), ProgressStyle::kBar, 80), "500 rows  10 rows/s  1.5 MB");
}

}  // namespace
}  // namespace throng
