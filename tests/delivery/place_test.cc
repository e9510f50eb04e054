#include "server/delivery/place.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/control/status.h"
#include "tests/delivery/run_fixture.h"

namespace throng {
namespace {

using testing::HasSubstr;

class PlaceTest : public RunTest {
 protected:
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  // 20 000 rows of CSV.
  static std::string SpecFor(const std::string& sink, const std::string& path, int seed = 5) {
    return "dataset: {seed: " + std::to_string(seed) +
           ", interactions: 20000}\n"
           "outputs:\n"
           "- {format: {component: csv}, commit_rows: 500,\n"
           "   sink: {component: " +
           sink + ", options: {path: '" + path + "'}}}\n";
  }

  // How the run fails to open.
  std::string Refusal(const std::string& spec) {
    Problems problems;
    const auto run = Make(spec, &problems);
    EXPECT_NE(run, nullptr) << ToString(problems);
    return run == nullptr ? "" : MessageOf(run->Open(std::chrono::seconds(1)));
  }
};

TEST_F(PlaceTest, AnotherOutputIsRefusedWhateverTheSinkThinksOfIt) {
  for (const std::string sink : {"heedless", "blind"}) {
    const std::string path = Path(sink);
    const std::string sentence = fmt::format(
        "output {}: {} holds another output, not this dataset in this form; choose another place, "
        "or delete what is there.",
        sink, path);
    ExecuteSome("pace: {rate: 20000}\n" + SpecFor(sink, path), 500);
    const std::string unfinished = Content(path);
    EXPECT_EQ(Refusal(SpecFor(sink, path, 99)), sentence);
    EXPECT_EQ(Content(path), unfinished);

    const auto run = Execute(SpecFor(sink, path));
    EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded);
    const std::string finished = Content(path);
    EXPECT_EQ(Refusal(SpecFor(sink, path, 99)), sentence);
    EXPECT_EQ(Content(path), finished);
  }
}

TEST_F(PlaceTest, ItIsSaidWhereOnlyTheNumberOfRowsMakesItAnotherOutput) {
  const std::string path = Path("heedless");
  std::string spec = SpecFor("heedless", path);
  Execute(spec);
  const size_t rows = spec.find("interactions: 20000");
  ASSERT_NE(rows, std::string::npos) << spec;
  spec.replace(rows, std::string("interactions: 20000").size(), "interactions: 30000");
  EXPECT_THAT(Refusal(spec), HasSubstr("Or set dataset.plan_size to 20000, as it is there."));
  spec.insert(rows, "plan_size: 20000, ");
  EXPECT_THAT(Refusal(spec), testing::Not(HasSubstr("another output")));
}

TEST_F(PlaceTest, WhatIsCompleteStaysSoWhereTheSinkCannotGoOn) {
  const std::string path = Path("heedless");
  std::string spec = SpecFor("heedless", path);
  spec.replace(spec.find("interactions: 20000"), std::string("interactions: 20000").size(),
               "plan_size: 20000, interactions: 20000");
  Execute(spec);
  const std::string finished = Content(path);
  spec.replace(spec.find("interactions: 20000"), std::string("interactions: 20000").size(),
               "interactions: 30000");
  const auto run = Execute(spec);
  EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kFailed);
  EXPECT_EQ(run->outputs()[0]->progress().reason,
            "output `heedless`: " + path +
                " is complete with 20000 rows; 30000 are asked for now. The sink `heedless` does "
                "not go on with what it finished: choose another place, or delete this one.");
  EXPECT_EQ(Content(path), finished);
}

TEST_F(PlaceTest, NothingOfAnotherOutputIsDroppedWhereTheSinkPeeks) {
  const std::string path = Path("heedless");
  ExecuteSome("pace: {rate: 20000}\n" + SpecFor("heedless", path), 500);
  std::ofstream(path, std::ios::app) << "on its way to be committed";
  const std::string found = Content(path);
  EXPECT_THAT(Refusal(SpecFor("heedless", path, 99)), HasSubstr("holds another output"));
  EXPECT_EQ(Content(path), found);
}

TEST_F(PlaceTest, ThePositionOfAnotherOutputIsNeitherToldNorReset) {
  const std::string path = Path("heedless");
  ASSERT_NE(Execute(SpecFor("heedless", path)), nullptr);
  const std::string found = Content(path);
  Problems problems;
  const auto other = Make(SpecFor("heedless", path, 99), &problems);
  ASSERT_NE(other, nullptr) << ToString(problems);
  Output& output = *other->outputs()[0];
  EXPECT_THAT(MessageOf(output.Peek(other->Uid()).status()), HasSubstr("holds another output"));
  EXPECT_THAT(MessageOf(output.Reset(other->Uid())), HasSubstr("holds another output"));
  EXPECT_EQ(Content(path), found);

  const auto own = Make(SpecFor("heedless", path), &problems);
  ASSERT_NE(own, nullptr) << ToString(problems);
  EXPECT_TRUE(own->outputs()[0]->Peek(own->Uid())->is_complete);
  EXPECT_TRUE(own->outputs()[0]->Reset(own->Uid()).ok());
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(PlaceTest, AnyFileSinkHasPartsAndSlicesOfItsOwn) {
  const auto spec = [&](const std::string& sink, int index, const std::string& more) {
    return "dataset: {seed: 5, interactions: 20000}\n"
           "slice: {index: " +
           std::to_string(index) +
           ", count: 2}\n"
           "outputs:\n"
           "- {format: {component: csv}, commit_rows: 500" +
           more + ",\n   sink: {component: " + sink + ", options: {path: '" +
           Path(sink + "/{slice}/rows-{slice}" + (more.empty() ? "" : "-{part}") + ".csv") +
           "'}}}\n";
  };
  for (const std::string sink : {"file", "heedless"}) {
    for (const int index : {0, 1}) {
      fs::create_directories(Path(sink + "/" + std::to_string(index) + "-of-2"));
      ASSERT_NE(Execute(spec(sink, index, "")), nullptr);
      ExecuteSome("pace: {rate: 50000}\n" + spec(sink, index, ", roll_rows: 4000"), 5000);
      const auto run = Execute(spec(sink, index, ", roll_rows: 4000"));
      ASSERT_NE(run, nullptr);
      EXPECT_EQ(run->outputs()[0]->progress().state, OutputState::kSucceeded)
          << run->outputs()[0]->progress().reason;
      if (sink != "file") continue;  // the other one does not say which option names its place
      const std::string slice = std::to_string(index) + "-of-2";
      EXPECT_EQ(run->outputs()[0]->place(),
                Path("file/" + slice + "/rows-" + slice + "-{part}.csv"));
    }
  }
  for (const std::string name :
       {"0-of-2/rows-0-of-2", "0-of-2/rows-0-of-2-0", "0-of-2/rows-0-of-2-1",
        "0-of-2/rows-0-of-2-2", "1-of-2/rows-1-of-2", "1-of-2/rows-1-of-2-2"}) {
    const std::string expected = Content(Path("file/" + name + ".csv"));
    EXPECT_FALSE(expected.empty()) << name;
    EXPECT_TRUE(Content(Path("heedless/" + name + ".csv")) == expected) << name;
  }
  EXPECT_FALSE(fs::exists(Path("heedless/0-of-2/rows-0-of-2-3.csv")));
}

TEST_F(PlaceTest, APartBelongsToARolledOutputAndToNoOther) {
  const auto mistakes = [&](const std::string& path, const std::string& more) {
    Problems problems;
    EXPECT_EQ(Make("dataset: {interactions: 20000}\noutputs:\n- {format: {component: csv}" + more +
                       ", sink: {component: heedless, options: {path: '" + path + "'}}}\n",
                   &problems),
              nullptr);
    return ToString(problems);
  };
  EXPECT_THAT(mistakes(Path("{part}.csv"), ""),
              HasSubstr("outputs[0].sink.options.path: {part} stands for the number of a part, and "
                        "this output has none"));
  EXPECT_THAT(mistakes(Path("a.csv"), ", roll_rows: 4000"),
              HasSubstr("outputs[0].sink.options.path: Each part needs a name of its own"));
}

TEST_F(PlaceTest, RootsHoldForThePathThatIsWritten) {
  const std::string spec =
      "dataset: {interactions: 20000}\n"
      "slice: {index: 1, count: 2}\n"
      "outputs:\n"
      "- {format: {component: csv}, roll_rows: 4000,\n"
      "   sink: {component: heedless, options: {path: '" +
      Path("in/{slice}/{part}/a.csv") + "'}}}\n";
  fs::create_directories(Path("in/1-of-2/0"));
  fs::create_directories(Path("out"));
  environment_.output_roots = {Path("in")};
  fs::create_symlink(Path("out"), Path("in/1-of-2/1"));  // seen once it is the next part's turn
  const auto run = Execute(spec);
  ASSERT_NE(run, nullptr);
  const OutputProgress progress = run->outputs()[0]->progress();
  EXPECT_EQ(progress.state, OutputState::kFailed);
  EXPECT_EQ(progress.reason, Path("in/1-of-2/1/a.csv") + " lies outside the output roots (" +
                                 Path("in") + "); choose a path below one of them.");
  EXPECT_TRUE(fs::is_empty(Path("out")));

  fs::remove(Path("in/1-of-2/1"));
  fs::remove_all(Path("in/1-of-2"));
  fs::create_symlink(Path("out"), Path("in/1-of-2"));  // seen before anything is planned
  Problems problems;
  EXPECT_EQ(Make(spec, &problems), nullptr);
  EXPECT_EQ(ToString(problems), "outputs[0].sink.options.path: " + Path("in/1-of-2/0/a.csv") +
                                    " lies outside the output roots (" + Path("in") +
                                    "); choose a path below one of them.\n");
}

}  // namespace
}  // namespace throng
