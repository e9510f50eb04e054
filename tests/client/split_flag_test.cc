#include "client/split_flag.h"

#include <gtest/gtest.h>

#include <string>

#include "client/spec_flags.h"

namespace throng {
namespace {

// "train 0-0.8, test 0.8-1"
std::string Parsed(std::string_view text) {
  const auto splits = ParseSplits(text);
  if (!splits.ok()) return std::string(splits.status().message());
  std::string ranges;
  for (const Split& split : *splits) {
    ranges += (ranges.empty() ? "" : ", ") + split.name + " " + split.from + "-" + split.to;
  }
  return ranges;
}

// What a command with --split and --to makes of them.
std::string Made(const std::string& split, const std::vector<std::string>& outputs) {
  SpecFlags flags;
  flags.split = split;
  flags.outputs = outputs;
  const MadeSource made = MakeSource(flags, "", {std::string(kDefaultOutput)});
  std::string text;
  for (const std::string& mistake : made.mistakes) text += mistake + "\n";
  return text.empty() ? made.source.layers(0).text() : text;
}

TEST(SplitFlag, EachSplitBeginsWhereTheOneBeforeItEnds) {
  EXPECT_EQ(Parsed("train=0.8,validation=0.1,test=0.1"),
            "train 0-0.8, validation 0.8-0.9, test 0.9-1");
  EXPECT_EQ(Parsed("a=.333333333,b=.333333333,c_2=0.333333334"),
            "a 0-0.333333333, b 0.333333333-0.666666666, c_2 0.666666666-1");
  EXPECT_EQ(Parsed("all=1"), "all 0-1");
}

TEST(SplitFlag, SharesAddUpToOne) {
  EXPECT_EQ(
      Parsed("train=0.8,test=0.1"),
      "--split train=0.8,test=0.1: the shares add up to 0.9, so that 0.1 of the rows would be "
      "in no split; give them to one of the splits, or to one more, as rest=0.1.");
  EXPECT_EQ(Parsed("train=0.8,test=0.25"),
            "--split train=0.8,test=0.25: the shares add up to 1.05, and to more than 1; take 0.05 "
            "away from them.");
}

TEST(SplitFlag, WhatIsNoSplitIsNamed) {
  for (const std::string pair : {"", "train", "train=", "=0.2", "Train=0.2", "2nd=0.2", "a-b=0.2",
                                 "train=0", "train=80%", "train=1.5", "train=0.1234567891",
                                 "train=.", "train=1e-1", "train=-0.2", "tr{split}=0.2"}) {
    EXPECT_EQ(
        Parsed("test=0.2," + pair),
        "--split test=0.2," + pair + ": \"" + pair +
            "\" is no split; write NAME=SHARE, a name of lower-case letters, digits and _ and "
            "a share above 0 with at most 9 decimals, as train=0.8,validation=0.1,test=0.1.");
  }
  EXPECT_EQ(Parsed("a=0.5,a=0.5"),
            "--split a=0.5,a=0.5: two splits are named a; give each a name of its own.");
}

TEST(SplitFlag, AnOutputBecomesOneOfEachSplit) {
  EXPECT_EQ(Made("train=0.8,test=0.2", {"csv:{split}/{split}.csv?format.compression=gzip"}),
            R"({"outputs": [{"format": {"component": "csv", "options": {"compression": "gzip"}}, )"
            R"("sink": {"component": "file", "options": {"path": "train/train.csv"}}, )"
            R"("name": "csv-train", "share": {"from": "0", "to": "0.8"}}, )"
            R"({"format": {"component": "csv", "options": {"compression": "gzip"}}, )"
            R"("sink": {"component": "file", "options": {"path": "test/test.csv"}}, )"
            R"("name": "csv-test", "share": {"from": "0.8", "to": "1"}}]})");
  EXPECT_EQ(Made("all=1", {"kafka://b:9092/rows-{split}"}),
            R"({"outputs": [{"format": {"component": "json"}, "sink": {"component": "kafka", )"
            R"("options": {"bootstrap_servers": "b:9092", "topic": "rows-all", )"
            R"("if_recreated": "start_over"}}, "name": "kafka-all", )"
            R"("share": {"from": "0", "to": "1"}}]})");
}

TEST(SplitFlag, OutputsOfOneFormatHaveNamesOfTheirOwn) {
  const std::string made = Made("all=1", {"csv:a-{split}.csv", "csv:b-{split}.csv"});
  EXPECT_NE(made.find(R"("name": "csv-all")"), std::string::npos) << made;
  EXPECT_NE(made.find(R"("name": "csv-all-2")"), std::string::npos) << made;
}

TEST(SplitFlag, EachOutputNamesTheSplitInItsPlace) {
  for (const std::string to : {"csv:a.csv", "csv:-", "-", "kafka://{split}:9092/rows",
                               "csv:a.csv?format.compression={split}"}) {
    EXPECT_EQ(
        Made("train=0.8,test=0.2", {to, "csv:{split}.csv"}),
        "--to " + to +
            ": with --split each split needs a place of its own; put {split} into the path or "
            "the topic, as csv:out/{split}.csv or "
            "kafka://localhost:9092/interactions-{split}.\n");
  }
}

TEST(SplitFlag, SplitsOutputsOfTheCommandLineOnly) {
  EXPECT_EQ(Made("train=0.8,test=0.2", {}),
            "--split train=0.8,test=0.2: it splits the outputs of --to; add one, as --to "
            "'csv:out/{split}.csv'. Outputs of a file are split there, each by a `share` of its "
            "own.\n");
  SpecFlags flags;
  flags.outputs = {"csv:{split}.csv"};
  EXPECT_EQ(
      MakeSource(flags, "", {}).mistakes,
      std::vector<std::string>{"--to csv:{split}.csv: {split} stands for the name of a split; "
                               "add --split, as --split train=0.8,test=0.2, or take it out."});
}

TEST(SplitFlag, AMistakeInItIsTheOnlyOneOfTheOutputs) {
  EXPECT_EQ(Made("train=0.8", {"csv:{split}.csv"}),
            "--split train=0.8: the shares add up to 0.8, so that 0.2 of the rows would be in no "
            "split; give them to one of the splits, or to one more, as rest=0.2.\n");
}

}  // namespace
}  // namespace throng
