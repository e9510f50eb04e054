// Figures and checklists as people read them.
#include "client/figures_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace throng {
namespace {

using testing::HasSubstr;
using testing::Not;

void SetSpread(int64_t total, int64_t with_rows, v1::Spread* spread) {
  spread->set_total(total);
  spread->set_with_rows(with_rows);
  spread->mutable_rows()->set_p50(23.5);
  spread->mutable_rows()->set_greatest(1255);
  spread->set_top_fifth_share(0.8);
  spread->set_bottom_half_share(0.034);
  spread->set_gini(0.743);
}

TEST(FiguresText, IsSmallTablesAndLines) {
  v1::Figures f;
  SetSpread(500, 400, f.mutable_users());
  SetSpread(1000, 950, f.mutable_items());
  f.mutable_users()->set_in_last_fifth(300);
  f.mutable_users()->set_only_in_last_fifth(48);
  f.mutable_pairs()->set_distinct(26'713);
  f.mutable_pairs()->set_density(0.053);
  f.mutable_pairs()->set_repeated_rows_share(0.466);
  f.set_seconds(30 * 86'400);
  for (int i = 0; i < 168; ++i) f.add_hour_of_week_rows(i == 30 ? 800 : i % 24 < 6 ? 0 : 100);
  f.mutable_gaps()->mutable_seconds()->set_count(3);
  f.mutable_gaps()->mutable_seconds()->set_p50(42);
  f.mutable_gaps()->mutable_seconds()->set_p95(5000);
  v1::Group* kind = f.add_kinds();
  kind->set_name("preferred");
  kind->set_share(0.6);
  kind->set_mean_rating(4);
  for (const char* name : {"readers", "others"}) {
    v1::Group* cluster = f.add_clusters();
    cluster->set_name(name);
    cluster->set_members(60);
    cluster->set_rows(100);
    cluster->set_share(0.5);
  }
  for (const char* name : {"books", "home"}) f.add_categories()->set_name(name);
  for (const int64_t rows : {90, 10, 50, 50}) f.add_cluster_category_rows(rows);
  f.add_notes("Timelines are of the first 10 rows.");
  const std::string text = FiguresText(f);
  EXPECT_THAT(text, HasSubstr("with rows               400 of 500  950 of 1000\n"));
  EXPECT_THAT(text, HasSubstr("top 20% have            80%         80%\n"));
  EXPECT_THAT(text, HasSubstr("bottom half has         3.4%        3.4%\n"));
  EXPECT_THAT(text, HasSubstr("only in the last fifth  48 of 300   -\n"));
  EXPECT_THAT(text, HasSubstr("\nPairs     26713 of a user and an item, density 5.3%; 47% of the "
                              "rows repeat one\n"));
  EXPECT_THAT(text, HasSubstr("hours 0 ▁▁▁▁▁▁█"));
  EXPECT_THAT(text, HasSubstr("most at 6; days"));
  EXPECT_THAT(text, HasSubstr("most on Tu\n"));
  EXPECT_THAT(text, HasSubstr("Gaps      median 42 s, 95% below 1.4 h;"));
  EXPECT_THAT(text, HasSubstr("Kinds     preferred 60% (4.00 stars)\n"));
  EXPECT_THAT(text, HasSubstr("readers     60   50%    90%   10%\n"));
  EXPECT_THAT(text, HasSubstr("\nnote: Timelines are of the first 10 rows.\n"));
}

TEST(FiguresText, OfNothingSaysLittle) {
  const std::string text = FiguresText(v1::Figures());
  EXPECT_THAT(text, Not(HasSubstr("nan")));
  EXPECT_THAT(text, Not(HasSubstr("Gaps")));
}

TEST(ChecklistText, SaysWhatToDoAboutWhatFailed) {
  v1::Checklist list;
  const auto add = [&](const char* title, v1::Verdict verdict, const char* figure) {
    v1::Check* check = list.add_checks();
    check->set_id("x");
    check->set_title(title);
    check->set_verdict(verdict);
    check->set_figure(figure);
    check->set_expected("expected of " + std::string(title));
    check->set_reason("Reason of " + std::string(title) + ".");
  };
  add("A", v1::VERDICT_PASS, "5 rows");
  add("B", v1::VERDICT_FAIL, "7 rows");
  add("C", v1::VERDICT_NOT_CHECKED, "");
  list.set_passed(1);
  list.set_failed(1);
  list.set_not_checked(1);
  EXPECT_EQ(ChecklistText(list),
            "Checklist\n"
            "  PASS  A: 5 rows\n"
            "  FAIL  B: 7 rows\n"
            "        expected: expected of B\n"
            "        Reason of B.\n"
            "  -     C\n"
            "        Reason of C.\n"
            "1 passed, 1 failed, 1 not checked.\n");
}

}  // namespace
}  // namespace throng
