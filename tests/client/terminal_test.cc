#include "client/terminal.h"

#include <gtest/gtest.h>

#include <string>

#include "client/live_page.h"

namespace throng {
namespace {

TEST(Terminal, WidthIsOfCharactersWithoutColors) {
  EXPECT_EQ(WidthOf(""), 0U);
  EXPECT_EQ(WidthOf("ünï"), 3U);
  EXPECT_EQ(WidthOf(InColorOf(v1::RUN_STATE_FAILED, "failed")), 6U);
}

TEST(Terminal, WhatDoesNotFitIsCutWithItsColorsWhole) {
  EXPECT_EQ(CutTo("nightly", 7), "nightly");
  EXPECT_EQ(CutTo("nightly", 6), "nig...");
  EXPECT_EQ(CutTo("nightly", 2), "..");
  EXPECT_EQ(CutTo("nightly", 0), "");
  EXPECT_EQ(CutTo("ünïcödé!", 6), "ünï...");
  EXPECT_EQ(CutTo(InColorOf(v1::RUN_STATE_RUNNING, "running"), 5), "\033[32mru\033[0m...");
  EXPECT_EQ(CutTo(InColorOf(v1::RUN_STATE_RUNNING, "run") + " fast", 6), "\033[32mrun\033[0m...");
}

TEST(Terminal, StatesHaveTheColorOfTheirMeaning) {
  EXPECT_EQ(InColorOf(v1::RUN_STATE_SUCCEEDED, "x"), "\033[32mx\033[0m");
  EXPECT_EQ(InColorOf(v1::RUN_STATE_PAUSED, "x"), "\033[33mx\033[0m");
  EXPECT_EQ(InColorOf(v1::RUN_STATE_FAILED, "x"), "\033[31mx\033[0m");
  EXPECT_EQ(InColorOf(v1::RUN_STATE_STOPPED, "x"), "x");
  EXPECT_EQ(InColorOf(v1::OUTPUT_STATE_BLOCKED, "x"), "\033[33mx\033[0m");
}

TEST(LivePage, FitsTheTerminal) {
  EXPECT_EQ(FitPage("NAME  STATE\nnightly  running\n", {80, 24}),
            "NAME  STATE\nnightly  running\n");
  EXPECT_EQ(FitPage("NAME  STATE\nnightly  running\n", {10, 24}), "NAME  S...\nnightly...\n");
  EXPECT_EQ(FitPage("1\n2\n3\n4\n5\n", {80, 4}), "1\n2\n... and 3 more lines\n");
  EXPECT_EQ(FitPage("1\n2\n3\n", {80, 4}), "1\n2\n3\n");
  EXPECT_EQ(FitPage("1\n2\n3\n", {80, 0}), "... and 3 more lines\n");
  EXPECT_EQ(FitPage("", {80, 24}), "");
}

}  // namespace
}  // namespace throng
