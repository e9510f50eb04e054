#include "server/delivery/place.h"

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
    const std::string sentence = "output " + sink + ": " + path +
                                 " holds another output, not this dataset in this form; choose "
                                 "another place, or delete what is there.";
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

}  // namespace
}  // namespace throng
