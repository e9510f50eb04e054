// Layers of YAML and JSON become a resolved spec, or every mistake is told at once.
#include "server/spec/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

const char kOutputs[] = "outputs: [{format: {component: csv}, sink: {component: file}}]\n";

struct Result {
  std::optional<v1::RunSpec> spec;
  std::vector<std::string> problems;  // "field: message"
};

Result ReadLayers(const std::vector<SpecLayer>& layers) {
  Problems problems;
  Result result;
  result.spec = ReadSpec(layers, &problems);
  if (!problems.empty()) result.spec.reset();  // read only for what else there is to check
  for (const Problem& problem : problems) {
    result.problems.push_back(problem.field + ": " + problem.message);
  }
  return result;
}

Result Read(const std::string& text) { return ReadLayers({{"a.yaml", text}}); }

// The resolved spec of `text` with an output added.
v1::RunSpec Spec(const std::string& text) {
  const Result result = Read(text + "\n" + kOutputs);
  EXPECT_THAT(result.problems, IsEmpty());
  return result.spec.value_or(v1::RunSpec());
}

std::vector<std::string> Mistakes(const std::string& text) {
  return Read(text + "\n" + kOutputs).problems;
}

std::string SeedYaml() {
  std::ifstream file(THRONG_SOURCE_DIR "/deploy/seed.yaml");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(ReadSpec, FillsInEverythingThatIsNotSaid) {
  const v1::RunSpec spec = Spec("dataset: {}");
  EXPECT_EQ(spec.dataset().seed(), 42);
  EXPECT_EQ(spec.dataset().plan_size(), 50'000);
  EXPECT_EQ(spec.slice().index(), 0);
  EXPECT_EQ(spec.slice().count(), 1);
  EXPECT_EQ(spec.slice().mode(), v1::SLICE_MODE_CONTIGUOUS);
  EXPECT_FALSE(spec.has_pace());
  EXPECT_EQ(spec.threads(), 0);
  const v1::OutputSpec& output = spec.outputs(0);
  EXPECT_EQ(output.name(), "file");
  EXPECT_EQ(output.table(), v1::TABLE_INTERACTIONS);
  EXPECT_EQ(output.key(), "user_id");
  EXPECT_EQ(output.commit_rows(), 0);
  EXPECT_EQ(output.commit_interval().seconds(), 1);
  ASSERT_EQ(output.columns_size(), 4);
  EXPECT_EQ(output.columns(3).column(), "timestamp");
  EXPECT_EQ(output.columns(3).name(), "timestamp");
}

TEST(ReadSpec, RefusesEmptyTextWhereNoneIsMeant) {
  const v1::RunSpec spec =
      Spec("dataset: {world: {user_prefix: '', clusters: [{name: a, share: 1, prefers: ''}]}}");
  EXPECT_TRUE(spec.dataset().world().has_user_prefix());
  EXPECT_EQ(spec.dataset().world().user_prefix(), "");
  EXPECT_THAT(Read("dataset: {clock: {component: ''}}\n"
                   "outputs: [{name: '', key: '', format: {component: csv}, "
                   "sink: {component: file}, columns: [{column: user_id, name: ''}]}]")
                  .problems,
              testing::AllOf(testing::SizeIs(4),
                             testing::Each(testing::HasSubstr(
                                 ": Must not be empty; leave it out for its default. (a.yaml:"))));
}

TEST(ReadSpec, TakesTheSeedJobAsThePresetsSayIt) {
  Result seed = Read(SeedYaml());
  ASSERT_TRUE(seed.spec) << testing::PrintToString(seed.problems);
  v1::RunSpec presets = Spec("dataset: {preset: seed}");
  for (v1::RunSpec* spec : {&*seed.spec, &presets}) {
    spec->clear_outputs();  // and the options that are the defaults of their components:
    spec->mutable_dataset()->mutable_activity()->clear_options();
    spec->mutable_dataset()->mutable_clock()->clear_options();
  }
  EXPECT_EQ(seed.spec->DebugString(), presets.DebugString());
}

TEST(ReadSpec, ReadsEveryFieldOfTheSpec) {
  const Result result = Read(R"(
dataset:
  preset: seed-ranges
  size: quick
  seed: 18446744073709551615
  interactions: 100000000000
  plan_size: 5000
  world: {users: 4294967295, items: 7, active_users: 1, touched_items: 1.0, popular_items: 5e-1,
          user_prefix: "", item_prefix: i-, clusters: [{name: all, share: 1}],
          categories: [{name: a, share: 0.3}, {name: "ö b", share: 0.7}]}
  rating: {component: calibrated, options: {leak: 0.020, "client.x": "1.0", list: [0.10, 1]}}
outputs:
  - {name: one, table: items, format: {component: json}, sink: {component: stdout},
     columns: [popular, {column: item_id, name: sku}], key: category}
  - {format: {component: csv}, sink: {component: file}, rows: {from: 5, to: 9},
     commit_rows: 10, commit_interval: 1500ms}
  - {format: {component: csv}, sink: {component: file}, share: {from: 0.8}}
pace: {rate: 1000}
slice: {index: 2, count: 3, mode: interleaved}
threads: 4
)");
  ASSERT_TRUE(result.spec) << testing::PrintToString(result.problems);
  const v1::DatasetSpec& dataset = result.spec->dataset();
  EXPECT_EQ(dataset.preset(), "seed-ranges");
  EXPECT_EQ(dataset.size(), "quick");
  EXPECT_EQ(dataset.seed(), 18446744073709551615U);
  EXPECT_EQ(dataset.interactions(), 100'000'000'000);
  EXPECT_EQ(dataset.plan_size(), 5000);
  EXPECT_EQ(dataset.world().users(), 4'294'967'295);
  EXPECT_EQ(dataset.world().popular_items(), 0.5);
  EXPECT_EQ(dataset.world().user_prefix(), "");
  EXPECT_EQ(dataset.world().item_prefix(), "i-");
  EXPECT_EQ(dataset.world().clusters_size(), 1);
  EXPECT_EQ(dataset.world().categories(1).name(), "ö b");
  EXPECT_THAT(dataset.rating().options(),
              UnorderedElementsAre(Pair("leak", "0.020"), Pair("client.x", "1.0"),
                                   Pair("list", "[0.10, 1]")));
  ASSERT_EQ(result.spec->outputs_size(), 3);
  const v1::OutputSpec& one = result.spec->outputs(0);
  EXPECT_EQ(one.table(), v1::TABLE_ITEMS);
  EXPECT_EQ(one.columns(0).name(), "popular");
  EXPECT_EQ(one.columns(1).name(), "sku");
  EXPECT_EQ(one.key(), "category");
  const v1::OutputSpec& two = result.spec->outputs(1);
  EXPECT_EQ(two.name(), "file");
  EXPECT_EQ(two.rows().from(), 5);
  EXPECT_EQ(two.rows().to(), 9);
  EXPECT_EQ(two.commit_rows(), 10);
  EXPECT_EQ(two.commit_interval().seconds(), 1);
  EXPECT_EQ(two.commit_interval().nanos(), 500'000'000);
  const v1::OutputSpec& three = result.spec->outputs(2);
  EXPECT_EQ(three.name(), "file-2");
  EXPECT_EQ(three.share().from(), 0.8);
  EXPECT_EQ(three.share().to(), 1);
  EXPECT_EQ(result.spec->pace().rate(), 1000);
  EXPECT_EQ(result.spec->slice().index(), 2);
  EXPECT_EQ(result.spec->slice().mode(), v1::SLICE_MODE_INTERLEAVED);
  EXPECT_EQ(result.spec->threads(), 4);
}

TEST(ReadSpec, ReadsJson) {
  const Result result = Read(
      R"({"dataset":{"seed":"7","interactions":1000},"outputs":[{"format":{"component":"csv"},)"
      R"("sink":{"component":"file","options":{"path":"a\u00e9.csv","overwrite":true}}}]})");
  ASSERT_TRUE(result.spec) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.spec->dataset().seed(), 7);
  EXPECT_THAT(result.spec->outputs(0).sink().options(),
              UnorderedElementsAre(Pair("path", "aé.csv"), Pair("overwrite", "true")));
}

TEST(ReadSpec, TakesNullForAbsentButInteractionsForWithoutEnd) {
  const v1::RunSpec endless = Spec("dataset: {interactions: null, world: null}");
  EXPECT_FALSE(endless.dataset().has_interactions());
  EXPECT_EQ(endless.dataset().plan_size(), 50'000);
  EXPECT_EQ(endless.slice().mode(), v1::SLICE_MODE_INTERLEAVED);
  EXPECT_EQ(endless.dataset().world().users(), 500);
  const v1::RunSpec spec =
      Spec("dataset: {seed: null, plan_size: ~, size: , world: {users: null}}");
  EXPECT_EQ(spec.dataset().seed(), 42);
  EXPECT_EQ(spec.dataset().interactions(), 50'000);
  EXPECT_EQ(spec.dataset().world().users(), 500);
}

TEST(ReadSpec, LeavesThePlanOfFewerRowsThanTheSizeHasToWhoPlans) {
  EXPECT_FALSE(Spec("dataset: {interactions: 49999}").dataset().has_plan_size());
  EXPECT_FALSE(Spec("dataset: {size: quick, interactions: 99}").dataset().has_plan_size());
  EXPECT_EQ(Spec("dataset: {size: quick, interactions: 101}").dataset().plan_size(), 101);
  EXPECT_EQ(Spec("dataset: {interactions: 10, plan_size: 20}").dataset().plan_size(), 20);
}

TEST(ReadSpec, KnowsTheSinkNullFromNothing) {
  for (const char* sink : {"{component: null}", "{component: \"null\"}", "{\"component\":null}",
                           "\n    component: null"}) {
    const Result result =
        Read(std::string("outputs:\n- format: {component: csv}\n  sink: ") + sink);
    ASSERT_TRUE(result.spec) << sink << testing::PrintToString(result.problems);
    EXPECT_EQ(result.spec->outputs(0).sink().component(), "null") << sink;
    EXPECT_EQ(result.spec->outputs(0).name(), "null") << sink;
  }
  for (const char* sink : {"{component: ~}", "{component: }", "\n    component:"}) {
    EXPECT_THAT(Read(std::string("outputs:\n- format: {component: csv}\n  sink: ") + sink).problems,
                ElementsAre(testing::StartsWith("outputs[0].sink.component: Name the component")))
        << sink;
  }
  EXPECT_EQ(Spec("dataset: {clock: {options: {start: \"é\"}}, choice: {component: null}}")
                .dataset()
                .choice()
                .component(),
            "null");
}

TEST(ReadSpec, LetsStrongerLayersWin) {
  const Result result =
      ReadLayers({{"a.yaml",
                   "dataset: {size: quick, seed: 1, interactions: null, world: {users: 30},\n"
                   "  activity: {options: {cap: 9, min_per_user: 2}}, choice: {options: {a: 1}}}\n"
                   "outputs: [{name: x, format: {component: csv}, sink: {component: file}}, "
                   "{format: {component: csv}, sink: {component: file}}]\n"},
                  {"--users", "dataset: {world: {users: 40}}", false},
                  {"--set",
                   "dataset: {size: testing, activity: {options: {cap: 10}},\n"
                   "  choice: {component: drift, options: {b: 2}}}\n"
                   "outputs: [{format: {component: json}, sink: {component: stdout}}]",
                   false}});
  ASSERT_TRUE(result.spec) << testing::PrintToString(result.problems);
  const v1::DatasetSpec& dataset = result.spec->dataset();
  EXPECT_EQ(dataset.size(), "testing");
  EXPECT_EQ(dataset.seed(), 1);
  EXPECT_FALSE(dataset.has_interactions());
  EXPECT_EQ(dataset.world().users(), 40);
  EXPECT_EQ(dataset.world().items(), 500);
  EXPECT_EQ(dataset.activity().component(), "pareto");
  EXPECT_THAT(dataset.activity().options(),
              UnorderedElementsAre(Pair("cap", "10"), Pair("min_per_user", "2")));
  EXPECT_EQ(dataset.choice().component(), "drift");
  EXPECT_THAT(dataset.choice().options(), UnorderedElementsAre(Pair("b", "2")));
  ASSERT_EQ(result.spec->outputs_size(), 1);
  EXPECT_EQ(result.spec->outputs(0).name(), "stdout");
}

TEST(ReadSpec, ReplacesListsOfThePreset) {
  const v1::RunSpec spec = Spec(
      "dataset: {world: {clusters: [{name: a, share: 1, prefers: x}],"
      "categories: [{name: x, share: 1}]}}");
  EXPECT_EQ(spec.dataset().world().clusters_size(), 1);
  EXPECT_EQ(spec.dataset().world().categories_size(), 1);
}

TEST(ReadSpec, KeepsGivenNamesWhenItNamesTheRest) {
  const Result result = Read(R"(outputs:
  - {format: {component: csv}, sink: {component: file}}
  - {name: file, format: {component: csv}, sink: {component: file}}
  - {format: {component: csv}, sink: {component: file}}
)");
  ASSERT_TRUE(result.spec) << testing::PrintToString(result.problems);
  EXPECT_EQ(result.spec->outputs(0).name(), "file-2");
  EXPECT_EQ(result.spec->outputs(1).name(), "file");
  EXPECT_EQ(result.spec->outputs(2).name(), "file-3");
}

TEST(ReadSpec, TellsAllMistakesAtOnceEachWithFieldAndPlace) {
  EXPECT_THAT(
      Read(R"(dataset:
  sede: 42
  interactions: 1e6
  world:
    user: 500
    items: 0
    clusters:
      - {name: a, share: 0.5, prefers: electronic}
      - {name: a, share: 0.4}
  activity: pareto
outputs:
  - format: {component: csv}
    colums: [user_id]
pace: {rate: -1}
slice: {index: 3, count: 3}
)")
          .problems,
      ElementsAre("dataset.sede: Unknown field \"sede\". Did you mean \"seed\"? (a.yaml:2)",
                  "dataset.interactions: Must be a whole number such as 1000, found \"1e6\". "
                  "(a.yaml:3)",
                  "dataset.world.user: Unknown field \"user\". Did you mean \"users\"? (a.yaml:5)",
                  "dataset.activity: Must hold fields (component, options), found \"pareto\". "
                  "(a.yaml:10)",
                  "outputs[0].colums: Unknown field \"colums\". Did you mean \"columns\"? "
                  "(a.yaml:13)",
                  "dataset.world.items: Must lie between 1 and 4294967295, found 0. (a.yaml:6)",
                  "dataset.world.clusters[1].name: \"a\" is already the name of "
                  "dataset.world.clusters[0]; give it another. (a.yaml:9)",
                  "dataset.world.clusters: The shares sum to 0.9, not to 1; add 0.1 to one of them "
                  "or a cluster with a share of 0.1. (a.yaml:7)",
                  "dataset.world.clusters[0].prefers: \"electronic\" is no category. Did you mean "
                  "\"electronics\"? (a.yaml:8)",
                  "outputs[0].sink.component: Name the component, for example `{component: file}`. "
                  "(a.yaml:12)",
                  "pace.rate: Must lie above 0 and at most at 1000000000 rows a second, found -1; "
                  "leave out `pace` for as fast as possible. (a.yaml:14)",
                  "slice.index: Must lie between 0 and 2, found 3. (a.yaml:15)"));
}

TEST(ReadSpec, GoesOnWithWhatCouldBeRead) {
  const SpecLayer layer = {"a.yaml",
                           std::string("dataset: {seed: x, interactions: 7}\n") + kOutputs};
  Problems problems;
  const auto spec = ReadSpec({&layer, 1}, &problems);
  EXPECT_EQ(problems.size(), 1);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->dataset().interactions(), 7);
  EXPECT_EQ(spec->outputs(0).name(), "file");

  const SpecLayer unreadable = {"a.yaml", "a: ["};
  EXPECT_FALSE(ReadSpec({&unreadable, 1}, &problems));
}

TEST(ReadSpec, NamesThePresetThatAMistakeComesFrom) {
  EXPECT_THAT(Mistakes("dataset: {world: {categories: [{name: toys, share: 1}]}}")[0],
              "dataset.world.clusters[0].prefers: \"electronics\" is no category. Known: toys. "
              "(preset \"shop\")");
}

TEST(ReadSpec, RefusesUnknownPresetsAndSizes) {
  EXPECT_THAT(
      Mistakes("dataset:\n  preset: seeds\n  size: huge\n"),
      ElementsAre("dataset.size: Unknown size \"huge\". Known: quick, producer, development, "
                  "testing, medium, production, large. (a.yaml:3)",
                  "dataset.preset: Unknown preset \"seeds\". Did you mean \"seed\"? "
                  "(a.yaml:2)"));
}

TEST(ReadSpec, RefusesNumbersThatAreNone) {
  EXPECT_THAT(
      Mistakes("dataset:\n  seed: -1\n  plan_size: 99999999999999999999\n  world:\n"
               "    users: 1.5\n    items: \"\"\n    active_users: .nan\n    touched_items: 1e999\n"
               "    popular_items: 10%\nthreads: 0x10\nslice: {count: 3000000000}\n"
               "pace: {rate: inf}\n"),
      ElementsAre(
          "dataset.seed: Must lie between 0 and 18446744073709551615, found \"-1\". (a.yaml:2)",
          "dataset.plan_size: Must lie between -9223372036854775808 and 9223372036854775807, found "
          "\"99999999999999999999\". (a.yaml:3)",
          "dataset.world.users: Must be a whole number such as 1000, found \"1.5\". (a.yaml:5)",
          "dataset.world.items: Must be a whole number such as 1000, found \"\". (a.yaml:6)",
          "dataset.world.active_users: Must be a finite number such as 0.2, found \".nan\". "
          "(a.yaml:7)",
          "dataset.world.touched_items: Must be a finite number such as 0.2, found \"1e999\". "
          "(a.yaml:8)",
          "dataset.world.popular_items: Must be a finite number such as 0.2, found \"10%\". "
          "(a.yaml:9)",
          "threads: Must be a whole number such as 1000, found \"0x10\". (a.yaml:10)",
          "slice.count: Must lie between -2147483648 and 2147483647, found \"3000000000\". "
          "(a.yaml:11)",
          "pace.rate: Must be a finite number such as 0.2, found \"inf\". (a.yaml:12)"));
}

TEST(ReadSpec, RefusesValuesOfTheWrongKind) {
  EXPECT_THAT(
      Read(R"(dataset: {world: [1], preset: {a: 1}, clock: {component: [x], options: 5},
  rating: {options: {a: {b: 1}, c: [[1]]}}}
outputs:
  - {name: {}, format: {component: csv}, sink: {component: file}, columns: user_id, table: user,
     rows: 5, commit_interval: 5}
  - 7
  - ~
slice: {mode: [contiguous]}
)")
          .problems,
      ElementsAre(
          "dataset.world: Must hold fields (users, items, active_users, touched_items, "
          "popular_items, clusters, categories, user_prefix, item_prefix, ids, user_start, "
          "item_start), found a list. (a.yaml:1)",
          "dataset.preset: Must be text, found fields. (a.yaml:1)",
          "dataset.clock.component: Must be text, found a list. (a.yaml:1)",
          "dataset.clock.options: Must hold options as `name: value`, found \"5\". (a.yaml:1)",
          "dataset.rating.options.a: Must be one value or a list of values; options are not "
          "nested. "
          "(a.yaml:2)",
          "dataset.rating.options.c: Must be one value or a list of values; options are not "
          "nested. "
          "(a.yaml:2)",
          "outputs[0].name: Must be text, found fields. (a.yaml:4)",
          "outputs[0].columns: Must be a list, found \"user_id\"; begin each element with `- `. "
          "(a.yaml:4)",
          "outputs[0].table: Must be one of interactions, users, items, found \"user\". (a.yaml:4)",
          "outputs[0].rows: Must hold fields (from, to), found \"5\". (a.yaml:5)",
          "outputs[0].commit_interval: Must be a duration such as 500ms, 1s or 5m, found \"5\". "
          "(a.yaml:5)",
          "outputs[1]: Must hold fields (name, format, sink, columns, table, rows, share, key, "
          "commit_rows, commit_interval, roll_rows), found \"7\". (a.yaml:6)",
          "outputs[2]: Must hold fields (name, format, sink, columns, table, rows, share, key, "
          "commit_rows, commit_interval, roll_rows), found nothing. (a.yaml:7)",
          "slice.mode: Must be one of contiguous, interleaved, found a list. (a.yaml:8)"));
}

TEST(ReadSpec, RefusesWhatIsNotBuilt) {
  EXPECT_THAT(Mistakes("dataset: {sampling: independent}\n")[0],
              testing::StartsWith("dataset.sampling: Unknown field \"sampling\"."));
  EXPECT_THAT(Mistakes("pace: {realtime: {}}\n")[0],
              "pace.realtime: Unknown field \"realtime\". Known: rate, profile, repeat, live. "
              "(a.yaml:1)");
}

TEST(ReadSpec, ShortensLongValuesAtAWholeCharacter) {
  std::string found = "a";
  for (int i = 0; i < 29; ++i) found += "é";
  EXPECT_THAT(Mistakes("threads: a" + found.substr(1) + "éééé"),
              ElementsAre("threads: Must be a whole number such as 1000, found \"" + found +
                          "...\". (a.yaml:1)"));
}

TEST(ReadSpec, RefusesALayerThatIsNoSpecAndSaysNothingElse) {
  EXPECT_THAT(
      ReadLayers({{"a.yaml", "dataset: {sed: 1}"}, {"--set", "a: [", false}}).problems,
      ElementsAre(testing::MatchesRegex(": The spec is neither YAML nor JSON: .*[.] \\(--set\\)")));
}

TEST(ReadSpec, NeitherCrashesNorHangsOnDamagedText) {
  const std::string seed = SeedYaml();
  std::mt19937 random(1);
  int refused = 0;
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = seed;
    for (int change = 0; change < 3; ++change) {
      const size_t at = random() % text.size();
      const char* marks = "{}[]:,-&*!|>'\"\n\t #%@`0a\xff";
      switch (random() % 3) {
        case 0:
          text[at] = marks[random() % 25];
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
      }
    }
    refused += Read(text).spec ? 0 : 1;
  }
  EXPECT_GT(refused, kRounds / 2);
}

}  // namespace
}  // namespace throng
