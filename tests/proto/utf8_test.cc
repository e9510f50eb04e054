#include "proto/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace throng {
namespace {

TEST(Utf8CharacterBytes, AreThoseOfTheFirstCharacter) {
  EXPECT_EQ(Utf8CharacterBytes("ab"), 1);
  EXPECT_EQ(Utf8CharacterBytes("é€"), 2);
  EXPECT_EQ(Utf8CharacterBytes("€a"), 3);
  EXPECT_EQ(Utf8CharacterBytes("😀a"), 4);
  EXPECT_EQ(Utf8CharacterBytes(std::string("\0a", 2)), 1);
  EXPECT_EQ(Utf8CharacterBytes("\xFF"), 0);
  EXPECT_EQ(Utf8CharacterBytes(""), 0);
}

TEST(FindInvalidUtf8, AcceptsWhatRfc3629Does) {
  constexpr size_t kNone = std::string_view::npos;
  EXPECT_EQ(FindInvalidUtf8("aé€😀\xF4\x8F\xBF\xBF"), kNone);
  EXPECT_EQ(FindInvalidUtf8(""), kNone);
  EXPECT_EQ(FindInvalidUtf8("a\x80"), 1);
  EXPECT_EQ(FindInvalidUtf8("ab\xC0\xAF"), 2);            // overlong
  EXPECT_EQ(FindInvalidUtf8("\xE0\x9F\x80"), 0);          // overlong
  EXPECT_EQ(FindInvalidUtf8("\xED\xA0\x80"), 0);          // surrogate
  EXPECT_EQ(FindInvalidUtf8("\xF4\x90\x80\x80"), 0);      // above U+10FFFF
  EXPECT_EQ(FindInvalidUtf8("x\xE2\x82"), 1);             // cut off
  EXPECT_EQ(FindInvalidUtf8(std::string("a\0b", 3)), 1);  // NUL
}

}  // namespace
}  // namespace throng
