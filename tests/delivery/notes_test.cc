// Notes of cuts, by a format whose footer is made of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/delivery/run_fixture.h"

namespace throng {
namespace {

class NotesTest : public RunTest {
 protected:
  std::string SpecFor(const std::string& sink, const std::string& name, const std::string& output,
                      const std::string& options = "", const std::string& run = "") const {
    return run + "dataset: {seed: 5, interactions: 50000}\noutputs:\n" +
           "- {format: {component: footed}, commit_rows: 4096" + output +
           ",\n   sink: {component: " + sink + ", options: {path: '" + (folder_ / name).string() +
           "'" + options + "}}}\n";
  }
  std::string Whole() {
    const auto run = Execute(SpecFor("file", "whole", ""));
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
        << run->outputs()[0]->progress().reason;
    return Content(folder_ / "whole");
  }
};

struct Cut {
  size_t offset = 0;
  size_t size = 0;
  int64_t rows = 0;
  std::string note;
};

// What a footer says, after it was seen to be where it says.
std::vector<Cut> FooterOf(const std::string& file) {
  const size_t end = file.rfind("bytes ");
  const size_t footer = std::stoul(file.substr(end + 6));
  EXPECT_EQ(file.substr(0, 6), "begin\n");
  std::istringstream lines(file.substr(footer, end - footer));
  std::vector<Cut> cuts;
  size_t next = 6;
  Cut cut;
  for (std::string word; lines >> word >> cut.offset >> cut.size >> cut.rows >> cut.note;) {
    EXPECT_EQ(word, "cut");
    EXPECT_EQ(cut.offset, next);
    const std::string bytes = file.substr(cut.offset, cut.size);
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\n'), cut.rows);
    EXPECT_TRUE(bytes.ends_with("\n" + cut.note + "\n"));
    next += cut.size;
    cuts.push_back(cut);
  }
  EXPECT_EQ(next, footer);
  return cuts;
}

TEST_F(NotesTest, EndIsToldOfEachCut) {
  const std::vector<Cut> cuts = FooterOf(Whole());
  ASSERT_EQ(cuts.size(), 13U);
  for (size_t i = 0; i < cuts.size(); ++i) EXPECT_EQ(cuts[i].rows, i < 12 ? 4096 : 848);
}

TEST_F(NotesTest, TheyOutliveTheProcess) {
  const std::string whole = Whole();
  for (const std::string sink : {"file", "heedless"}) {
    const std::string name = sink + "-again";
    ExecuteSome(SpecFor(sink, name, "", "", "pace: {rate: 30000}\n"), 8192);
    if (sink == "heedless") std::ofstream(folder_ / name, std::ios::app) << "not committed";
    ExecuteSome(SpecFor(sink, name, "", "", "pace: {rate: 30000}\n"), 20480);
    const auto run = Execute(SpecFor(sink, name, ""));
    ASSERT_NE(run, nullptr);
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
        << run->outputs()[0]->progress().reason;
    EXPECT_TRUE(Content(folder_ / name) == whole) << sink;
  }
}

TEST_F(NotesTest, WhatASinkLosesTheyLoseToo) {
  const std::string whole = Whole();
  for (const std::string trouble : {", abort_writes: 5", ", abort_commits: 3",
                                    ", abort_writes: 4, abort_commits: 3, busy_calls: 9"}) {
    const auto run = Execute(SpecFor("flaky", "flaky", "", trouble));
    ASSERT_NE(run, nullptr);
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
    EXPECT_TRUE(Content(folder_ / "flaky") == whole) << trouble;
  }
}

TEST_F(NotesTest, APartHasThoseOfItsOwnCuts) {
  const auto spec = [&](const std::string& name, const std::string& run) {
    return SpecFor("heedless", name + "-{part}", ", roll_rows: 15000", "", run);
  };
  ASSERT_NE(Execute(spec("whole", "")), nullptr);
  ExecuteSome(spec("again", "pace: {rate: 30000}\n"), 20480);
  ASSERT_NE(Execute(spec("again", "")), nullptr);
  for (const std::string part : {"0", "1", "2", "3"}) {
    const std::string whole = Content(folder_ / ("whole-" + part));
    EXPECT_TRUE(Content(folder_ / ("again-" + part)) == whole) << part;
    int64_t rows = 0;
    for (const Cut& cut : FooterOf(whole)) rows += cut.rows;
    EXPECT_EQ(rows, part == "3" ? 5000 : 15'000);
  }
}

TEST_F(NotesTest, ANoteIsNotTooLong) {
  const auto with = [&](int bytes) {
    std::string spec = SpecFor("file", std::to_string(bytes), "");
    const std::string plain = "component: footed";
    spec.replace(spec.find(plain), plain.size(),
                 plain + ", options: {note_bytes: " + std::to_string(bytes) + "}");
    return Execute(spec)->outputs()[0]->progress();
  };
  EXPECT_EQ(with(65536).state, OutputState::kSucceeded);
  const OutputProgress refused = with(65537);  // by what tells its records from others'
  EXPECT_EQ(refused.state, OutputState::kFailed);
  EXPECT_EQ(refused.reason,
            "format `footed` gave a note of 65537 bytes with rows 0 to 15; 65536 are allowed.");
}

}  // namespace
}  // namespace throng
