#include "client/nearest.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

TEST(Nearest, IsOffered) {
  EXPECT_EQ(DidYouMean("gte", {"list", "get"}), " Did you mean \"get\"?");
  EXPECT_EQ(DidYouMean("lst", {"list", "get"}), " Did you mean \"list\"?");
  EXPECT_EQ(DidYouMean("--filtre", {"--filter", "--for"}), " Did you mean \"--filter\"?");
}

TEST(Nearest, IsNotOfferedWhereNothingIsNear) {
  EXPECT_EQ(DidYouMean("bogus", {"list", "get"}), "");
  EXPECT_EQ(DidYouMean("x", {"y"}), "");
  EXPECT_EQ(DidYouMean("get", {}), "");
}

}  // namespace
}  // namespace throng
