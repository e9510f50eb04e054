// Suggestions for mistyped names, and how problems read.
#include "server/spec/problem.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

const std::vector<std::string> kKnown = {"users", "items", "active_users", "clusters"};

TEST(DidYouMean, NamesTheNearestKnownName) {
  EXPECT_EQ(DidYouMean("user", kKnown), " Did you mean \"users\"?");
  EXPECT_EQ(DidYouMean("cluster", kKnown), " Did you mean \"clusters\"?");
  EXPECT_EQ(DidYouMean("itmes", kKnown), " Did you mean \"items\"?");
  EXPECT_EQ(DidYouMean("ACTIVE_USERS", kKnown), " Did you mean \"active_users\"?");
}

TEST(DidYouMean, TakesTheBeginningOfAName) {
  EXPECT_EQ(DidYouMean("act", kKnown), " Did you mean \"active_users\"?");
}

TEST(DidYouMean, ListsAllWhenNoneIsNear) {
  EXPECT_EQ(DidYouMean("colour", kKnown), " Known: users, items, active_users, clusters.");
  EXPECT_EQ(DidYouMean(std::string(100'000, 'u'), kKnown),
            " Known: users, items, active_users, clusters.");
}

TEST(DidYouMean, SaysNothingWhenNothingIsKnown) { EXPECT_EQ(DidYouMean("colour", {}), ""); }

TEST(ProblemsToString, GivesOneLineAProblem) {
  EXPECT_EQ(ToString({{"dataset.seed", "It is wrong."}, {"", "The file is empty."}}),
            "dataset.seed: It is wrong.\nThe file is empty.\n");
}

}  // namespace
}  // namespace throng
