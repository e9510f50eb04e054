#include "server/daemon/run_troubles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RunTroublesTest : public testing::Test {
 protected:
  // The lines for a run with one output that is so.
  std::vector<std::string> Look(v1::OutputState state, const std::string& reason = "") {
    output_->set_state(state);
    output_->set_reason(reason);
    std::vector<std::string> lines;
    for (const auto& line : troubles_.Look(run_, now_)) {
      lines.push_back(line.level + " " + line.sentence);
    }
    return lines;
  }
  void SetUp() override { output_->set_name("kafka"); }

  RunTroubles troubles_;
  v1::Run run_;
  v1::OutputStatus* output_ = run_.add_outputs();
  RunTroubles::Clock::time_point now_;
};

TEST_F(RunTroublesTest, ABlockedOutputIsToldOnceAndThatItGoesOn) {
  EXPECT_THAT(Look(v1::OUTPUT_STATE_RUNNING), IsEmpty());
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "No broker."),
              ElementsAre("warning output kafka is blocked: No broker."));
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "No broker."), IsEmpty());
  // Tried again, which is not yet an end of it.
  EXPECT_THAT(Look(v1::OUTPUT_STATE_RUNNING), IsEmpty());
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "No broker."), IsEmpty());
  output_->set_position(100);
  EXPECT_THAT(Look(v1::OUTPUT_STATE_RUNNING), ElementsAre("info output kafka goes on."));
  EXPECT_THAT(Look(v1::OUTPUT_STATE_RUNNING), IsEmpty());
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "No broker."),
              ElementsAre("warning output kafka is blocked: No broker."));
}

TEST_F(RunTroublesTest, AnotherReasonIsToldAfterAPause) {
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "9 records wait."),
              ElementsAre("warning output kafka is blocked: 9 records wait."));
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "8 records wait."), IsEmpty());
  now_ += std::chrono::minutes(1);
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "7 records wait."),
              ElementsAre("warning output kafka is blocked: 7 records wait."));
}

TEST_F(RunTroublesTest, WhyAnOutputFailedIsTold) {
  EXPECT_THAT(Look(v1::OUTPUT_STATE_BLOCKED, "No broker."),
              ElementsAre("warning output kafka is blocked: No broker."));
  EXPECT_THAT(Look(v1::OUTPUT_STATE_FAILED, "No topic."),
              ElementsAre("error output kafka failed: No topic."));
  EXPECT_THAT(Look(v1::OUTPUT_STATE_FAILED, "No topic."), IsEmpty());
}

}  // namespace
}  // namespace throng
