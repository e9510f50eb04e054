// Rows of a dataset whose behaviours are made here: no plugin file, no catalogue, no dlopen.
#include "server/dataset/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/control/status.h"
#include "server/dataset/plan.h"

namespace throng {
namespace {

using testing::HasSubstr;

// What the behaviours of a test do, for all of their instances.
struct Script {
  std::vector<int64_t> segments = {0};
  std::vector<KindRows> kinds;
  std::vector<FurtherColumn> columns;  // of choices, in every table
  uint32_t block_rows = 0;
  bool sorts = false;
  bool lacks_runs = false;
  int64_t run = 1;  // places in a row that are of one user
  std::string order = "shuffled";
  std::vector<int64_t> piece_row;  // by row of the dataset, if there is room: what a choice sees
  int64_t first_time = 0;
  int32_t rating = 450;
  bool leaves_out = false;
  std::atomic<int64_t> rows_filled = 0;  // by clocks
};

class Scripted : public Behaviour {
 public:
  Scripted(Role role, Script& script, const throng_dataset& dataset)
      : role_(role), script_(script), dataset_(dataset) {}

  absl::Status Fill(const throng_batch& b) override {
    const int64_t users = dataset_.world->active_users;
    if (role_ == Role::kClock) script_.rows_filled += b.rows;
    for (uint32_t i = 0; i < b.rows; ++i) {
      const auto row = static_cast<int64_t>(i);
      switch (role_) {
        case Role::kActivity:
          b.user[i] = b.place[i] / script_.run % users;
          b.user_row[i] = b.place[i] / users;
          b.user_rows[i] = dataset_.plan_size;
          b.run_row[i] = b.place[i] % script_.run;
          b.run_rows[i] = script_.lacks_runs ? 0 : script_.run;
          break;
        case Role::kClock:
          // A block's rows backwards, two of a time, where the host sorts them.
          b.time[i] =
              script_.first_time + b.first_row + (script_.sorts ? (b.rows - 1 - row) / 2 : row);
          break;
        case Role::kChoice:
          b.item[i] = b.place[i] % dataset_.world->touched_items;
          if (const auto at = static_cast<size_t>(b.first_row + row);
              at < script_.piece_row.size()) {
            script_.piece_row[at] = b.piece_row[i];
          }
          break;
        default:
          b.rating[i] = script_.rating;
      }
    }
    return absl::OkStatus();
  }
  uint32_t BlockRows() override { return role_ == Role::kClock ? script_.block_rows : 0; }
  bool Sorts() override { return script_.sorts; }
  bool LeavesOut() override { return script_.leaves_out; }
  absl::StatusOr<std::vector<int64_t>> Segments(int64_t) override { return script_.segments; }
  absl::StatusOr<std::vector<KindRows>> Kinds() override { return script_.kinds; }
  absl::StatusOr<std::vector<FurtherColumn>> Columns(v1::Table) override {
    if (role_ != Role::kChoice) return std::vector<FurtherColumn>();
    return script_.columns;
  }

 private:
  const Role role_;
  Script& script_;
  const throng_dataset dataset_;
};

class ChosenScript : public ChosenBehaviour {
 public:
  ChosenScript(Role role, Script& script) : role_(role), script_(script) {}
  std::string name() const override { return "scripted"; }
  const std::map<std::string, std::string>& options() const override { return options_; }
  std::string Canonical() const override { return ""; }
  bool HasRelativeTimes() const override { return false; }
  absl::StatusOr<std::unique_ptr<Behaviour>> Make(const throng_dataset& dataset,
                                                  const Remark&) const override {
    return std::make_unique<Scripted>(role_, script_, dataset);
  }

 private:
  const Role role_;
  Script& script_;
  const std::map<std::string, std::string> options_;
};

class ScriptSource : public BehaviourSource {
 public:
  explicit ScriptSource(Script& script) : script_(script) {}
  std::unique_ptr<ChosenBehaviour> Choose(Role role, const v1::Component&, int64_t,
                                          Problems*) const override {
    return std::make_unique<ChosenScript>(role, script_);
  }

 private:
  Script& script_;
};

class GeneratorTest : public testing::Test {
 protected:
  static constexpr int64_t kPlanSize = 10'000;

  std::unique_ptr<Plan> MakePlan() {
    v1::DatasetSpec spec;
    spec.set_seed(42);
    spec.set_plan_size(kPlanSize);
    spec.mutable_world()->set_users(100);
    spec.mutable_world()->set_items(50);
    spec.mutable_world()->set_active_users(0.8);
    spec.mutable_world()->set_touched_items(0.9);
    spec.mutable_world()->set_popular_items(0.1);
    spec.mutable_order()->set_component(script_.order);
    v1::Cluster* cluster = spec.mutable_world()->add_clusters();
    cluster->set_name("all");
    cluster->set_share(1);
    v1::Category* category = spec.mutable_world()->add_categories();
    category->set_name("all");
    category->set_share(1);
    problems_.clear();
    return Plan::Create(spec, ScriptSource(script_), Remark(), 0, &problems_);
  }
  // Why there is no plan.
  std::string Problem() { return MakePlan() == nullptr ? ToString(problems_) : "it was planned"; }
  static Columns Rows(Generator* generator, int64_t first, int64_t rows) {
    Columns columns(static_cast<size_t>(rows));
    EXPECT_TRUE(generator->Fill(first, rows, &columns, 0).ok());
    return columns;
  }
  static Columns Rows(const Plan& plan, int64_t first, int64_t rows) {
    return Rows(plan.MakeGenerator()->get(), first, rows);
  }

  Script script_;
  Problems problems_;
};

TEST_F(GeneratorTest, MakesRowsWithoutAPluginFile) {
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  EXPECT_EQ(plan->fingerprint().size(), 32U);
  const Columns rows = Rows(*plan, 0, 2 * kPlanSize);
  std::set<int64_t> places(rows.place.begin(), rows.place.begin() + kPlanSize);
  EXPECT_EQ(places.size(), static_cast<size_t>(kPlanSize));
  EXPECT_NE(rows.place[0], rows.place[kPlanSize]) << "another epoch has another order";
  EXPECT_EQ(rows.rating[17], 450);
  EXPECT_EQ(rows.time[17], 17);
}

TEST_F(GeneratorTest, ADatasetWithoutEndEndsWithTheCalendar) {
  const auto plan = MakePlan();  // a row a millisecond, from 1970 on
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  EXPECT_EQ(plan->end(), kLastTime + 1);
  EXPECT_EQ(Rows(*plan, kLastTime, 1).time[0], kLastTime);
  EXPECT_THAT(plan->warnings(),
              testing::ElementsAre(HasSubstr("row 253402300799999 is the last one")));

  script_.first_time = 1500;
  script_.block_rows = 3000;  // of which only whole ones have times
  script_.sorts = true;
  const auto in_blocks = MakePlan();
  ASSERT_NE(in_blocks, nullptr) << ToString(problems_);
  const int64_t end = in_blocks->end();
  const SegmentRange left_out = Segments({0}, kPlanSize, 3000).At(end % kPlanSize);
  EXPECT_EQ(left_out.first, end % kPlanSize) << "a block begins there";
  EXPECT_LE(script_.first_time + end, kLastTime) << "of which some rows are in the calendar";
  EXPECT_GT(script_.first_time + end + left_out.rows / 2, kLastTime) << "and others are not";
  Rows(*in_blocks, end - 10, 10);
  Columns columns(1);
  EXPECT_TRUE(absl::IsOutOfRange((*in_blocks->MakeGenerator())->Fill(end, 1, &columns, 0)));
  EXPECT_THAT(in_blocks->warnings(),
              testing::ElementsAre(HasSubstr(
                  "row " + std::to_string(end - 1) +
                  " is the last one of a block whose event times all lie before the year 10000")));
}

TEST_F(GeneratorTest, PermutesEachSegmentOntoItself) {
  script_.segments = {0, 3000, 3000, 9999};
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  const Columns rows = Rows(*plan, 0, kPlanSize);
  std::set<int64_t> first(rows.place.begin(), rows.place.begin() + 3000);
  EXPECT_EQ(first.size(), 3000U);
  EXPECT_EQ(*first.begin(), 0);
  EXPECT_EQ(*first.rbegin(), 2999);
  EXPECT_EQ(rows.place[9999], 9999);
}

TEST_F(GeneratorTest, GivesWholeBlocksAndSortsThem) {
  script_.block_rows = 1000;
  script_.sorts = true;
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  EXPECT_EQ(plan->stride(), 16'384) << "16 blocks, as a multiple of 4096";
  const Columns whole = Rows(*plan, 0, kPlanSize);
  EXPECT_TRUE(std::is_sorted(whole.time.begin(), whole.time.end()));
  // Rows of one time keep their order: the block's last two rows are the first two.
  const auto generator = plan->MakeGenerator();
  const Columns unsorted = [&] {
    script_.sorts = false;
    return Rows(*MakePlan(), 0, kPlanSize);
  }();
  const int64_t block = Segments({0}, kPlanSize, 1000).At(0).rows;
  EXPECT_EQ(whole.place[0], unsorted.place[static_cast<size_t>(block - 2)]);
  EXPECT_EQ(whole.place[1], unsorted.place[static_cast<size_t>(block - 1)]);
}

// Each row's session as who looks at its neighbours sees it.
TEST_F(GeneratorTest, SessionsAreWhereAPieceAndARunOverlap) {
  script_.order = "sessions";
  script_.block_rows = 500;
  script_.sorts = true;
  script_.run = 7;
  script_.segments = {0, 3500, 9100};
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  script_.piece_row.resize(2 * kPlanSize);
  const Columns rows = Rows(*plan, 0, 2 * kPlanSize);
  const std::vector<int64_t>& piece_row = script_.piece_row;
  std::map<std::pair<int64_t, int64_t>, std::map<int64_t, size_t>> sessions;  // by epoch
  for (size_t i = 0; i < 2 * kPlanSize; ++i) {
    ASSERT_EQ(rows.session[i] + rows.session_row[i], rows.place[i]);
    const auto epoch = static_cast<int64_t>(i) / kPlanSize;
    std::map<int64_t, size_t>& members = sessions[{epoch, rows.session[i]}];
    ASSERT_TRUE(members.emplace(rows.session_row[i], i).second);
  }
  size_t longer = 0;
  for (const auto& [key, members] : sessions) {
    const size_t first = members.begin()->second;
    ASSERT_EQ(members.begin()->first, 0);
    ASSERT_EQ(members.rbegin()->first + 1, static_cast<int64_t>(members.size()));
    for (const auto& [session_row, i] : members) {
      ASSERT_EQ(rows.session_rows[i], static_cast<int64_t>(members.size()));
      ASSERT_EQ(rows.user[i], rows.user[first]);
      ASSERT_EQ(piece_row[i] - piece_row[first], session_row);
    }
    // It is as long as can be.
    ASSERT_TRUE(piece_row[first] == 0 || rows.run_row[first] == 0);
    longer += members.size() > 1 ? 1U : 0U;
  }
  EXPECT_GT(longer, sessions.size() / 4);
}

TEST_F(GeneratorTest, RowsInNoOrderAreSessionsOfTheirOwn) {
  script_.run = 7;
  // Sessions come with a clock that sorts.
  for (const std::string order : {"shuffled", "independent", "sessions"}) {
    script_.order = order;
    const auto plan = MakePlan();
    ASSERT_NE(plan, nullptr) << ToString(problems_);
    const Columns rows = Rows(*plan, kPlanSize, kPlanSize);
    const std::set<int64_t> sessions(rows.session.begin(), rows.session.end());
    EXPECT_EQ(sessions.size(), static_cast<size_t>(kPlanSize));
    EXPECT_EQ(rows.session_rows, std::vector<int64_t>(kPlanSize, 1));
    EXPECT_EQ(rows.session_row, std::vector<int64_t>(kPlanSize, 0));
  }
}

TEST_F(GeneratorTest, OrdersThatDoNotGoWithBehavioursAreRefused) {
  script_.order = "independent";
  EXPECT_EQ(Problem(), "it was planned");
  EXPECT_THAT(MakePlan()->warnings(), testing::Contains(HasSubstr("all counts hold only about.")));
  script_.segments = {0, 10};
  EXPECT_THAT(Problem(), HasSubstr("dataset.order: Order `independent` takes some places twice and "
                                   "leaves others out, which does not go with activity `scripted`, "
                                   "whose people come and go (for pareto, set eras to 1); choose"));
  script_.block_rows = 500;
  EXPECT_THAT(Problem(), HasSubstr("(for pareto, set eras to 1); clock `scripted`, which works on "
                                   "whole blocks of rows; choose order `shuffled`, or the"));
  script_.segments = {0};
  script_.block_rows = 0;
  script_.order = "none";
  EXPECT_THAT(Problem(),
              HasSubstr("dataset.order.component: There is no order named \"none\". Known"));
}

TEST_F(GeneratorTest, SessionIdsAreUniqueInTheDataset) {
  std::vector<int64_t> id(6);
  FillSessionIds(8, 5, std::vector<int64_t>{3, 4, 0, 1, 2, 2}, id.data());
  EXPECT_EQ(id, (std::vector<int64_t>{8, 9, 10, 11, 12, 12}));
}

TEST_F(GeneratorTest, RowsDoNotDependOnHowTheyAreAskedFor) {
  script_.block_rows = 500;
  script_.sorts = true;
  script_.segments = {0, 1234, 5000};
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  const Columns whole = Rows(*plan, 0, 3 * kPlanSize);
  const auto generator = plan->MakeGenerator();
  for (const int64_t first : {29'000, 0, 1233, 9999, 15'000, 4999, 12'345}) {
    const Columns some = Rows(generator->get(), first, 777);
    for (size_t i = 0; i < 777; ++i) {
      ASSERT_EQ(some.place[i], whole.place[static_cast<size_t>(first) + i]) << first << " + " << i;
      ASSERT_EQ(some.user[i], whole.user[static_cast<size_t>(first) + i]) << first << " + " << i;
      ASSERT_EQ(some.time[i], whole.time[static_cast<size_t>(first) + i]) << first << " + " << i;
    }
  }
}

TEST_F(GeneratorTest, ThreadsThatShareBlocksComputeNoneTwice) {
  script_.block_rows = 1000;
  script_.sorts = true;
  const auto plan = MakePlan();
  ASSERT_NE(plan, nullptr) << ToString(problems_);
  const auto blocks = plan->MakeBlocks();
  script_.rows_filled = 0;
  constexpr int64_t kPiece = 300;  // blocks are cut by all of them
  blocks->Keep(20 * kPiece);
  // As in a walk, none goes far ahead of the others.
  constexpr int64_t kAhead = 4;
  constexpr size_t kThreads = 4;
  std::atomic<int64_t> next = 0;
  std::array<std::atomic<int64_t>, kThreads> at{};
  const auto last = [&] {
    int64_t least = INT64_MAX;
    for (const auto& piece : at) least = std::min<int64_t>(least, piece);
    return least;
  };
  std::vector<std::thread> threads(kThreads);
  for (size_t t = 0; t < kThreads; ++t) {
    threads[t] = std::thread([&, t] {
      const auto generator = plan->MakeGenerator(blocks);
      Columns columns(kPiece);
      for (int64_t i = next++; i * kPiece < kPlanSize; i = next++) {
        at[t] = i;
        while (i - last() > kAhead) std::this_thread::yield();
        const int64_t rows = std::min(kPiece, kPlanSize - i * kPiece);
        EXPECT_TRUE((*generator)->Fill(i * kPiece, rows, &columns, 0).ok());
      }
      at[t] = INT64_MAX;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(script_.rows_filled, kPlanSize);
}

TEST_F(GeneratorTest, WhatBehavioursMayNotDoIsNamed) {
  script_.sorts = true;
  EXPECT_THAT(Problem(), HasSubstr("clock `scripted` wants its rows sorted and wishes for no "
                                   "blocks to sort"));
  script_.sorts = false;
  script_.block_rows = 65'409;
  EXPECT_THAT(Problem(), HasSubstr("clock `scripted` wishes for blocks of 65409 rows; 65408 are"));
  script_.block_rows = 0;
  script_.segments = {0, kPlanSize + 1};
  EXPECT_THAT(Problem(), HasSubstr("activity `scripted`: its segments begin at rows 0, 10001"));
  script_.segments = {0};
  script_.lacks_runs = true;
  EXPECT_THAT(Problem(), HasSubstr("activity `scripted` filled a run_row outside [0, run_rows)"));
  script_.lacks_runs = false;
  script_.rating = -1;
  EXPECT_THAT(Problem(), HasSubstr("rating `scripted` filled a rating below 0, and does not say "
                                   "that it leaves any out within rows"));
  script_.leaves_out = true;
  EXPECT_EQ(Problem(), "it was planned");
  script_.rating = -2;
  EXPECT_THAT(Problem(), HasSubstr("rating `scripted` filled a rating below 0 that is not -1"));
}

TEST_F(GeneratorTest, KindsAddUpAndHaveNamesThatRecordsCanHold) {
  const auto named = [this](const std::string& name) {
    script_.kinds = {{name, kPlanSize}};
    return Problem();
  };
  EXPECT_EQ(named("well known"), "it was planned");
  for (const std::string name :
       {"", "a,b", "a\"b", "a\nb", "a\tb", "\x1b[31mred", "\x7f", "\xc2\x9b"}) {
    EXPECT_THAT(named(name), HasSubstr("a kind's name is not empty and holds no comma, quote or "
                                       "control character"))
        << name;
    EXPECT_EQ(Problem().find('\x1b'), std::string::npos);
  }
  script_.kinds = {{"a", INT64_MAX}, {"b", INT64_MAX}, {"c", kPlanSize + 2}};
  EXPECT_THAT(Problem(), HasSubstr("the choice's kinds have 18446744073709561616 rows an epoch "
                                   "together; an epoch has 10000."));
}

TEST_F(GeneratorTest, WhoseFurtherColumnsAreWrongIsSaidOnce) {
  FurtherColumn column;
  column.type = THRONG_COLUMN_INT64;
  column.name = "niche";
  column.doc = "Of an item.";
  script_.columns = {column, column};
  EXPECT_EQ(Problem(),
            "dataset.choice: choice `scripted`: it has two further columns named niche.\n");
}

TEST_F(GeneratorTest, AnActivityHasAsManySegmentsInEveryEpoch) {
  const auto plan = MakePlan();
  const auto generator = plan->MakeGenerator();
  Columns columns(1);
  ASSERT_TRUE((*generator)->Fill(0, 1, &columns, 0).ok());
  script_.segments = {0, 10};
  EXPECT_THAT(MessageOf((*generator)->Fill(kPlanSize, 1, &columns, 0)),
              HasSubstr("it cuts epoch 1 into 2 segments, and others into 1"));
}

}  // namespace
}  // namespace throng
