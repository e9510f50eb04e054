// What something else made of a crowd: rows in any order, renamed, rounded, lost and doubled.
#include <cstdlib>
#include <random>

#include "tests/inspection/verify_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RowsTest : public VerifyTest {
 protected:
  // Rows of a preset as lines of CSV.
  std::vector<std::string> Rows(const std::string& preset, const std::string& columns = "") {
    dataset_ = "preset: " + preset + ", seed: 11, interactions: 50000";
    Write(Output("{component: csv}", "made.csv", columns), dataset_);
    std::vector<std::string> lines = Lines(Path("made.csv"));
    lines.erase(lines.begin());
    return lines;
  }
  v1::Verification Pipeline(const std::string& header, const std::vector<std::string>& rows,
                            const std::map<std::string, std::string>& columns = {}) {
    std::vector<std::string> lines{header};
    lines.insert(lines.end(), rows.begin(), rows.end());
    WriteLines(Path("came.csv"), lines);
    v1::VerifyRequest request = Request({Path("came.csv")});
    request.set_any_order(true);
    request.mutable_sources(0)->mutable_columns()->insert(columns.begin(), columns.end());
    v1::Verification found = Verified(request, Given("dataset: {" + dataset_ + "}"));
    EXPECT_TRUE(status_.ok()) << status_;
    return found;
  }
  static constexpr char kHeader[] = "user_id,item_id,rating,timestamp";

  std::string dataset_;
};

TEST_F(RowsTest, ShuffledRowsOfEveryPresetAreAllThere) {
  for (const std::string preset : {"shop", "seed", "trace"}) {
    SCOPED_TRACE(preset);
    std::vector<std::string> rows = Rows(preset);
    std::shuffle(rows.begin(), rows.end(), std::mt19937(1));
    const v1::Verification found = Pipeline(kHeader, rows);
    EXPECT_EQ(Summary(found), "");
    EXPECT_EQ(found.expected_rows(), 50'000);
    EXPECT_EQ(found.found_rows(), 50'000);
    EXPECT_GT(found.lateness().rows(0), 1000);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
}

TEST_F(RowsTest, CountsAreExact) {
  const std::vector<std::string> rows = Rows("shop");
  std::vector<std::string> came;
  std::string held;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string row = rows[i];
    if (i % 100 == 3) continue;             // 500 lost
    if (i % 200 == 7) came.push_back(row);  // 250 doubled
    if (i % 1000 == 11) {                   // 50 late, by 5 rows
      held = row;
      continue;
    }
    if (i % 500 == 13) row.replace(row.find("user_"), 5, "user_9999");  // 100 altered users
    if (i % 500 == 17) row.replace(row.find("item_"), 5, "item_9999");  // 100 altered items
    if (i % 1000 == 19) came.emplace_back("user_1,item_1,1.0,2031-05-05T05:05:05Z");  // 50 foreign
    came.push_back(row);
    if (i % 1000 == 16) came.push_back(held);
  }
  const v1::Verification found = Pipeline(kHeader, came);
  EXPECT_EQ(Summary(found),
            "lost 500, doubled 250, altered item_id 100, altered user_id 100, foreign 50");
  EXPECT_THAT(found.lateness().rows(), ElementsAre(0, 0, 0, 5));
}

TEST_F(RowsTest, NamesIdsAndTimesMayBeOthers) {
  std::vector<std::string> came;
  for (const std::string& row : Rows("shop")) {
    const size_t item = row.find(',');
    const size_t rating = row.find(',', item + 1);
    const size_t time = row.find(',', rating + 1);
    std::tm tm{};
    strptime(row.c_str() + time + 1, "%Y-%m-%dT%H:%M:%SZ", &tm);
    came.push_back(std::to_string(timegm(&tm)) + "," + row.substr(5, item - 5) + "," +
                   row.substr(item + 6, rating - item - 6));
  }
  EXPECT_EQ(Summary(Pipeline("ts,userId,itemId", came,
                             {{"timestamp", "ts"}, {"user_id", "userId"}, {"item_id", "itemId"}})),
            "");
}

TEST_F(RowsTest, RoundedRatingsAreAltered) {
  std::vector<std::string> came;
  int64_t rounded = 0;
  for (std::string row : Rows("shop")) {
    const size_t half = row.find(".5,");
    if (half != std::string::npos) {
      row.replace(half, 2, ".0");
      ++rounded;
    }
    came.push_back(row);
  }
  EXPECT_EQ(Summary(Pipeline(kHeader, came)), "altered rating " + std::to_string(rounded));
}

TEST_F(RowsTest, AlteredTimesAreFoundByTheirPair) {
  std::vector<std::string> rows = Rows("shop");
  for (size_t i = 0; i < rows.size(); i += 5000) {
    rows[i].replace(rows[i].rfind(',') + 1, 4, "2030");
  }
  EXPECT_EQ(Summary(Pipeline(kHeader, rows)), "altered timestamp 10");
}

TEST_F(RowsTest, RowsWithTheirNumberNeedNoTime) {
  std::vector<std::string> rows = Rows("trace", ", columns: [interaction_id, user_id, rating]");
  std::reverse(rows.begin(), rows.end());
  rows.erase(rows.begin() + 100);
  rows.push_back(rows.back());
  const v1::Verification found = Pipeline("interaction_id,user_id,rating", rows);
  EXPECT_EQ(Summary(found), "lost 1, doubled 1");
  EXPECT_EQ(First(found).row(), 49'899);
}

TEST_F(RowsTest, RowsWithoutTimeAndNumberAreRefusedWithTheRemedy) {
  const std::vector<std::string> rows = Rows("shop", ", columns: [user_id, item_id]");
  WriteFile("came.csv", "user_id,item_id\n" + rows[0] + "\n");
  v1::VerifyRequest request = Request({Path("came.csv")});
  request.set_any_order(true);
  Verified(request, Given("dataset: {" + dataset_ + "}"));
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("interaction_id"));
}

TEST_F(RowsTest, RowsThatAreEqualCountAsOftenAsTheyAre) {
  // So dense that pairs come again within a second.
  dataset_ =
      "preset: trace, interactions: 20000, world: {users: 5, items: 10},"
      " clock: {component: uniform, options: {window: 1m}}";
  Write(Output("{component: csv}", "made.csv"), dataset_);
  std::vector<std::string> rows = Lines(Path("made.csv"));
  rows.erase(rows.begin());
  EXPECT_EQ(Summary(Pipeline(kHeader, rows)), "");
  std::shuffle(rows.begin(), rows.end(), std::mt19937(3));
  EXPECT_EQ(Summary(Pipeline(kHeader, rows)), "");
  rows.resize(19'000);
  EXPECT_EQ(Summary(Pipeline(kHeader, rows)), "lost 1000");
}

TEST_F(RowsTest, SeveralFilesAreOneCrowd) {
  const std::vector<std::string> rows = Rows("shop");
  std::vector<std::string> halves[2] = {{kHeader}, {kHeader}};
  for (size_t i = 0; i < rows.size(); ++i) halves[i % 2].push_back(rows[i]);
  WriteLines(Path("x.csv"), halves[0]);
  WriteLines(Path("y.csv"), halves[1]);
  v1::VerifyRequest request = Request({Path("x.csv"), Path("y.csv")});
  request.set_any_order(true);
  EXPECT_EQ(Summary(Verified(request, Given("dataset: {" + dataset_ + "}"))), "");
}

}  // namespace
}  // namespace throng
