// What is counted of rows, and that counts of parts of them add up to those of the whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "server/inspection/figures.h"
#include "throng/random.hpp"

namespace throng {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMonday = 1'704'067'200'000;  // 2024-01-01T00:00:00Z

struct Row {
  std::string user;
  std::string item;
  int32_t rating = kNoRating;
  int64_t time = kNoTime;
  std::string kind = {};
  int64_t session = kNoTime;
};

// Counts rows one batch after another, as a reader of files does.
struct Counted {
  explicit Counted(const std::vector<Row>& rows, size_t most_pairs = PairCounts::kMost,
                   size_t most_events = TimeCounts::kMostEvents)
      : counts({}, {}, most_pairs), times(most_events) {
    for (size_t first = 0; first < rows.size(); first += 7) Add(rows, first);
  }

  void Add(const std::vector<Row>& rows, size_t first) {
    std::vector<uint32_t> users, items;
    std::vector<int32_t> ratings;
    std::vector<int64_t> moments, sessions;
    std::vector<uint16_t> kinds;
    for (size_t i = first; i < std::min(first + 7, rows.size()); ++i) {
      users.push_back(counts.user_ids().IndexOf(rows[i].user));
      items.push_back(counts.item_ids().IndexOf(rows[i].item));
      if (counts.MeetUser(users.back())) {
        counts.users()[users.back()].label =
            counts.clusters.IndexOf("cluster " + std::string(1, rows[i].user.back()));
      }
      if (counts.MeetItem(items.back())) {
        counts.items()[items.back()].label =
            counts.categories.IndexOf("category " + std::string(1, rows[i].item.back()));
      }
      ratings.push_back(rows[i].rating);
      moments.push_back(rows[i].time);
      sessions.push_back(rows[i].session);
      kinds.push_back(counts.kinds.IndexOf(rows[i].kind));
    }
    const RowColumns columns{users, items, ratings, moments, kinds, sessions};
    counts.Add(columns);
    times.Add(columns);
  }

  v1::Figures Figures() {
    return DeriveFigures(counts, times.Finish() ? &times : nullptr, KnownWorld());
  }

  RowCounts counts;
  TimeCounts times;
};

std::vector<Row> RandomRows(size_t n, int users, int items) {
  std::mt19937_64 random(3);
  std::vector<Row> rows;
  int64_t time = kMonday;
  for (size_t i = 0; i < n; ++i) {
    time += static_cast<int64_t>(random() % 900'000);
    const auto user = random() % static_cast<uint64_t>(users);
    const auto item = random() % static_cast<uint64_t>(items);
    rows.push_back(
        {user % 5 == 0 ? "guest" + std::to_string(user) + "x" : "user_" + std::to_string(user),
         "item_" + std::to_string(item), static_cast<int32_t>(100 + 50 * (random() % 9)), time,
         random() % 3 == 0 ? "popular" : "preferred", kNoTime});
  }
  return rows;
}

TEST(Ids, AreNumbersInTheOrderInWhichTheyWereMet) {
  Ids ids;
  for (const char* id :
       {"user_7", "user_007", "other", "user_4294967295", "user_4294967296", "user_", "user_0"}) {
    const uint32_t index = ids.IndexOf(id);
    EXPECT_EQ(index + 1, ids.size());
    EXPECT_EQ(ids.IndexOf(id), index);
    EXPECT_EQ(ids.TextOf(index), id);
  }
  EXPECT_EQ(ids.prefix(), "user_");
  EXPECT_EQ(ids.NumberOf(0), 7);
  EXPECT_EQ(ids.NumberOf(1), -1) << "a zero before it";
  EXPECT_EQ(ids.NumberOf(3), 4'294'967'295);
  EXPECT_EQ(ids.NumberOf(4), -1);
  EXPECT_EQ(ids.IndexOf(7), 0U);
}

TEST(Ids, OfUuidsAreNumbersOfTheirWorldAndTextsInStates) {
  v1::DatasetSpec spec;
  spec.mutable_world()->set_ids(v1::IDS_UUID);
  const IdText text = IdText::OfUsers(spec);
  Ids ids(text);
  EXPECT_EQ(ids.IndexOf(text.Of(6)), 0U);
  EXPECT_EQ(ids.IndexOf(7), 0U) << "numbers are from 1 on";
  EXPECT_EQ(ids.IndexOf("user_7"), 1U);
  EXPECT_EQ(ids.NumberOf(0), 7);
  EXPECT_EQ(ids.NumberBehindPrefix(0), -1);
  EXPECT_EQ(ids.NumberOf(1), -1);
  EXPECT_EQ(ids.TextOf(0), text.Of(6));
  EXPECT_FALSE(ids.has_prefix());

  RowCounts counts(text, IdText("item_"));
  for (const int64_t number : {2, 1}) {
    const uint32_t user = counts.user_ids().IndexOf(number);
    counts.MeetUser(user);
    const uint32_t item = counts.item_ids().IndexOf(number);
    counts.MeetItem(item);
    const int32_t rating = 400;
    const int64_t time = kMonday;
    counts.Add({.user = {&user, 1},
                .item = {&item, 1},
                .rating = {&rating, 1},
                .time = {&time, 1},
                .kind = {},
                .session = {}});
  }
  const v1::StatisticsState state = counts.State(2, 2);
  EXPECT_FALSE(state.has_user_prefix());
  ASSERT_EQ(state.other_user_rows_size(), 2);
  EXPECT_EQ(std::min(text.Of(0), text.Of(1)), state.other_user_rows(0).id());
  EXPECT_EQ(std::max(text.Of(0), text.Of(1)), state.other_user_rows(1).id());
  EXPECT_EQ(state.item_rows_size(), 1);
  RowCounts merged;
  EXPECT_EQ(merged.Merge(state), "");
  EXPECT_EQ(merged.State(2, 2).SerializeAsString(), state.SerializeAsString());
}

TEST(PairSketch, EstimatesWithinFourErrors) {
  for (const int64_t n : {0, 1, 100, 10'000, 40'000, 80'000, 300'000}) {
    PairSketch sketch;
    for (int64_t i = 0; i < n; ++i) {
      sketch.Add(Hash(5, static_cast<uint64_t>(i)));
      sketch.Add(Hash(5, static_cast<uint64_t>(i)));
    }
    EXPECT_NEAR(static_cast<double>(sketch.Estimate()), static_cast<double>(n),
                4 * PairSketch::kError * static_cast<double>(n) + 0.5);
  }
}

TEST(PairCounts, BecomeASketchBeyondTheirLimit) {
  const auto hash = [](uint32_t user, uint32_t item) { return Hash(user, item); };
  PairCounts exact(hash);
  PairCounts limited(hash, 1000);
  for (uint32_t i = 0; i < 20'000; ++i) {
    exact.Add(i % 7000, i % 3, 400);
    limited.Add(i % 7000, i % 3, 400);
    if (i == 999) {
      EXPECT_FALSE(limited.IsEstimate());
    }
  }
  EXPECT_FALSE(exact.IsEstimate());
  EXPECT_TRUE(limited.IsEstimate());
  EXPECT_EQ(limited.Sketch().registers(), exact.Sketch().registers());
  EXPECT_NEAR(static_cast<double>(limited.Distinct()), static_cast<double>(exact.Distinct()),
              0.04 * static_cast<double>(exact.Distinct()));
}

TEST(Figures, OfRowsThatFitOnAPage) {
  const int64_t day = 86'400'000;
  Counted counted({
      {"u1", "i1", 500, kMonday},
      {"u1", "i2", 300, kMonday + 60'000},
      {"u2", "i1", 400, kMonday + 120'000},
      {"u1", "i1", 450, kMonday + 60'000 + GapCounts::kHalfHour},  // contradicts, same session
      {"u1", "i1", kNoRating, kMonday + day},
      {"u2", "i1", 400, kMonday + 8 * day},
      {"u1", "i2", 300, kMonday + 8 * day + 1},
      {"u3", "i3", 100, kMonday + 8 * day + 2},
      {"u3", "i1", 100, kMonday + 8 * day + 3},
      {"u4", "i1", 200, kMonday + 8 * day + 4},
  });
  const v1::Statistics s = DeriveStatistics(counted.counts, KnownWorld());
  EXPECT_EQ(s.total_users(), 4);
  EXPECT_TRUE(s.totals_are_seen());
  EXPECT_EQ(s.total_interactions(), 10);
  EXPECT_EQ(s.max_interactions_per_user(), 5);
  EXPECT_EQ(s.min_interactions_per_user(), 1);
  EXPECT_DOUBLE_EQ(s.average_rating(), (5 + 3 + 4 + 4.5 + 4 + 3 + 1 + 1 + 2) / 9.0);

  const v1::Figures f = counted.Figures();
  EXPECT_DOUBLE_EQ(f.users().top_fifth_share(), 0.5);
  EXPECT_DOUBLE_EQ(f.users().bottom_half_share(), 0.3);
  EXPECT_DOUBLE_EQ(f.users().gini(), 2 * (1 * 1 + 2 * 2 + 3 * 2 + 4 * 5) / 40.0 - 5 / 4.0);
  ASSERT_EQ(f.users().lorenz_size(), 101);
  EXPECT_DOUBLE_EQ(f.users().lorenz(0), 0);
  EXPECT_DOUBLE_EQ(f.users().lorenz(25), 0.1);
  EXPECT_DOUBLE_EQ(f.users().lorenz(100), 1);
  EXPECT_EQ(f.users().rank_curve(0).rows(), 5);
  EXPECT_EQ(f.users().rank_curve(f.users().rank_curve_size() - 1).rows(), 1);
  EXPECT_EQ(f.users().in_last_fifth(), 2);
  EXPECT_EQ(f.users().only_in_last_fifth(), 1) << "u4; u3 was in row 7";
  EXPECT_EQ(f.users().only_in_last_fifth_rows(), 1);
  EXPECT_EQ(f.pairs().distinct(), 6);
  EXPECT_EQ(f.pairs().repeated(), 3);
  EXPECT_EQ(f.pairs().contradicted(), 1);
  EXPECT_DOUBLE_EQ(f.pairs().repeated_rows_share(), 0.4);
  EXPECT_DOUBLE_EQ(f.pairs().density(), 0.5);
  EXPECT_EQ(f.hour_of_week_rows(0), 4);
  EXPECT_EQ(f.hour_of_week_rows(24), 6);
  ASSERT_EQ(f.weeks_size(), 2);
  EXPECT_EQ(f.weeks(0).rows(), 5);
  EXPECT_EQ(f.weeks(0).new_items(), 2);
  EXPECT_EQ(f.weeks(1).users(), 4);
  EXPECT_EQ(f.weeks(1).new_users(), 2);
  EXPECT_EQ(f.gaps().seconds().count(), 6);
  EXPECT_EQ(f.sessions().count(), 7);
  EXPECT_FALSE(f.sessions().is_told());
  ASSERT_EQ(f.timelines_size(), 3);
  EXPECT_EQ(f.timelines(0).user_id(), "u1");
  EXPECT_EQ(f.timelines(0).times_ms_size(), 5);
  EXPECT_THAT(f.notes(), IsEmpty());
}

TEST(Figures, AreThoseOfTheRowsInOrderOfTimeHoweverTheyCome) {
  std::vector<Row> rows = RandomRows(3000, 60, 200);
  Counted ordered(rows);
  std::shuffle(rows.begin(), rows.end(), std::mt19937_64(1));
  Counted shuffled(rows);
  v1::Figures a = ordered.Figures();
  v1::Figures b = shuffled.Figures();
  EXPECT_EQ(a.gaps().SerializeAsString(), b.gaps().SerializeAsString());
  EXPECT_EQ(a.sessions().SerializeAsString(), b.sessions().SerializeAsString());
  EXPECT_EQ(a.users().only_in_last_fifth(), b.users().only_in_last_fifth());
  EXPECT_EQ(a.items().in_last_fifth(), b.items().in_last_fifth());
  for (int i = 0; i < a.weeks_size(); ++i) {
    EXPECT_EQ(a.weeks(i).SerializeAsString(), b.weeks(i).SerializeAsString());
  }
}

TEST(Figures, LeaveOutWhatNeedsAnOrderOfMoreRowsThanAreKept) {
  std::vector<Row> rows = RandomRows(300, 60, 200);
  EXPECT_TRUE(Counted(rows, 1000, 100).times.Finish()) << "they are in order";
  std::swap(rows[3], rows[290]);
  EXPECT_FALSE(Counted(rows, 1000, 100).times.Finish());
  rows[5].time = kNoTime;
  EXPECT_FALSE(Counted(rows).times.Finish());
}

TEST(Figures, TakeSessionsAsTheDataTellThem) {
  Counted counted({{"u1", "i1", 500, kMonday, "", 4},
                   {"u2", "i1", 500, kMonday, "", 9},
                   {"u1", "i2", 500, kMonday + 4'000'000, "", 4}});
  const v1::Figures f = counted.Figures();
  EXPECT_TRUE(f.sessions().is_told());
  EXPECT_EQ(f.sessions().count(), 2);
  EXPECT_DOUBLE_EQ(f.sessions().mean_rows(), 1.5);
  EXPECT_DOUBLE_EQ(f.sessions().mean_seconds(), 2000);
}

TEST(States, OfPartsMergeIntoThatOfTheWhole) {
  const std::vector<Row> rows = RandomRows(4000, 300, 900);
  std::vector<Row> even;
  std::vector<Row> odd;
  for (size_t i = 0; i < rows.size(); ++i) (i / 64 % 2 == 0 ? even : odd).push_back(rows[i]);
  const v1::StatisticsState whole = Counted(rows).counts.State(300, 900);
  RowCounts merged;
  EXPECT_EQ(merged.Merge(Counted(odd).counts.State(300, 900)), "");
  EXPECT_EQ(merged.Merge(Counted(even).counts.State(300, 900)), "");
  EXPECT_EQ(merged.State(300, 900).DebugString(), whole.DebugString());

  RowCounts again;
  EXPECT_EQ(again.Merge(whole), "");
  const KnownWorld world{300, 900, nullptr};
  EXPECT_EQ(DeriveStatistics(again, world).SerializeAsString(),
            DeriveStatistics(Counted(rows).counts, world).SerializeAsString());
  v1::Figures of_rows = Counted(rows).Figures();
  v1::Figures of_state = DeriveFigures(again, nullptr, KnownWorld());
  EXPECT_EQ(of_state.users().gini(), of_rows.users().gini());
  EXPECT_EQ(of_state.clusters_size(), 9);
  EXPECT_EQ(of_state.cluster_category_rows_size(), of_rows.cluster_category_rows_size());
  EXPECT_TRUE(of_state.pairs().is_estimate());
  EXPECT_NEAR(static_cast<double>(of_state.pairs().distinct()),
              static_cast<double>(of_rows.pairs().distinct()),
              0.04 * static_cast<double>(of_rows.pairs().distinct()));
  EXPECT_FALSE(of_state.has_gaps());
  EXPECT_THAT(of_state.notes(), ElementsAre(HasSubstr("merged of states")));
}

TEST(States, WithoutWhatFiguresNeedMergeIntoOneWithout) {
  const v1::StatisticsState whole = Counted(RandomRows(100, 5, 9)).counts.State(0, 0);
  v1::StatisticsState basic = whole;
  basic.clear_figures();
  RowCounts merged;
  EXPECT_EQ(merged.Merge(whole), "");
  EXPECT_FALSE(merged.has_no_figures);
  EXPECT_EQ(merged.Merge(basic), "");
  EXPECT_TRUE(merged.has_no_figures);
  EXPECT_FALSE(merged.State(0, 0).has_figures());
}

TEST(States, ThatCannotBeAreRefused) {
  const v1::StatisticsState whole = Counted(RandomRows(100, 5, 9)).counts.State(0, 0);
  const auto refused = [&](const std::function<void(v1::StatisticsState*)>& spoil) {
    v1::StatisticsState state = whole;
    spoil(&state);
    return RowCounts().Merge(state);
  };
  EXPECT_THAT(refused([](auto* s) { s->clear_item_rows(); }), HasSubstr("cut short"));
  EXPECT_THAT(refused([](auto* s) { s->mutable_user_rows(0)->set_rows(0, -5); }),
              HasSubstr("cut short"));
  EXPECT_THAT(refused([](auto* s) { s->mutable_ratings(0)->set_rows(101); }),
              HasSubstr("more ratings"));
  EXPECT_THAT(refused([](auto* s) { s->mutable_figures()->set_pair_sketch("abc"); }),
              HasSubstr("pair_sketch"));
  EXPECT_THAT(refused([](auto* s) { s->mutable_figures()->mutable_users()->add_label(0); }),
              HasSubstr("not those of its users"));
  EXPECT_THAT(refused([](auto* s) { s->mutable_figures()->clear_hour_of_week_rows(); }),
              HasSubstr("168"));
}

}  // namespace
}  // namespace throng
