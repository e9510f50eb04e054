#include "client/run_columns.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace throng {
namespace {

using Names = std::vector<std::string>;

v1::Run Nightly() {
  v1::Run run;
  run.set_name("runs/nightly");
  run.set_state(v1::RUN_STATE_FAILED);
  run.set_reason("The disk is full.");
  (*run.mutable_labels())["team"] = "x";
  (*run.mutable_labels())["a"] = "";
  for (const char* name : {"csv", "kafka"}) {
    v1::OutputStatus* output = run.add_outputs();
    output->set_name(name);
    output->set_place(std::string(name) + "-place");
  }
  return run;
}

TEST(RunColumns, AreChosenByName) {
  EXPECT_EQ(ParseColumns("name,state").value(), (Names{"name", "state"}));
  EXPECT_EQ(RunsTable({Nightly()}, {"labels", "name", "places", "ended", "reason"}, false),
            "LABELS      NAME     PLACES                  ENDED  REASON\n"
            "a=, team=x  nightly  csv-place, kafka-place      -  The disk is full.\n");
}

TEST(RunColumns, OfAnotherNameAreRefused) {
  const std::string told(ParseColumns("name,stat").status().message());
  EXPECT_EQ(
      told.find("There is no column \"stat\". Did you mean \"state\"? There are name, state, "), 0U)
      << told;
  EXPECT_FALSE(ParseColumns("").ok());
  EXPECT_FALSE(ParseColumns("name,").ok());
}

TEST(RunColumns, ColorIsOfTheStateOnly) {
  EXPECT_EQ(RunsTable({Nightly()}, {"name", "state"}, true),
            "NAME     STATE\n"
            "nightly  \033[31mfailed\033[0m\n");
}

TEST(RunColumns, WideHasAllThatAreUsual) {
  const Names wide = WideColumns();
  for (const std::string& name : UsualColumns()) {
    EXPECT_NE(std::find(wide.begin(), wide.end(), name), wide.end()) << name;
  }
  EXPECT_GT(wide.size(), UsualColumns().size());
}

}  // namespace
}  // namespace throng
