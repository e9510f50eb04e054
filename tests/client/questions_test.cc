#include "client/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "client/shell_text.h"

namespace throng {
namespace {

using testing::HasSubstr;

// What was asked with these answers, and what became of it.
class QuestionsTest : public testing::Test {
 protected:
  // The flags as words, or the sentence of the failure.
  std::string Ask(const std::string& answers) {
    std::istringstream in(answers);
    std::ostringstream out;
    const auto flags = AskQuestions(in, out, checks_);
    asked_ = out.str();
    code_ = flags.status().code();
    return flags.ok() ? ShellLine(WordsOf(*flags)) : std::string(flags.status().message());
  }

  // The outputs find this in their way the first time.
  void Meet(const std::vector<Obstacle>& obstacles) {
    checks_.outputs = [obstacles, is_met = false](
                          const SpecFlags&) mutable -> absl::StatusOr<std::vector<Obstacle>> {
      if (std::exchange(is_met, true)) return std::vector<Obstacle>();
      return obstacles;
    };
  }

  AnswerChecks checks_{
      .counts = [](const SpecFlags&) { return std::string(); },
      .outputs = [](const SpecFlags&) { return std::vector<Obstacle>(); },
  };
  std::string asked_;
  absl::StatusCode code_ = absl::StatusCode::kOk;
};

constexpr char kCounts[] = "--users 500 --items 1000 --interactions 50000 ";

TEST_F(QuestionsTest, AreAnsweredByTheirDefaults) {
  EXPECT_EQ(Ask("\n\n\n\n"), std::string(kCounts) + "--to csv:out/interactions.csv");
  EXPECT_EQ(asked_,
            "Users [500]: Items [1000]: Interactions [50000]: "
            "Output: 1 CSV, 2 JSON, 3 Kafka, 4 all [1]: ");
}

TEST_F(QuestionsTest, AreAskedAgainAfterAWrongAnswer) {
  EXPECT_EQ(Ask("many\n0\n20\n50\n50.000\n100\n5\n2\n"),
            "--users 20 --items 50 --interactions 100 --to json:out/interactions.json");
  EXPECT_THAT(asked_, HasSubstr("\"many\" is no whole number; write one such as 500, 50k or 1M.\n"
                                "Users [500]: "));
  EXPECT_THAT(asked_, HasSubstr("Please give a whole number from 1 on, such as 500.\nUsers [500]"));
  EXPECT_THAT(asked_, HasSubstr("\"50.000\" may be read as more than one number"));
  EXPECT_THAT(asked_, HasSubstr("Please answer 1, 2, 3 or 4.\nOutput: "));
}

TEST_F(QuestionsTest, TakeCountsAsPeopleTypeThem) {
  EXPECT_EQ(Ask("1k\n5_000\n 1e6 \nCSV\n"),
            "--users 1000 --items 5000 --interactions 1000000 --to csv:out/interactions.csv");
}

TEST_F(QuestionsTest, AskForBrokersAndTopicOfKafka) {
  EXPECT_EQ(Ask("\n\n\n3\n\n\n"),
            kCounts + std::string("--to kafka://localhost:9092/interactions"));
  EXPECT_THAT(asked_, HasSubstr("Brokers [localhost:9092]: Topic [interactions]: "));
  EXPECT_EQ(Ask("\n\n\nall\na:1,b:2\nmy topic/1\n"),
            kCounts + std::string("--to csv:out/interactions.csv --to json:out/interactions.json "
                                  "--to kafka://a:1,b:2/my%20topic%2F1"));
}

TEST_F(QuestionsTest, AskAgainForCountsThatDoNotGoTogetherWithTheNumberThatFits) {
  checks_.counts = [](const SpecFlags& flags) -> std::string {
    if (flags.interactions == "1000") {
      return "1000 interactions are too few. The next number that fits is 1603 (plan_size).";
    }
    return flags.items == "3" ? "give at least 0.2, or at least 5 items." : "";
  };
  EXPECT_EQ(Ask("\n3\n1000\n\n\n\n\n\n\n\n"),
            "--users 500 --items 5 --interactions 1603 --to csv:out/interactions.csv");
  EXPECT_THAT(asked_, HasSubstr("fits is 1603 (plan_size).\nUsers [500]: Items [3]: "
                                "Interactions [1603]: give at least"));
  EXPECT_THAT(asked_, HasSubstr("5 items.\nUsers [500]: Items [5]: Interactions [1603]: "));
}

TEST_F(QuestionsTest, OfferToOverwriteAFileOrAnotherName) {
  const std::vector<Obstacle> both = {{0, "a is there; delete it."}, {1, "b is there."}};
  Meet(both);
  EXPECT_EQ(Ask("\n\n\n4\n\n\nY\n\nout/b.json\n"),
            kCounts + std::string("--to 'csv:out/interactions.csv?overwrite=true' "
                                  "--to json:out/b.json --to kafka://localhost:9092/interactions"));
  EXPECT_THAT(asked_, HasSubstr("a is there.\nOverwrite it? [y/N]: b is there.\n"
                                "Overwrite it? [y/N]: Another file [out/interactions-2.json]: "));
}

TEST_F(QuestionsTest, OfferANameOfWhichNothingIsThere) {
  const std::string folder = testing::TempDir() + "questions_test";
  std::filesystem::create_directory(folder);
  for (const char* name : {"a-2.csv", "a-3.csv.part"}) std::ofstream(folder + "/" + name) << "x";
  const std::vector<Obstacle> file = {{0, "it is there."}};
  int met = 0;
  checks_.outputs = [&](const SpecFlags&) { return ++met < 3 ? file : std::vector<Obstacle>(); };
  EXPECT_EQ(Ask("\n\n\n\nno\n" + folder + "/a.csv\n\n-\na?b\n\n"),
            kCounts + ("--to csv:" + folder + "/a-4.csv"));
  EXPECT_THAT(asked_, HasSubstr("Please name a file, without a question mark."));
  std::filesystem::remove_all(folder);
}

TEST_F(QuestionsTest, DoNotOfferToOverwriteWhereThatWasNoHelp) {
  const std::vector<Obstacle> file = {{0, "a is a folder."}};
  int met = 0;
  checks_.outputs = [&](const SpecFlags&) { return ++met < 3 ? file : std::vector<Obstacle>(); };
  EXPECT_EQ(Ask("\n\n\n\ny\nb.csv\n"), kCounts + std::string("--to csv:b.csv"));
}

TEST_F(QuestionsTest, AskAgainForBrokersOutOfReachUntilSomebodyGivesUp) {
  Meet({{0, "No Kafka answers at localhost:9092: Connection refused."}});
  EXPECT_EQ(Ask("\n\n\n3\n\n\nhere:19\nrows\n"),
            kCounts + std::string("--to kafka://here:19/rows"));
  EXPECT_THAT(asked_, HasSubstr("Connection refused.\nBrokers, or q to give up [localhost:9092]: "
                                "Topic [interactions]: "));
  Meet({{0, "No."}});
  EXPECT_EQ(Ask("\n\n\n3\n\n\nq\n"), "Given up; nothing was generated.");
  EXPECT_EQ(code_, absl::StatusCode::kAborted);
}

TEST_F(QuestionsTest, EndWithTheirInput) {
  for (const char* answers : {"", "20\n", "\n\n\n", "\n\n\n3\n"}) {
    Ask(answers);
    EXPECT_EQ(code_, absl::StatusCode::kCancelled) << answers;
  }
}

TEST_F(QuestionsTest, EndWithACheckThatFails) {
  checks_.counts = [](const SpecFlags&) { return absl::InternalError("no daemon"); };
  EXPECT_EQ(Ask("\n\n\n"), "no daemon");
}

}  // namespace
}  // namespace throng
