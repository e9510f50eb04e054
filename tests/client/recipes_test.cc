#include "client/recipes.h"

#include <gtest/gtest.h>

#include <string>

#include "client/spec_flags.h"

namespace throng {
namespace {

// The outputs, a line each; or what is wrong.
std::string Parsed(std::string_view text) {
  const auto outputs = ParseOutputs(text);
  if (!outputs.ok()) return std::string(outputs.status().message());
  std::string lines;
  for (const YamlTree& output : *outputs) lines += JsonText(output) + "\n";
  return lines;
}

TEST(Recipes, AreOutputsWithTheOptionsOfTheirReader) {
  EXPECT_EQ(
      Parsed("movielens:out/u.data?overwrite=true"),
      R"({"format": {"component": "csv", "options": {"delimiter": "tab", "header": "false", )"
      R"("timestamp": "epoch_seconds", "rating_decimals": "fewest", "integer_ids": "true"}}, )"
      R"("sink": {"component": "file", "options": {"path": "out/u.data", )"
      R"("overwrite": "true"}}, "columns": ["user_id", "item_id", "rating", "timestamp"]})"
      "\n");
  EXPECT_EQ(Parsed("libsvm:a.libsvm"),
            R"({"format": {"component": "libsvm"}, "sink": {"component": "file", "options": )"
            R"({"path": "a.libsvm"}}, "columns": ["rating", "user_id", "item_id"]})"
            "\n");
}

TEST(Recipes, OptionsThatAreGivenAreStronger) {
  EXPECT_EQ(
      Parsed("surprise:-?format.timestamp=iso"),
      R"({"format": {"component": "csv", "options": {"timestamp": "iso", "header": "false"}}, )"
      R"("sink": {"component": "stdout"}, )"
      R"("columns": ["user_id", "item_id", "rating", "timestamp"]})"
      "\n");
}

TEST(Recipes, AFolderHasFilesOfItsName) {
  const std::string text = Parsed("recbole:out/people/");
  for (const char* const path :
       {"out/people/people.inter", "out/people/people.user", "out/people/people.item"}) {
    EXPECT_NE(text.find(path), std::string::npos) << text;
  }
  EXPECT_EQ(Parsed("recbole:people").find("people/people.inter") != std::string::npos, true);
  for (const char* const nameless : {"recbole:-", "recbole:.", "recbole:/", "recbole:"}) {
    EXPECT_EQ(Parsed(nameless), std::string("--to ") + nameless +
                                    ": its files are named as the folder they lie in; write "
                                    "recbole:DIR, as recbole:out/people.");
  }
}

TEST(Recipes, WhatIsNoneIsAFormat) {
  EXPECT_EQ(Parsed("csv:movielens:x"),
            R"({"format": {"component": "csv"}, )"
            R"("sink": {"component": "file", "options": {"path": "movielens:x"}}})"
            "\n");
  EXPECT_FALSE(WantsIntegerIds("movielens"));
  EXPECT_FALSE(WantsIntegerIds("surprise:a.csv"));
  EXPECT_TRUE(WantsIntegerIds("movielens:u.data"));
}

TEST(Recipes, IntegerIdsThatOneWantsAreTheWeakestLayer) {
  SpecFlags flags;
  flags.file = "my.yaml";
  flags.outputs = {"csv:a.csv", "movielens:u.data"};
  const MadeSource made = MakeSource(flags, "dataset: {world: {ids: text}}", {});
  ASSERT_GE(made.source.layers_size(), 2);
  EXPECT_EQ(made.source.layers(0).text(), R"({"dataset": {"world": {"ids": "integer"}}})");
  EXPECT_EQ(made.source.layers(1).name(), "my.yaml");
}

TEST(Recipes, AreSplitButForTheirSideTables) {
  SpecFlags flags;
  flags.split = "train=0.8,test=0.2";
  flags.outputs = {"recbole:out/{split}"};
  const MadeSource made = MakeSource(flags, "", {});
  ASSERT_EQ(made.mistakes.size(), 0U);
  const std::string text = made.source.layers(0).text();
  size_t shares = 0;
  for (size_t at = text.find("\"share\""); at != std::string::npos;
       at = text.find("\"share\"", at + 1)) {
    ++shares;
  }
  EXPECT_EQ(shares, 2U);
  for (const char* const part :
       {"out/train/train.inter", "out/test/test.item", "\"csv-train-3\""}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace throng
