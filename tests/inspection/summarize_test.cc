// The call Summarize, with rows from a fake reader or from a spec.
#include "server/inspection/summarize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "server/host/catalogue.h"
#include "server/inspection/checklist.h"
#include "server/inspection/figures.h"
#include "server/inspection/known_spec.h"
#include "throng/plugin.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

struct Row {
  std::string user;
  std::string item;
  double rating = std::nan("");
  int64_t time = INT64_MIN;
};

// Gives rows 1000 at a time, as if they had been read from a file.
class FakeReader : public RowReader {
 public:
  FakeReader(std::string path, std::vector<Row> rows)
      : pieces_{std::move(path)}, rows_(std::move(rows)) {}

  absl::Status Next(int64_t /*wait_ms*/, FoundRows* found) override {
    const size_t n = std::min<size_t>(1000, rows_.size() - at_);
    *found = FoundRows();
    found->rows = n;
    for (size_t i = at_; i < at_ + n; ++i) {
      found->user_id.push_back({rows_[i].user.data(), rows_[i].user.size()});
      found->item_id.push_back({rows_[i].item.data(), rows_[i].item.size()});
      found->rating.push_back(rows_[i].rating);
      found->timestamp.push_back(rows_[i].time);
    }
    at_ += n;
    found->is_end = at_ == rows_.size();
    if (damage && at_ >= rows_.size() / 2) {
      found->damages.push_back(*damage);
      damage.reset();
    }
    return absl::OkStatus();
  }
  const std::vector<std::string>& pieces() const override { return pieces_; }
  int64_t taken() const override { return static_cast<int64_t>(at_); }
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }

  std::optional<Damage> damage;

 private:
  std::vector<std::string> pieces_;
  std::vector<Row> rows_;
  size_t at_ = 0;
};

class SummarizeTest : public testing::Test {
 protected:
  static const Catalogue& Plugins() {
    static const Catalogue kCatalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER}).value();
    return kCatalogue;
  }

  static v1::SpecSource Spec(const std::string& dataset) {
    v1::SpecSource source;
    source.add_layers()->set_text("dataset: " + dataset);
    return source;
  }

  // The rows of a spec, as a reader would find them.
  std::vector<Row> Made(const std::string& dataset) {
    const v1::SpecSource source = Spec(dataset);
    const auto plan = PlanNamed(source, inspection_);
    EXPECT_NE(plan, nullptr) << ToString(problems_);
    const auto generator = plan->MakeGenerator();
    const int64_t n = plan->spec().interactions();
    Columns columns(static_cast<size_t>(n));
    EXPECT_TRUE((*generator)->Fill(0, n, &columns, 0).ok());
    std::vector<int64_t> users(columns.user.size());
    std::vector<int64_t> items(columns.user.size());
    const throng_world& world = plan->world();
    world.user_number(world.self, columns.user.data(), users.data(), users.size());
    world.item_number(world.self, columns.item.data(), items.data(), items.size());
    std::vector<Row> rows;
    for (size_t i = 0; i < users.size(); ++i) {
      rows.push_back({"user_" + std::to_string(users[i] + 1),
                      "item_" + std::to_string(items[i] + 1), columns.rating[i] / 100.0,
                      columns.time[i]});
    }
    return rows;
  }

  // The last message with a result.
  v1::SummarizeResponse Ask(const v1::SummarizeRequest& request, std::vector<Row> rows = {},
                            const std::string& path = "x.csv",
                            const std::optional<Damage>& damage = {}) {
    sent_.clear();
    status_ = Summarize(
        request, inspection_,
        [&](const ReadRequest& /*wanted*/,
            const Inspection& /*inspection*/) -> absl::StatusOr<std::unique_ptr<RowReader>> {
          auto reader = std::make_unique<FakeReader>(path, rows);
          reader->damage = damage;
          return reader;
        });
    for (const v1::SummarizeResponse& response : sent_) {
      if (response.has_statistics()) return response;
    }
    return {};
  }

  static v1::SummarizeRequest OfSource() {
    v1::SummarizeRequest request;
    request.add_sources()->mutable_source()->set_component("file");
    return request;
  }

  static const v1::Check& CheckOf(const v1::SummarizeResponse& response, const std::string& id) {
    for (const v1::Check& check : response.checklist().checks()) {
      if (check.id() == id) return check;
    }
    ADD_FAILURE() << "no check " << id << " in " << response.checklist().DebugString();
    static const v1::Check kNone;
    return kNone;
  }

  std::atomic<bool> is_stopping_ = false;
  Environment environment_ = [this] {
    Environment environment;
    environment.is_stopping = &is_stopping_;
    return environment;
  }();
  Problems problems_;
  std::vector<v1::SummarizeResponse> sent_;
  Inspection inspection_{.catalogue = Plugins(),
                         .environment = environment_,
                         .send =
                             [this](const google::protobuf::MessageLite& message) {
                               sent_.push_back(static_cast<const v1::SummarizeResponse&>(message));
                               return absl::OkStatus();
                             },
                         .problems = &problems_};
  absl::Status status_;
};

constexpr char kShop[] = "{size: production}";
constexpr char kSmall[] =
    "{interactions: 3000, seed: 7, preset: seed, world: {users: 60, items: 90}}";

TEST_F(SummarizeTest, TellsTheSameOfRowsThatAreFoundAndMade) {
  v1::SummarizeRequest made;
  *made.mutable_spec() = Spec(kShop);
  v1::SummarizeRequest found = OfSource();
  *found.mutable_spec() = Spec(kShop);
  const v1::SummarizeResponse a = Ask(made);
  ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
  const v1::SummarizeResponse b = Ask(found, Made(kShop));
  ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
  EXPECT_EQ(a.statistics().SerializeAsString(), b.statistics().SerializeAsString());
  EXPECT_EQ(a.figures().users().DebugString(), b.figures().users().DebugString());
  EXPECT_EQ(a.figures().items().DebugString(), b.figures().items().DebugString());
  EXPECT_EQ(a.figures().pairs().DebugString(), b.figures().pairs().DebugString());
  ASSERT_EQ(a.figures().kinds_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(a.figures().kinds(i).DebugString(), b.figures().kinds(i).DebugString());
  }
  EXPECT_EQ(a.figures().kinds(0).name(), "preferred");
  EXPECT_EQ(a.figures().kinds(0).rows(), 30'000);
  EXPECT_EQ(a.figures().clusters_size(), 6);
  EXPECT_EQ(a.figures().categories_size(), 5);
  EXPECT_EQ(a.figures().cluster_category_rows_size(), 30);
  EXPECT_TRUE(a.figures().sessions().is_told());
  EXPECT_FALSE(b.figures().sessions().is_told()) << "the file has no session_id";
  EXPECT_EQ(b.dataset().interactions(), 50'000);
  EXPECT_THAT(b.fingerprint(), SizeIs(64));
}

TEST_F(SummarizeTest, FindsEveryPromiseKept) {
  for (const char* spec :
       {kShop, kSmall, "{preset: seed-ranges}", "{preset: trace, interactions: 100000}",
        "{preset: shop, interactions: 40000, plan_size: 20000, seed: 3}"}) {
    SCOPED_TRACE(spec);
    v1::SummarizeRequest request;
    *request.mutable_spec() = Spec(spec);
    const v1::SummarizeResponse response = Ask(request);
    ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
    EXPECT_EQ(response.checklist().failed(), 0) << response.checklist().DebugString();
    EXPECT_GE(response.checklist().passed(), 13) << response.checklist().DebugString();
    EXPECT_EQ(CheckOf(response, "promise.top_users").verdict(), v1::VERDICT_PASS);
    EXPECT_EQ(CheckOf(response, "promise.kinds").verdict(), v1::VERDICT_PASS);
  }
}

TEST_F(SummarizeTest, KnowsEveryHistogramThatHasAName) {
  for (const char* options :
       {"{histogram: movielens}", "{histogram: jshape, scale: whole_stars}", "{histogram: binary}",
        "{histogram: seed, scale: binary}", "{histogram: '0.1, 0.2, 0.3, 0.25, 0.15'}"}) {
    SCOPED_TRACE(options);
    v1::SummarizeRequest request;
    *request.mutable_spec() =
        Spec(std::string("{rating: {component: latent, options: ") + options + "}}");
    const v1::SummarizeResponse response = Ask(request);
    ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
    EXPECT_EQ(CheckOf(response, "promise.ratings").verdict(), v1::VERDICT_PASS)
        << response.checklist().DebugString();
    EXPECT_GT(response.promised_ratings_size(), 1);
  }
}

TEST_F(SummarizeTest, KnowsTheRangeOfEachReason) {
  for (const char* options :
       {"{}", "{scale: whole_stars}", "{scale: binary}", "{ranges: 'popular=2.5-3, random=1-1'}"}) {
    SCOPED_TRACE(options);
    v1::SummarizeRequest request;
    *request.mutable_spec() =
        Spec(std::string("{preset: seed, rating: {component: ranges, options: ") + options + "}}");
    const v1::SummarizeResponse response = Ask(request);
    ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
    const v1::Check check = CheckOf(response, "promise.kind_ratings");
    EXPECT_EQ(check.verdict(), v1::VERDICT_PASS) << check.DebugString();
  }
  constexpr char kRanges[] = "{preset: seed-ranges}";
  std::vector<Row> rows = Made(kRanges);
  for (size_t i = 0; i < rows.size(); i += 50) rows[i].rating = 1;
  v1::SummarizeRequest request = OfSource();
  *request.mutable_spec() = Spec(kRanges);
  const v1::SummarizeResponse response = Ask(request, rows);
  EXPECT_EQ(CheckOf(response, "promise.kind_ratings").verdict(), v1::VERDICT_FAIL);
}

TEST_F(SummarizeTest, FindsPromisesBroken) {
  std::vector<Row> rows = Made(kShop);
  const Row extra = rows[17];
  for (size_t i = 0; i < rows.size(); i += 2) rows[i].rating = 5;  // histogram
  for (size_t i = 0; i < 4000; ++i) rows[i].user = "user_1";       // top users
  for (size_t i = 4000; i < 6000; ++i) rows[i].item = "item_1";    // popular, perhaps
  rows[9000].user = "somebody";                                    // foreign
  for (Row& row : rows) row.time += 3'600'000;                     // another time zone
  v1::SummarizeRequest request = OfSource();
  *request.mutable_spec() = Spec(kShop);
  v1::SummarizeResponse response = Ask(request, rows, "x.csv", Damage{"x.csv", 7, 3, "", "bad"});
  ASSERT_TRUE(status_.ok()) << status_;
  for (const char* id :
       {"promise.ratings", "promise.top_users", "promise.popular_items", "promise.world",
        "promise.clusters", "promise.active_users", "promise.times", "readable"}) {
    EXPECT_EQ(CheckOf(response, id).verdict(), v1::VERDICT_FAIL) << id;
  }
  EXPECT_EQ(CheckOf(response, "promise.kinds").verdict(), v1::VERDICT_NOT_CHECKED);
  EXPECT_EQ(response.damaged_records(), 1);
  ASSERT_EQ(response.damaged_size(), 1);
  EXPECT_EQ(response.damaged(0).sentence(), "bad");

  // One row more: nothing of it is promised any more.
  rows = Made(kShop);
  rows.push_back(extra);
  response = Ask(request, rows);
  EXPECT_EQ(CheckOf(response, "promise.whole").verdict(), v1::VERDICT_NOT_CHECKED);
  EXPECT_THAT(CheckOf(response, "promise.whole").reason(), HasSubstr("50001 of 50000 rows"));
}

TEST_F(SummarizeTest, FindsUsersBeyondTheirCap) {
  const char* capped =
      "{preset: seed, activity: {component: pareto, options: {cap: 1200, min_per_user: 3}}}";
  v1::SummarizeRequest request = OfSource();
  *request.mutable_spec() = Spec(capped);
  std::vector<Row> rows = Made(capped);
  EXPECT_EQ(CheckOf(Ask(request, rows), "promise.rows_per_user").verdict(), v1::VERDICT_PASS);
  for (size_t i = 0; i < 1500; ++i) rows[i].user = "user_1";
  EXPECT_EQ(CheckOf(Ask(request, rows), "promise.rows_per_user").verdict(), v1::VERDICT_FAIL);
}

TEST_F(SummarizeTest, SaysWhatIsWrongWithDataOfOthers) {
  std::vector<Row> rows(50, {"a", "x", 5, 0});
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % 2 == 1) rows[i].item = "y";
    rows[i].time = static_cast<int64_t>(1000 * i);
  }
  const v1::SummarizeResponse response = Ask(OfSource(), rows);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_TRUE(response.statistics().totals_are_seen());
  EXPECT_FALSE(response.has_dataset());
  for (const char* id : {"enough_data", "diverse_ids", "ratings_vary", "times_spread"}) {
    EXPECT_EQ(CheckOf(response, id).verdict(), v1::VERDICT_FAIL) << id;
  }
  for (const char* id : {"user_coverage", "item_coverage", "promises"}) {
    EXPECT_EQ(CheckOf(response, id).verdict(), v1::VERDICT_NOT_CHECKED) << id;
  }
  EXPECT_EQ(CheckOf(response, "readable").verdict(), v1::VERDICT_PASS);
}

TEST_F(SummarizeTest, SaysForWhichPurposeDataAreEnough) {
  for (const auto& [rows, reason] : std::vector<std::pair<int64_t, std::string>>{
           {999, "Too few"},
           {1000, "development"},
           {20'000, "production training (20000 to 50000)"},
           {100'000, "high-quality models (100000 and more)"}}) {
    v1::Statistics s;
    s.set_total_interactions(rows);
    const v1::Checklist list = MakeChecklist({.statistics = s});
    EXPECT_THAT(list.checks(0).reason(), HasSubstr(reason));
    EXPECT_EQ(list.checks(0).verdict(), rows < 1000 ? v1::VERDICT_FAIL : v1::VERDICT_PASS);
  }
}

TEST_F(SummarizeTest, TakesTheSpecFromManifests) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "summarize_manifests";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "small.csv";
  std::ofstream(path + ".manifest.json")
      << R"({"rows": 3000, "spec": {"dataset": {"preset": "seed", "seed": 7, "interactions": 3000,
             "world": {"users": 60, "items": 90}}}})";
  const std::vector<Row> rows = Made(kSmall);
  v1::SummarizeResponse response = Ask(OfSource(), rows, path);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(response.statistics().total_users(), 60);
  EXPECT_FALSE(response.statistics().totals_are_seen());
  EXPECT_EQ(response.checklist().failed(), 0) << response.checklist().DebugString();
  EXPECT_EQ(CheckOf(response, "complete").verdict(), v1::VERDICT_PASS);
  response = Ask(OfSource(), {rows.begin() + 1, rows.end()}, path);
  EXPECT_EQ(CheckOf(response, "complete").verdict(), v1::VERDICT_FAIL);

  std::ofstream(path + ".manifest.json") << R"({"rows": 3000, "spec": {"dataset": {"preset": 7}}})";
  response = Ask(OfSource(), rows, path);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_TRUE(response.statistics().totals_are_seen());
  EXPECT_THAT(response.figures().notes(), ElementsAre(HasSubstr("cannot be planned here")));

  v1::SummarizeRequest two = OfSource();
  *two.add_sources() = two.sources(0);
  response = Ask(two, rows, folder / "other.csv");
  EXPECT_TRUE(response.statistics().totals_are_seen());
  EXPECT_EQ(response.statistics().total_interactions(), 6000) << "both together";
  std::filesystem::remove_all(folder);
}

TEST_F(SummarizeTest, MergesTheStatesThatItGave) {
  const std::vector<Row> rows = Made(kShop);
  v1::SummarizeRequest whole = OfSource();
  *whole.mutable_spec() = Spec(kShop);
  whole.set_with_state(true);
  const v1::SummarizeResponse expected = Ask(whole, rows);
  v1::SummarizeRequest merge;
  *merge.mutable_spec() = Spec(kShop);
  const auto take = [&](size_t from, size_t to) {
    Ask(whole,
        {rows.begin() + static_cast<ptrdiff_t>(from), rows.begin() + static_cast<ptrdiff_t>(to)});
    for (const v1::SummarizeResponse& response : sent_) {
      if (response.has_state()) *merge.add_states() = response.state();
    }
  };
  take(0, 20'000);
  take(20'000, 50'000);
  const v1::SummarizeResponse merged = Ask(merge);
  ASSERT_TRUE(status_.ok()) << status_ << ToString(problems_);
  EXPECT_EQ(merged.statistics().SerializeAsString(), expected.statistics().SerializeAsString());
  EXPECT_EQ(merged.figures().users().gini(), expected.figures().users().gini());
  EXPECT_EQ(merged.figures().cluster_category_rows_size(), 30);
  EXPECT_EQ(CheckOf(merged, "promise.top_users").verdict(), v1::VERDICT_PASS);
  EXPECT_EQ(merged.checklist().failed(), 0) << merged.checklist().DebugString();
}

TEST_F(SummarizeTest, SplitsALargeStateIntoMessages) {
  RowCounts counts;
  std::vector<uint32_t> users, items;
  for (uint32_t i = 0; i < 200'000; ++i) {
    users.push_back(counts.user_ids().IndexOf("u" + std::to_string(i + 1)));
    items.push_back(counts.item_ids().IndexOf(i % 3 == 0 ? "text" + std::to_string(i) + "x"
                                                         : "i" + std::to_string(2 * i)));
    counts.MeetUser(users.back());
    counts.MeetItem(items.back());
  }
  const std::vector<int32_t> ratings(users.size(), 350);
  const std::vector<int64_t> times(users.size(), 1'704'067'200'000);
  counts.Add({users, items, ratings, times, {}, {}});
  const v1::StatisticsState state = counts.State(0, 0);
  const std::vector<v1::StatisticsState> parts = SplitState(state);
  EXPECT_GE(parts.size(), 6U);
  v1::StatisticsState joined = parts[0];
  for (size_t i = 0; i < parts.size(); ++i) {
    EXPECT_LT(parts[i].ByteSizeLong(), 3U << 20);
    if (i > 0) joined.MergeFrom(parts[i]);
  }
  EXPECT_EQ(joined.SerializeAsString(), state.SerializeAsString());
}

TEST_F(SummarizeTest, RefusesWhatCannotBe) {
  const auto field = [&](const v1::SummarizeRequest& request) {
    problems_.clear();
    Ask(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
    return problems_.empty() ? "" : problems_[0].field;
  };
  EXPECT_EQ(field({}), "sources");
  v1::SummarizeRequest both = OfSource();
  both.add_states();
  EXPECT_EQ(field(both), "states");
  v1::SummarizeRequest endless;
  *endless.mutable_spec() = Spec("{interactions: null}");
  EXPECT_EQ(field(endless), "spec.dataset.interactions");
  v1::SummarizeRequest wrong;
  *wrong.mutable_spec() = Spec("{world: {users: -3}}");
  EXPECT_EQ(field(wrong), "dataset.world.users");
  v1::SummarizeRequest broken;
  broken.add_states();
  broken.add_states()->set_rows(3);
  EXPECT_EQ(field(broken), "states[1]");
  v1::SummarizeRequest outside;
  outside.add_state_files("/etc/hostname");
  EXPECT_EQ(field(outside), "state_files[0]");
  EXPECT_THAT(problems_[0].message, HasSubstr("is no state"));
  environment_.input_roots = {"/in"};
  EXPECT_EQ(field(outside), "state_files[0]");
  EXPECT_THAT(problems_[0].message, HasSubstr("outside the input roots (/in)"));
}

TEST_F(SummarizeTest, EndsWhenItIsToStop) {
  is_stopping_ = true;
  v1::SummarizeRequest request;
  *request.mutable_spec() = Spec(kShop);
  Ask(request);
  EXPECT_TRUE(absl::IsCancelled(status_)) << status_;
  Ask(OfSource(), {{"a", "b", 1, 1}});
  EXPECT_TRUE(absl::IsCancelled(status_)) << status_;
}

}  // namespace
}  // namespace throng
