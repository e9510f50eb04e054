#include "client/spec_flags.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace throng {
namespace {

// Each layer as "name: text", the weakest first; or what is wrong.
std::vector<std::string> Layers(const SpecFlags& flags, const std::string& file = "",
                                const std::vector<std::string>& default_outputs = {}) {
  const MadeSource made = MakeSource(flags, file, default_outputs);
  if (!made.mistakes.empty()) return made.mistakes;
  std::vector<std::string> layers;
  for (const v1::SpecLayer& layer : made.source.layers()) {
    layers.push_back(layer.name() + ": " + layer.text() + (layer.has_lines() ? " (lines)" : ""));
  }
  return layers;
}

using Expected = std::vector<std::string>;

TEST(SpecFlags, BecomeLayersThatTellTheirFlag) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.preset = "seed";
  flags.size = "quick";
  flags.seed = "7";
  flags.users = "x";  // the daemon says what is wrong with it
  flags.window = "30d";
  flags.rate = "1000/s";
  flags.slice = "0/4";
  flags.settings = {"dataset.plan_size=9"};
  EXPECT_EQ(Layers(flags, "threads: 1"),
            (Expected{"my.yaml: threads: 1 (lines)", R"(--size: {"dataset": {"size": "quick"}})",
                      R"(--preset: {"dataset": {"preset": "seed"}})",
                      R"(--seed: {"dataset": {"seed": "7"}})",
                      R"(--users: {"dataset": {"world": {"users": "x"}}})",
                      R"(--window: {"dataset": {"clock": {"options": {"window": "30d"}}}})",
                      R"(--rate: {"pace": {"rate": "1000"}})",
                      R"(--slice: {"slice": {"index": "0", "count": "4"}})",
                      R"(--set dataset.plan_size: {"dataset": {"plan_size": "9"}})"}));
}

TEST(SpecFlags, CountsAreAsPeopleTypeThem) {
  SpecFlags flags;
  flags.users = "1k";
  flags.items = "5_000";
  flags.interactions = "1M";
  flags.rate = "10k/s";
  EXPECT_EQ(Layers(flags), (Expected{R"(--users: {"dataset": {"world": {"users": "1000"}}})",
                                     R"(--items: {"dataset": {"world": {"items": "5000"}}})",
                                     R"(--interactions: {"dataset": {"interactions": "1000000"}})",
                                     R"(--rate: {"pace": {"rate": "10000"}})"}));
  flags.users = "50.000";
  flags.items = "5x";
  EXPECT_EQ(Layers(flags),
            (Expected{R"(--users "50.000" may be read as more than one number; write it without )"
                      "points and commas, as 50000 or 50k.",
                      R"(--items "5x" is no whole number; write one such as 500, 50k or 1M.)"}));
}

TEST(SpecFlags, NullInteractionsAreWithoutEnd) {
  SpecFlags flags;
  flags.interactions = "null";
  EXPECT_EQ(Layers(flags), Expected{R"(--interactions: {"dataset": {"interactions": null}})"});
}

TEST(SpecFlags, TheDefaultOutputIsTheWeakestAndGoesWhenAnotherIsGiven) {
  SpecFlags flags;
  flags.file = "-";
  const std::string standard =
      R"({"outputs": [{"format": {"component": "csv"}, "sink": {"component": "stdout"}}]})";
  EXPECT_EQ(Layers(flags, "threads: 1", {"-"}),
            (Expected{"default output: " + standard, "stdin: threads: 1 (lines)"}));
  flags.outputs = {"csv:-"};
  EXPECT_EQ(Layers(flags, "threads: 1", {"json:a"}),
            (Expected{"stdin: threads: 1 (lines)", "--to: " + standard}));
}

TEST(SpecFlags, AnElementIsSetWhereItsListStands) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.settings = {"outputs[0].name=b"};
  EXPECT_EQ(
      Layers(flags, "outputs: [{name: a}]\nthreads: 1", {"-"}),
      (Expected{
          R"(default output: {"outputs": [{"format": {"component": "csv"}, "sink": {"component": "stdout"}}]})",
          R"(my.yaml: {"outputs": [{"name": "b"}], "threads": "1"})"}));
  flags.settings = {"outputs=[{name: a}]", "outputs[0].name=b"};
  EXPECT_EQ(Layers(flags, "outputs: [{name: c}]").back(),
            R"(--set outputs: {"outputs": [{"name": "b"}]})");
}

TEST(SpecFlags, AComponentThatIsSetKeepsTheOptionsOfFlags) {
  SpecFlags flags;
  flags.start = "now-7d";
  flags.rate = "5";
  flags.settings = {"dataset.clock.component=diurnal", "threads=1"};
  EXPECT_EQ(Layers(flags),
            (Expected{R"(--set dataset.clock.component: )"
                      R"({"dataset": {"clock": {"component": "diurnal"}}})",
                      R"(--start: {"dataset": {"clock": {"options": {"start": "now-7d"}}}})",
                      R"(--rate: {"pace": {"rate": "5"}})", R"(--set threads: {"threads": "1"})"}));
  flags.settings = {"dataset.clock={component: diurnal}"};
  EXPECT_EQ(Layers(flags), Expected{"--start: --set dataset.clock, which is given later, drops it; "
                                    "give it after that, or as a part of it."});
}

TEST(SpecFlags, AnElementOfAListThatNobodyGaveIsRefused) {
  SpecFlags flags;
  flags.settings = {"dataset.world.clusters[0].share=1"};
  EXPECT_EQ(Layers(flags),
            Expected{"--set dataset.world.clusters[0].share: neither a file nor a flag gives "
                     "dataset.world.clusters; give the whole list, as --set "
                     "'dataset.world.clusters=[...]'."});
}

TEST(SpecFlags, MistakesComeAllAtOnceAndTheRestIsKept) {
  SpecFlags flags;
  flags.seed = "abc";  // the daemon says what is wrong with it
  flags.rate = "5/m";
  flags.slice = "1";
  flags.outputs = {"csv:a.csv", "csv:a?x"};
  flags.settings = {"foo", "outputs[1].rows={to: 5}", "outputs[2].name=x", "threads=1"};
  const MadeSource made = MakeSource(flags, "", {});
  EXPECT_EQ(made.mistakes,
            (Expected{"--rate 5/m: write rows a second, as 1000/s.",
                      "--slice 1: write I/N, as 0/4: the first of four slices.",
                      R"(--to csv:a?x: "x" is no option; write ?NAME=VALUE&NAME=VALUE.)",
                      "--set foo: write PATH=VALUE, as dataset.seed=7.",
                      "--set outputs[2].name: outputs has 2 elements; the first is outputs[0]."}));
  EXPECT_TRUE(made.lacks_outputs);
  ASSERT_EQ(made.source.layers_size(), 3);
  EXPECT_EQ(made.source.layers(0).name(), "--seed");
  EXPECT_EQ(made.source.layers(1).name(), "--to");
  EXPECT_EQ(made.source.layers(2).name(), "--set threads");
}

TEST(SpecFlags, TextThatIsNotUtf8IsRefusedByItsFlag) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.outputs = {"csv:\xff.csv"};
  EXPECT_EQ(Layers(flags, "threads: \xc0\x80"),
            (Expected{"my.yaml: it is not UTF-8 text; write it in UTF-8.",
                      "--to: it is not UTF-8 text; write it in UTF-8."}));
  flags.outputs = {"csv:\xc3\xbc.csv?x=%FF"};
  EXPECT_EQ(Layers(flags), Expected{"--to: it is not UTF-8 text; write it in UTF-8."});
  flags.outputs = {"csv:\xc3\xbc.csv"};
  EXPECT_EQ(Layers(flags).size(), 2U);
  EXPECT_EQ(Layers(flags, std::string("threads\0: 1", 11)),
            Expected{"my.yaml: it is not UTF-8 text; write it in UTF-8."});
}

TEST(SpecFlags, OverwriteIsOfTheFilesThatAreWritten) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.overwrites = true;
  EXPECT_EQ(Layers(flags,
                   "outputs: [{sink: {component: file, options: {path: a}}},"
                   " {sink: {component: stdout}}]"),
            Expected{R"(my.yaml: {"outputs": [{"sink": {"component": "file", )"
                     R"("options": {"path": "a", "overwrite": "true"}}}, )"
                     R"({"sink": {"component": "stdout"}}]})"});
}

TEST(SpecFlags, AFileThatIsNoYamlIsLeftToTheDaemon) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.overwrites = true;
  EXPECT_EQ(Layers(flags, "outputs: ["), Expected{"my.yaml: outputs: [ (lines)"});
}

TEST(SpecFlags, RatesAndSlicesAreRefusedWithARemedy) {
  EXPECT_EQ(*ParseRate("1e3"), "1e3");
  EXPECT_EQ(*ParseRate("0.5/s"), "0.5");
  EXPECT_EQ(*ParseRate("1.5k/s"), "1500");
  for (const char* text : {"", "/s", "5/m"}) {
    EXPECT_EQ(ParseRate(text).status().message(),
              std::string("--rate ") + text + ": write rows a second, as 1000/s.");
  }
  for (const char* text : {"", "1", "a/2", "1/", "-1/2", "0/2/3"}) {
    EXPECT_EQ(ParseSlice(text).status().message(),
              std::string("--slice ") + text + ": write I/N, as 0/4: the first of four slices.");
  }
}

TEST(SpecFlags, AFileThatIsTooLargeIsRefusedWithItsSize) {
  const std::string file = testing::TempDir() + "spec_flags_test.yaml";
  std::ofstream(file) << std::string(size_t{1} << 20, ' ');
  EXPECT_EQ(ReadSpecFile(file)->size(), size_t{1} << 20);
  std::ofstream(file) << std::string(5'000'000, ' ');
  EXPECT_EQ(ReadSpecFile(file).status().message(),
            "-f " + file + ": it has 5000000 bytes; write a spec of at most 1048576.");
  std::remove(file.c_str());
}

TEST(SpecFlags, KnowWhetherThereAreAny) {
  SpecFlags flags;
  EXPECT_TRUE(flags.IsEmpty());
  flags.seed = "1";
  EXPECT_FALSE(flags.IsEmpty());
}

TEST(SpecFlags, AFileThatIsNotThereIsSaid) {
  EXPECT_EQ(ReadSpecFile("/nowhere/my.yaml").status().message(),
            "-f /nowhere/my.yaml: the file cannot be read; see that it is there and may be.");
}

}  // namespace
}  // namespace throng
