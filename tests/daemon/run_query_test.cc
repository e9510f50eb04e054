// Which runs a list shows, and in which order.
#include "server/daemon/run_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

v1::Run Run(const std::string& name, v1::RunState state, int64_t created, int64_t updated) {
  v1::Run run;
  run.set_name(name);
  run.set_state(state);
  run.set_target_state(v1::TARGET_STATE_RUNNING);
  run.mutable_create_time()->set_seconds(created);
  run.mutable_update_time()->set_seconds(updated);
  return run;
}

std::vector<v1::Run> Runs() {
  std::vector<v1::Run> runs = {Run("runs/a", v1::RUN_STATE_RUNNING, 3, 7),
                               Run("runs/b", v1::RUN_STATE_FAILED, 1, 9),
                               Run("runs/c", v1::RUN_STATE_RUNNING, 1, 8)};
  (*runs[0].mutable_labels())["team"] = "x";
  (*runs[1].mutable_labels())["team"] = "y";
  (*runs[1].mutable_labels())["empty"] = "";
  return runs;
}

v1::ListRunsRequest Request(const std::string& filter, const std::string& order_by = "") {
  v1::ListRunsRequest request;
  request.set_filter(filter);
  request.set_order_by(order_by);
  return request;
}

// Ids of the runs that a list shows, without its pages.
std::vector<std::string> Listed(const v1::ListRunsRequest& request) {
  const auto query = RunQuery::Parse(request);
  EXPECT_TRUE(query.ok()) << query.status();
  std::vector<v1::Run> taken;
  for (const v1::Run& run : Runs()) {
    if (query.ok() && query->Takes(run)) taken.push_back(run);
  }
  std::sort(taken.begin(), taken.end(),
            [&](const v1::Run& one, const v1::Run& other) { return query->IsBefore(one, other); });
  std::vector<std::string> ids;
  ids.reserve(taken.size());
  for (const v1::Run& run : taken) ids.push_back(run.name().substr(5));
  return ids;
}

std::string Mistake(const v1::ListRunsRequest& request) {
  const auto query = RunQuery::Parse(request);
  EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument) << request.DebugString();
  return std::string(query.status().message());
}

TEST(RunQuery, LetsThroughWhatFitsEveryCondition) {
  EXPECT_THAT(Listed(Request("")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Listed(Request("  ")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Listed(Request("state = RUNNING")), ElementsAre("a", "c"));
  EXPECT_THAT(Listed(Request("state=running")), ElementsAre("a", "c"));
  EXPECT_THAT(Listed(Request("state = RUN_STATE_RUNNING")), ElementsAre("a", "c"));
  EXPECT_THAT(Listed(Request("state != RUNNING")), ElementsAre("b"));
  EXPECT_THAT(Listed(Request("target_state = RUNNING")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Listed(Request("target_state != RUNNING")), IsEmpty());
  EXPECT_THAT(Listed(Request("state = RUNNING AND labels.team = \"x\"")), ElementsAre("a"));
  EXPECT_THAT(Listed(Request("labels.team = y")), ElementsAre("b"));
  EXPECT_THAT(Listed(Request("labels.team != y")), ElementsAre("a", "c"));
  EXPECT_THAT(Listed(Request("labels.empty = \"\"")), ElementsAre("b"));
  EXPECT_THAT(Listed(Request("labels:team")), ElementsAre("a", "b"));
  EXPECT_THAT(Listed(Request("labels.team = \"a \\\"quoted\\\" word\"")), IsEmpty());
}

TEST(RunQuery, SaysWhatIsWrongWithAFilter) {
  const auto mistake = [](const std::string& filter) { return Mistake(Request(filter)); };
  EXPECT_THAT(mistake("name = a"), HasSubstr("\"name\", which is no field of a filter"));
  EXPECT_THAT(mistake("state = ASLEEP"),
              HasSubstr("STARTING, RUNNING, PAUSED, STOPPED, SUCCEEDED, FAILED"));
  EXPECT_THAT(mistake("state = UNSPECIFIED"), HasSubstr("none of the values"));
  EXPECT_THAT(mistake("state ="), HasSubstr("No value follows `state`"));
  EXPECT_THAT(mistake("state"), HasSubstr("No value follows `state`"));
  EXPECT_THAT(mistake("state > RUNNING"), HasSubstr("= or != must follow `state`, found \">\""));
  EXPECT_THAT(mistake("state = = RUNNING"), HasSubstr("A value must follow `state =`"));
  EXPECT_THAT(mistake("state = RUNNING OR state = PAUSED"), HasSubstr("found \"OR\""));
  EXPECT_THAT(mistake("state = RUNNING AND"), HasSubstr("which is no field of a filter"));
  EXPECT_THAT(mistake("labels.team = \"x"), HasSubstr("quotation mark is not closed"));
  EXPECT_THAT(mistake(std::string(5000, 'x')), HasSubstr("at most 4096 bytes"));
  EXPECT_THAT(mistake("state"), StartsWith("filter: "));
}

TEST(RunQuery, OrdersByNameOrTimeAndEqualTimesByName) {
  EXPECT_THAT(Listed(Request("", "name")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Listed(Request("", "name desc")), ElementsAre("c", "b", "a"));
  EXPECT_THAT(Listed(Request("", "create_time")), ElementsAre("b", "c", "a"));
  EXPECT_THAT(Listed(Request("", "create_time desc")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Listed(Request("", "update_time")), ElementsAre("a", "c", "b"));
  EXPECT_THAT(Listed(Request("", "update_time desc")), ElementsAre("b", "c", "a"));
  EXPECT_THAT(Mistake(Request("", "size")), HasSubstr("found \"size\""));
  EXPECT_THAT(Mistake(Request("", "name asc")), StartsWith("order_by: "));
}

TEST(RunQuery, GoesOnBehindThePageBeforeAndNowhereElse) {
  for (const char* order : {"name", "name desc", "create_time", "create_time desc"}) {
    v1::ListRunsRequest request = Request("state != PAUSED", order);
    const std::vector<std::string> all = Listed(request);
    const auto query = RunQuery::Parse(request);
    for (const v1::Run& run : Runs()) {
      const auto at = std::find(all.begin(), all.end(), run.name().substr(5));
      request.set_page_token(query->TokenAfter(run));
      EXPECT_EQ(Listed(request), std::vector<std::string>(at + 1, all.end())) << order;
    }
    v1::ListRunsRequest other = request;
    other.set_filter("state = RUNNING");
    EXPECT_THAT(Mistake(other), StartsWith("page_token: "));
    other = request;
    other.set_order_by("update_time");
    EXPECT_THAT(Mistake(other), StartsWith("page_token: "));
  }
  v1::ListRunsRequest request;
  for (const char* token : {"zzz", "runs/a", "1:2:3", ":", "::"}) {
    request.set_page_token(token);
    EXPECT_THAT(Mistake(request), HasSubstr("Must be the next_page_token"));
  }
}

}  // namespace
}  // namespace throng
