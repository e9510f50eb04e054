// Columns that a behaviour has beyond those of its role, in files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "tests/delivery/run_fixture.h"

namespace throng {
namespace {

using testing::HasSubstr;

class FurtherColumnsTest : public RunTest {
 protected:
  // The lines of a file of some columns of a table, by words between commas.
  std::vector<std::vector<std::string>> Lines(const std::string& output,
                                              const std::string& run = "",
                                              const std::string& dataset = "") {
    const fs::path path = folder_ / (std::to_string(++files_) + ".csv");
    const auto done = Execute(Spec(path, output, run, dataset));
    EXPECT_EQ(done->outputs()[0]->progress().state, OutputState::kSucceeded)
        << done->outputs()[0]->progress().reason;
    std::vector<std::vector<std::string>> lines;
    std::istringstream text(Content(path));
    for (std::string line; std::getline(text, line);) {
      std::vector<std::string>& words = lines.emplace_back();
      std::istringstream stream(line + ",");
      for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
    }
    return lines;
  }
  static std::string Spec(const fs::path& path, const std::string& output, const std::string& run,
                          const std::string& dataset) {
    return "dataset: {size: quick, seed: 5, interactions: 9000, choice: {component: niches" +
           dataset + "}}\n" + run + "outputs: [{format: {component: csv}, " + output +
           ", sink: {component: file, options: {path: " + path.string() + "}}}]\n";
  }

  int files_ = 0;
};

TEST_F(FurtherColumnsTest, StandBesideTheOthersAndAgreeWithTheSideTable) {
  auto items = Lines("table: items, columns: [item_id, choice.niche]");
  ASSERT_GT(items.size(), 1U);
  EXPECT_EQ(items[0], (std::vector<std::string>{"item_id", "niche"}));
  std::map<std::string, std::string> niche;
  for (const auto& line : items) niche[line[0]] = line[1];

  const auto rows = Lines("columns: [{column: choice.wanted, name: w}, item_id, choice.niche]");
  ASSERT_EQ(rows.size(), 9001U);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"w", "item_id", "niche"}));
  int absent = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i][2], niche[rows[i][1]]) << i;
    absent += rows[i][0].empty() ? 1 : 0;
  }
  EXPECT_NEAR(absent, 2250, 200);
  EXPECT_EQ(
      Lines("columns: [{column: choice.wanted, name: w}, item_id, choice.niche]", "threads: 3\n"),
      rows);
}

TEST_F(FurtherColumnsTest, AreThereTwiceIfTheyAreAskedForTwice) {
  const auto rows = Lines("columns: [choice.niche, item_id, {column: choice.niche, name: again}]");
  ASSERT_EQ(rows.size(), 9001U);
  EXPECT_EQ(rows[0][2], "again");
  int folk = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i][0], rows[i][2]) << i;
    folk += rows[i][0] == "folk" ? 1 : 0;
  }
  EXPECT_NEAR(folk, 3000, 300);
}

TEST_F(FurtherColumnsTest, GoThroughBlocksAndTheirSort) {
  const auto by = [&](const std::string& clock, const std::string& run) {
    return Lines("columns: [item_id, choice.niche]", run, "}, clock: {component: " + clock);
  };
  const auto sorted = by("by_user", "threads: 1\n");
  EXPECT_EQ(by("by_user", "threads: 3\n"), sorted);
  std::map<std::string, std::string> niche;
  for (const auto& line : sorted) {
    EXPECT_EQ(niche.emplace(line[0], line[1]).first->second, line[1]);
  }
}

TEST_F(FurtherColumnsTest, RatingsThatNoRowGotAreAbsent) {
  const std::string seldom = "}, rating: {component: seldom";
  const auto rows = Lines("columns: [item_id, rating, choice.niche]", "", seldom);
  ASSERT_EQ(rows.size(), 9001U);
  const std::map<std::string, std::string> stars = {
      {"jazz", "2.0"}, {"folk", "3.0"}, {"metal", "4.0"}};
  int absent = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    absent += rows[i][1].empty() ? 1 : 0;
    if (rows[i][1].empty()) continue;
    ASSERT_EQ(rows[i][1], stars.at(rows[i][2])) << i;
  }
  EXPECT_NEAR(absent, 6750, 200);

  const fs::path path = folder_ / "rows.jsonl";
  std::string spec = Spec(path, "columns: [rating]", "", seldom);
  spec.replace(spec.find("csv"), 3, "json");
  const auto done = Execute(spec);
  std::istringstream text(Content(path));
  size_t row = 0;
  for (std::string line; std::getline(text, line);) {
    const std::string& rating = rows.at(++row)[1];
    ASSERT_EQ(line, "{\"rating\": " + (rating.empty() ? "null" : rating) + "}");
  }
  EXPECT_EQ(row, 9000U);

  const auto statistics = done->outputs()[0]->statistics();
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->total_interactions(), 9000);
  ASSERT_EQ(statistics->rating_distribution_size(), 3);
  int64_t rated = 0;
  for (const auto& line : statistics->rating_distribution()) rated += line.interactions();
  EXPECT_EQ(rated, 9000 - absent);
}

// Of the first row in Protobuf: the tag is that of the column, wherever it stands and whatever it
// is named.
TEST_F(FurtherColumnsTest, AColumnHasItsNumberWhateverElseIsChosen) {
  const auto message = [&](const std::string& table, const std::string& columns) {
    const auto done = Execute(
        "dataset: {size: quick, seed: 5, interactions: 9000, choice: {component: niches}}\n"
        "outputs: [{format: {component: protobuf}, table: " +
        table + ", columns: " + columns +
        ", sink: {component: mailbox, options: {path: " + (folder_ / "m").string() + "}}}]\n");
    EXPECT_EQ(done->outputs()[0]->progress().state, OutputState::kSucceeded)
        << done->outputs()[0]->progress().reason;
    const std::string text = Content(folder_ / "m");
    const size_t value = text.find('|') + 1;
    return text.substr(value, text.find('|', value) - value);
  };
  // Texts: a tag, one byte of size, and what is no tag.
  const auto follow = [](const std::vector<std::string>& tags) {
    std::string pattern;
    for (const std::string& tag : tags) pattern += tag + "[\x01-\x1f][a-z_]+[0-9]*";
    return testing::MatchesRegex(pattern);
  };
  const std::string first = "\x0a";
  const std::string second = "\x12";
  const std::string sixth = "2";
  const std::string niche = "\xf2\xc9\xd8\x62";
  EXPECT_THAT(message("interactions", "[user_id, item_id]"), follow({first, second}));
  EXPECT_THAT(message("interactions", "[item_id, user_id]"), follow({second, first}));
  EXPECT_THAT(message("interactions", "[{column: item_id, name: a}, {column: user_id, name: b}]"),
              follow({second, first}));
  EXPECT_THAT(message("interactions", "[choice.niche, {column: kind, name: a}, user_id]"),
              follow({niche, sixth, first}));
  EXPECT_THAT(message("interactions", "[user_id, {column: choice.niche, name: kind}]"),
              follow({first, niche}));
  EXPECT_THAT(message("items", "[choice.niche, category, item_id]"),
              follow({niche, second, first}));
}

TEST_F(FurtherColumnsTest, WhatIsNotThereIsNamed) {
  Problems problems;
  EXPECT_EQ(Make(Spec(folder_ / "x.csv", "columns: [item_id, choice.nich, rating.mood]", "", ""),
                 &problems),
            nullptr);
  EXPECT_THAT(ToString(problems),
              HasSubstr("outputs[0].columns[1].column: The dataset's choice has no further column "
                        "\"nich\" of this table."));
  EXPECT_THAT(ToString(problems), HasSubstr("choice.niche"));
  EXPECT_THAT(ToString(problems), HasSubstr("outputs[0].columns[2].column: The dataset's rating"));
}

TEST_F(FurtherColumnsTest, ALabelThatIsNotThereIsTheBehavioursFault) {
  const auto done = Execute(
      Spec(folder_ / "x.csv", "columns: [item_id, choice.niche]", "", ", options: {breaks: true}"));
  EXPECT_THAT(
      done->outputs()[0]->progress().reason,
      HasSubstr("choice `niches` filled its column niche with a value that it cannot hold"));
}

}  // namespace
}  // namespace throng
