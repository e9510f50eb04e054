// Each rule that a spec can break, whatever components it names, and the sentence that it gets.
#include "server/spec/rules.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "server/spec/reader.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

v1::RunSpec GoodSpec() {
  const SpecLayer layer = {"a.yaml",
                           "outputs: [{format: {component: csv}, sink: {component: file}}]"};
  Problems problems;
  return ReadSpec({&layer, 1}, &problems).value();
}

// What is told of the good spec after `change`, as "field: message".
std::vector<std::string> Broken(const std::function<void(v1::RunSpec*)>& change) {
  v1::RunSpec spec = GoodSpec();
  change(&spec);
  Problems problems;
  ValidateSpec(spec, &problems);
  std::vector<std::string> texts;
  for (const Problem& problem : problems) texts.push_back(problem.field + ": " + problem.message);
  return texts;
}

std::vector<std::string> BrokenWorld(const std::function<void(v1::World*)>& change) {
  return Broken([&](v1::RunSpec* spec) { change(spec->mutable_dataset()->mutable_world()); });
}

std::vector<std::string> BrokenOutput(const std::function<void(v1::OutputSpec*)>& change) {
  return Broken([&](v1::RunSpec* spec) { change(spec->mutable_outputs(0)); });
}

TEST(FillDefaults, ChangesNothingTheSecondTime) {
  v1::RunSpec spec = GoodSpec();
  const v1::RunSpec before = spec;
  FillDefaults(&spec);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(before, spec));
}

TEST(ValidateSpec, FindsNothingWrongInAGoodSpec) {
  EXPECT_THAT(Broken([](v1::RunSpec*) {}), IsEmpty());
}

TEST(ValidateSpec, BoundsCounts) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->set_users(0); }),
              ElementsAre("dataset.world.users: Must lie between 1 and 4294967295, found 0."));
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->set_items(4'294'967'296); }),
              ElementsAre("dataset.world.items: Must lie between 1 and 4294967295, found "
                          "4294967296."));
  EXPECT_THAT(Broken([](v1::RunSpec* spec) {
                spec->mutable_dataset()->set_interactions(100'000'000'001);
                spec->mutable_dataset()->set_plan_size(0);
              }),
              ElementsAre("dataset.interactions: Must lie between 1 and 100000000000, found "
                          "100000000001.",
                          "dataset.plan_size: Must lie between 1 and 100000000000, found 0."));
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->set_threads(257); }),
              ElementsAre("threads: Must lie between 0 and 256, found 257."));
}

TEST(ValidateSpec, BoundsSharesOfUsersAndItems) {
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) {
        world->set_active_users(0);
        world->set_touched_items(1.5);
        world->set_popular_items(std::numeric_limits<double>::quiet_NaN());
      }),
      ElementsAre("dataset.world.active_users: Must lie above 0 and at most at 1 (0.8 is 80%), "
                  "found 0.",
                  "dataset.world.touched_items: Must lie above 0 and at most at 1 (0.8 is 80%), "
                  "found 1.5.",
                  "dataset.world.popular_items: Must lie above 0 and at most at 1 (0.8 is 80%), "
                  "found nan."));
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) { world->set_popular_items(0.95); }),
      ElementsAre("dataset.world.popular_items: Must be below touched_items (0.95), found "
                  "0.95; popular items are touched, and so are some that are not popular."));
}

TEST(ValidateSpec, WantsSharesThatSumToOne) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->mutable_categories(0)->set_share(0.25); }),
              ElementsAre("dataset.world.categories: The shares sum to 1.05, not to 1; take 0.05 "
                          "away from them."));
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->mutable_clusters(5)->set_share(0.2); }),
              ElementsAre("dataset.world.clusters: The shares sum to 0.95, not to 1; add 0.05 to "
                          "one of them or a cluster with a share of 0.05."));
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->mutable_clusters(5)->set_share(-0.25); }),
              ElementsAre("dataset.world.clusters[5].share: Must lie above 0 and at most at 1 (0.8 "
                          "is 80%), found -0.25."));
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) { world->mutable_clusters(5)->set_share(0.25 + 1e-10); }),
      IsEmpty());
}

TEST(ValidateSpec, AcceptsThirdsAndAThousandClusters) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) {
                world->clear_clusters();
                for (int i = 0; i < 1000; ++i) {
                  v1::Cluster* cluster = world->add_clusters();
                  cluster->set_name("c" + std::to_string(i));
                  cluster->set_share(1.0 / 1000);
                }
              }),
              IsEmpty());
}

TEST(ValidateSpec, BoundsTheNumberOfGroups) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) {
                for (v1::Cluster& cluster : *world->mutable_clusters()) cluster.clear_prefers();
                world->clear_categories();
              }),
              ElementsAre("dataset.world.categories: Must have between 1 and 1000 elements, found "
                          "0."));
  EXPECT_THAT(BrokenWorld([](v1::World* world) {
                for (int i = 0; i < 995; ++i) world->add_clusters();
              }),
              ElementsAre("dataset.world.clusters: Must have between 1 and 1000 elements, found "
                          "1001."));
}

TEST(ValidateSpec, WantsEveryNameOnce) {
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) { world->mutable_clusters(2)->set_name("general"); }),
      ElementsAre("dataset.world.clusters[5].name: \"general\" is already the name of "
                  "dataset.world.clusters[2]; give it another."));
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) {
        world->mutable_categories(1)->set_name("electronics");
        world->mutable_clusters(1)->clear_prefers();
      }),
      ElementsAre("dataset.world.categories[1].name: \"electronics\" is already the name of "
                  "dataset.world.categories[0]; give it another."));
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { *spec->add_outputs() = spec->outputs(0); }),
              ElementsAre("outputs[1].name: \"file\" is already the name of outputs[0]; give it "
                          "another."));
}

TEST(ValidateSpec, WantsPreferredCategoriesToExist) {
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) { world->mutable_clusters(0)->set_prefers("boks"); }),
      ElementsAre("dataset.world.clusters[0].prefers: \"boks\" is no category. Did you mean "
                  "\"books\"?"));
}

TEST(ValidateSpec, RefusesNamesThatBreakCsv) {
  const auto named = [](const std::string& name) {
    return BrokenWorld([&name](v1::World* world) { world->mutable_clusters(5)->set_name(name); });
  };
  const std::string field = "dataset.world.clusters[5].name: ";
  EXPECT_THAT(named(""), ElementsAre(field + "Give it a name."));
  EXPECT_THAT(named("a,b"),
              ElementsAre(field + "\"a,b\" holds a comma, which would break CSV; leave it out."));
  EXPECT_THAT(named("a\"b"),
              ElementsAre(field + "\"a\"b\" holds a quote, which would break CSV; leave it out."));
  EXPECT_THAT(named("a\nb"),
              ElementsAre(field + "\"a\\x0ab\" holds a line break, which would break "
                                  "CSV; leave it out."));
  EXPECT_THAT(named("a\tb"),
              ElementsAre(field + "\"a\\x09b\" holds a control character, which would "
                                  "break CSV; leave it out."));
  EXPECT_THAT(named("a\xff"), ElementsAre(field + "\"a\\xff\" is not UTF-8 text; write it anew."));
  EXPECT_THAT(named(std::string(65, 'a')),
              ElementsAre(field + "Must have at most 64 bytes, found 65."));
  EXPECT_THAT(named("größe & süß"), IsEmpty());
}

TEST(ValidateSpec, ChecksAllNamesThatStandInRecords) {
  EXPECT_THAT(
      BrokenWorld([](v1::World* world) {
        world->mutable_categories(4)->set_name("b,");
        world->mutable_clusters(4)->clear_prefers();
        world->set_user_prefix("u,");
        world->set_item_prefix("i\"");
      }),
      ElementsAre("dataset.world.categories[4].name: \"b,\" holds a comma, which would break "
                  "CSV; leave it out.",
                  "dataset.world.user_prefix: \"u,\" holds a comma, which would break CSV; "
                  "leave it out.",
                  "dataset.world.item_prefix: \"i\"\" holds a quote, which would break CSV; "
                  "leave it out."));
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->set_name("a,b");
                output->mutable_columns(1)->set_name("\r");
              }),
              ElementsAre("outputs[0].name: \"a,b\" holds a comma, which would break CSV; leave it "
                          "out.",
                          "outputs[0].columns[1].name: \"\\x0d\" holds a control character, which "
                          "would break CSV; leave it out."));
  EXPECT_THAT(BrokenWorld([](v1::World* world) { world->set_user_prefix(""); }), IsEmpty());
}

TEST(ValidateSpec, RefusesPrefixesThatAreNotSeen) {
  const auto prefixed = [](const std::string& prefix) {
    return BrokenWorld([&](v1::World* world) { world->set_user_prefix(prefix); });
  };
  for (const auto& [text, name] : {std::pair("u\u200B", "U+200B"), std::pair("\u202Eu", "U+202E"),
                                   std::pair("u\u00ADs", "U+00AD"), std::pair("\uFEFFu", "U+FEFF"),
                                   std::pair("u\U000E0041", "U+E0041")}) {
    EXPECT_THAT(prefixed(text),
                ElementsAre(std::string("dataset.world.user_prefix: Holds ") + name +
                            ", which is not seen or turns the direction of what "
                            "is; leave it out."));
  }
  for (const char* const seen : {"", "u ", "größe", "用户-", "😀", "\u200Au"}) {
    EXPECT_THAT(prefixed(seen), IsEmpty()) << seen;
  }
}

TEST(ValidateSpec, LetsIntegerIdsHaveNoPrefix) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) {
                world->set_ids(v1::IDS_INTEGER);
                world->set_user_prefix("");
                world->set_item_prefix("i");
              }),
              ElementsAre("dataset.world.item_prefix: Ids that are integers have no prefix, found "
                          "\"i\"; leave it out, or let dataset.world.ids be text."));
  v1::RunSpec spec;
  spec.mutable_dataset()->mutable_world()->set_ids(v1::IDS_INTEGER);
  FillDefaults(&spec);
  EXPECT_EQ(spec.dataset().world().user_prefix(), "");
  EXPECT_EQ(spec.dataset().world().item_prefix(), "");
}

std::vector<std::string> BrokenPace(const std::function<void(v1::Pace*)>& change) {
  return Broken([&](v1::RunSpec* spec) { change(spec->mutable_pace()); });
}

TEST(ValidateSpec, ChecksThePace) {
  EXPECT_THAT(BrokenPace([](v1::Pace* pace) { pace->set_rate(1e9); }), IsEmpty());
  EXPECT_THAT(BrokenPace([](v1::Pace* pace) { pace->mutable_live(); }), IsEmpty());
  EXPECT_THAT(BrokenPace([](v1::Pace* pace) {
                pace->set_rate(5);
                pace->mutable_live();
              }),
              ElementsAre("pace: Has more than one of `rate`, `profile` and `live`; keep one."));
  EXPECT_THAT(BrokenPace([](v1::Pace*) {}),
              ElementsAre(StartsWith("pace.rate: Must lie above 0 and at most at 1000000000")));
  EXPECT_THAT(BrokenPace([](v1::Pace* pace) {
                pace->set_rate(5);
                pace->set_repeat(true);
              }),
              ElementsAre("pace.repeat: Only a profile is repeated; give `pace.profile`, or leave "
                          "it out."));
}

TEST(ValidateSpec, ChecksTheStepsOfAProfile) {
  const auto hold = [](v1::Pace* pace, double rate) {
    v1::PaceStep* step = pace->add_profile();
    step->set_rate(rate);
    step->mutable_for_()->set_seconds(60);
    return step;
  };
  EXPECT_THAT(BrokenPace([&](v1::Pace* pace) {
                hold(pace, 0);
                v1::PaceStep* step = pace->add_profile();
                step->set_to(5);
                step->mutable_over()->set_seconds(1);
              }),
              IsEmpty());
  EXPECT_THAT(BrokenPace([&](v1::Pace* pace) {
                hold(pace, -1);
                hold(pace, 5)->mutable_over();
                hold(pace, 5)->set_to(7);
                hold(pace, 5)->mutable_for_()->clear_seconds();
                pace->add_profile();
                hold(pace, 1);
              }),
              ElementsAre("pace.profile[0].rate: Must lie between 0 and 1000000000 rows a second, "
                          "found -1.",
                          StartsWith("pace.profile[1]: Must be either `rate` and `for`"),
                          "pace.profile[2].to: Goes with `over`, and `rate` with `for`.",
                          "pace.profile[3].for: Must be longer than 0.",
                          StartsWith("pace.profile[4]: Must be either `rate` and `for`")));
  const auto ends = StartsWith("pace.profile: Ends at 0 rows a second for ever");
  EXPECT_THAT(BrokenPace([&](v1::Pace* pace) {
                hold(pace, 5);
                hold(pace, 0);
              }),
              ElementsAre(ends));
  EXPECT_THAT(BrokenPace([&](v1::Pace* pace) {
                hold(pace, 5);
                hold(pace, 0);
                pace->set_repeat(true);
              }),
              IsEmpty());
  EXPECT_THAT(BrokenPace([&](v1::Pace* pace) {
                hold(pace, 0);
                pace->set_repeat(true);
              }),
              ElementsAre(ends));
}

TEST(ValidateSpec, LetsUuidsHaveNeitherPrefixNorStart) {
  EXPECT_THAT(BrokenWorld([](v1::World* world) {
                world->set_ids(v1::IDS_UUID);
                world->set_user_prefix("u");
                world->set_item_prefix("");
                world->set_item_start(7);
              }),
              ElementsAre("dataset.world.user_prefix: Ids that are UUIDs have no prefix, found "
                          "\"u\"; leave it out, or let dataset.world.ids be text.",
                          "dataset.world.item_start: UUIDs show no numbers; leave it out, or let "
                          "dataset.world.ids be integer."));
}

TEST(ValidateSpec, KeepsTheNumbersOfIdsWithin32Bits) {
  const auto begin = [](int64_t user, int64_t item) {
    return BrokenWorld([&](v1::World* world) {
      world->set_users(500);
      world->set_items(1000);
      world->set_user_start(user);
      world->set_item_start(item);
    });
  };
  EXPECT_THAT(begin(0, 0), IsEmpty());
  EXPECT_THAT(begin(4'294'966'796, 4'294'966'296), IsEmpty());
  EXPECT_THAT(begin(-1, 4'294'966'297),
              ElementsAre("dataset.world.user_start: Must lie between 0 and 4294967295, found -1.",
                          "dataset.world.item_start: The last of 1000 items would be number "
                          "4294967296, beyond 4294967295; begin at 4294966296 at most."));
}

TEST(ValidateSpec, WantsAnOutputWithFormatAndSink) {
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->clear_outputs(); }),
              ElementsAre("outputs: The run has no output; give at least one with a format and a "
                          "sink."));
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->clear_format();
                output->clear_sink();
                output->clear_name();
              }),
              ElementsAre("outputs[0].format.component: Name the component, for example "
                          "`{component: csv}`.",
                          "outputs[0].sink.component: Name the component, for example `{component: "
                          "file}`."));
}

TEST(ValidateSpec, WantsEveryBehaviourNamed) {
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->mutable_dataset()->clear_clock(); }),
              ElementsAre("dataset.clock.component: Name the component, for example `{component: "
                          "uniform}`."));
}

TEST(ValidateSpec, KnowsTheColumnsOfEachTable) {
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->mutable_columns(0)->set_column("user");
                output->mutable_columns(1)->set_name("rating");
                output->set_key("colour");
              }),
              ElementsAre("outputs[0].columns[0].column: The table interactions has no column "
                          "\"user\". Did you mean \"user_id\"?",
                          "outputs[0].columns[2].name: \"rating\" is already the name of "
                          "outputs[0].columns[1]; give it another.",
                          "outputs[0].key: The table interactions has no column \"colour\". Known: "
                          "user_id, item_id, rating, timestamp, interaction_id, kind, cluster, "
                          "category, session_id, session_row."));
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->set_table(v1::TABLE_USERS);
                output->clear_columns();
                output->add_columns()->set_column("rank");
                output->mutable_columns(0)->set_name("rank");
              }),
              ElementsAre("outputs[0].columns[0].column: The table users has no column \"rank\". "
                          "Known: user_id, cluster, activity_rank, age_band, region."));
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                for (const char* name : {"interaction_id", "kind", "cluster", "category",
                                         "session_id", "session_row"}) {
                  v1::Column* column = output->add_columns();
                  column->set_column(name);
                  column->set_name(name);
                }
              }),
              IsEmpty());
}

TEST(ValidateSpec, BoundsRows) {
  const auto rows = [](int64_t from, int64_t to) {
    return BrokenOutput([=](v1::OutputSpec* output) {
      output->mutable_rows()->set_from(from);
      output->mutable_rows()->set_to(to);
    });
  };
  EXPECT_THAT(rows(0, 50'000), IsEmpty());
  EXPECT_THAT(rows(-1, 50'001),
              ElementsAre("outputs[0].rows.from: Must lie between 0 and 49999, the last row, found "
                          "-1.",
                          "outputs[0].rows.to: Must be at most 50000, the dataset's interactions, "
                          "found 50001."));
  EXPECT_THAT(rows(7, 7), ElementsAre("outputs[0].rows.to: Must be above `from` (7), found 7."));
}

TEST(ValidateSpec, BoundsShares) {
  const auto share = [](double from, double to) {
    return BrokenOutput([=](v1::OutputSpec* output) {
      output->mutable_share()->set_from(from);
      output->mutable_share()->set_to(to);
    });
  };
  EXPECT_THAT(share(0.8, 1), IsEmpty());
  EXPECT_THAT(share(-0.5, 1.5),
              ElementsAre("outputs[0].share.from: Must lie between 0 and 1 (below 1), found -0.5.",
                          "outputs[0].share.to: Must lie above 0 and at most at 1, found 1.5."));
  EXPECT_THAT(share(0.5, 0.5),
              ElementsAre("outputs[0].share.to: Must be above `from` (0.5), found 0.5."));
}

TEST(ValidateSpec, TakesRowsOrAShareOfInteractionsOnly) {
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->mutable_rows();
                output->mutable_share()->set_to(1);
              }),
              ElementsAre("outputs[0].share: Give either rows or share, not both."));
  EXPECT_THAT(
      BrokenOutput([](v1::OutputSpec* output) {
        output->set_table(v1::TABLE_ITEMS);
        output->set_key("item_id");
        output->mutable_columns()->DeleteSubrange(2, 2);
        output->mutable_columns(0)->set_column("popular");
        output->mutable_rows();
        output->mutable_share();
      }),
      ElementsAre("outputs[0].rows: The table items is always written whole; leave this out.",
                  "outputs[0].share: The table items is always written whole; leave this "
                  "out."));
}

TEST(ValidateSpec, WantsAnEndWhereOneIsNeeded) {
  EXPECT_THAT(
      Broken([](v1::RunSpec* spec) {
        spec->mutable_dataset()->clear_interactions();
        spec->mutable_outputs(0)->mutable_rows()->set_to(5);
        v1::OutputSpec* other = spec->add_outputs();
        *other = spec->outputs(0);
        other->set_name("other");
        other->clear_rows();
        other->mutable_share()->set_to(1);
      }),
      ElementsAre("outputs[0].rows.to: The dataset has no end; set dataset.interactions or "
                  "leave this out.",
                  "outputs[1].share: A share needs a dataset with an end; set "
                  "dataset.interactions or leave this out.",
                  "slice.mode: Contiguous slices need a dataset with an end; say interleaved "
                  "or set dataset.interactions."));
}

TEST(ValidateSpec, BoundsSlices) {
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->mutable_slice()->set_count(0); }),
              ElementsAre("slice.count: Must lie between 1 and 1000000, found 0."));
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->mutable_slice()->set_index(-1); }),
              ElementsAre("slice.index: Must lie between 0 and 0, found -1."));
}

TEST(ValidateSpec, BoundsPaceAndCommits) {
  EXPECT_THAT(Broken([](v1::RunSpec* spec) { spec->mutable_pace(); }),
              ElementsAre("pace.rate: Must lie above 0 and at most at 1000000000 rows a second, "
                          "found 0; leave out `pace` for as fast as possible."));
  EXPECT_THAT(BrokenOutput([](v1::OutputSpec* output) {
                output->set_commit_rows(-1);
                output->set_roll_rows(-2);
                output->mutable_commit_interval()->set_seconds(3601);
              }),
              ElementsAre("outputs[0].commit_rows: Must lie between 0 and 100000000000, found -1.",
                          "outputs[0].roll_rows: Must lie between 0 and 100000000000, found -2.",
                          "outputs[0].commit_interval: Must lie between 1ms and 1h."));
  for (const int64_t seconds : {std::numeric_limits<int64_t>::max(), int64_t{-1}, int64_t{0}}) {
    EXPECT_THAT(BrokenOutput([=](v1::OutputSpec* output) {
                  output->mutable_commit_interval()->set_seconds(seconds);
                }),
                ElementsAre("outputs[0].commit_interval: Must lie between 1ms and 1h."));
  }
}

}  // namespace
}  // namespace throng
