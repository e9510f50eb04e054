#include "server/delivery/commit_size.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(CommitSize, HasNoLimitWhereThePlaceHasNone) {
  CommitSize size(milliseconds(0));
  EXPECT_EQ(size.rows(), 0);
  size.Committed(10, seconds(100));
  size.Aborted(10);
  EXPECT_EQ(size.rows(), 0);
}

TEST(CommitSize, GrowsWhereCommitsAreQuick) {
  CommitSize size(seconds(30));
  EXPECT_EQ(size.rows(), 1024);
  size.Committed(1024, milliseconds(20));
  EXPECT_EQ(size.rows(), 16'384);
  size.Committed(200, milliseconds(20));  // which says nothing about more
  EXPECT_EQ(size.rows(), 16'384);
  int commits = 0;
  for (; size.rows() > 0; ++commits) size.Committed(size.rows(), milliseconds(20));
  EXPECT_LT(commits, 6);
}

TEST(CommitSize, ShrinksBeforeCommitsTakeTooLong) {
  CommitSize size(seconds(30));
  size.Committed(1024, seconds(10));
  EXPECT_EQ(size.rows(), 1024);
  size.Committed(1024, seconds(20));
  EXPECT_EQ(size.rows(), 256);
  size.Aborted(256);
  EXPECT_EQ(size.rows(), 64);
  size.Aborted(64);
  EXPECT_EQ(size.rows(), 64) << "some rows there must be";
}

TEST(CommitSize, OneThatWasTakenBackIsTriedWithFewer) {
  CommitSize size(seconds(30));
  while (size.rows() > 0) size.Committed(size.rows(), milliseconds(1));
  size.Aborted(500'000);
  EXPECT_EQ(size.rows(), 65'536);
}

}  // namespace
}  // namespace throng
