#include "server/control/plain_text.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

TEST(PlainText, KeepsUtf8AndReplacesWhatATerminalMightObey) {
  EXPECT_EQ(PlainText("größer → ✓ 🎉"), "größer → ✓ 🎉");
  EXPECT_EQ(PlainText("a\tb"), "a b");
  EXPECT_EQ(PlainText("\x1b[31m"), "\uFFFD[31m");
  EXPECT_EQ(PlainText("\xc2\x9b"
                      "31m"),
            "\uFFFD31m");
  EXPECT_EQ(PlainText("\xff\xc0\xaf\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(PlainText("\xe2\x82"), "\uFFFD\uFFFD");
}

TEST(PlainLines, KeepLineBreaksAlone) {
  EXPECT_EQ(PlainLines("a\x1b[1m\n\nb\r\n"), "a\uFFFD[1m\n\nb\uFFFD\n");
  EXPECT_EQ(PlainLines("a\nb"), "a\nb");
  EXPECT_EQ(PlainLines(""), "");
}

}  // namespace
}  // namespace throng
