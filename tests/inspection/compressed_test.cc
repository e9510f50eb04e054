// Compressed files are read as they come, however their members lie, and what is damaged in them
// costs no more than the member.
#include <zlib.h>
#include <zstd.h>

#include "tests/inspection/read_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string member(deflateBound(&stream, text.size()) + 64, '\0');
  std::string copy(text);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(member.data());
  stream.avail_out = static_cast<uInt>(member.size());
  deflate(&stream, Z_FINISH);
  member.resize(stream.total_out);
  deflateEnd(&stream);
  return member;
}

std::string Zstd(std::string_view text) {
  std::string frame(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return frame;
}

class CompressedTest : public ReadTest {
 protected:
  static std::string Lines(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i) {
      text += fmt::format("u{},i{},4.5,2024-01-15T10:30:00Z\n", i, i * 7919 % 1000);
    }
    return text;
  }
  Readings ReadBytes(std::string_view bytes) const {
    return Read(WriteFile("rows.csv", bytes), {}, "csv");
  }
};

TEST_F(CompressedTest, MembersAreJoined) {
  const std::string text = Lines(0, 20'000);
  const std::vector<std::string> rows = LinesOf(text);
  for (const auto compress : {Gzip, Zstd}) {
    EXPECT_TRUE(ReadBytes(compress(text)).rows == rows);
    std::string members = compress("");
    for (size_t at = 0; at < text.size(); at += 33'333)
      members += compress(text.substr(at, 33'333));
    EXPECT_TRUE(ReadBytes(members + compress("")).rows == rows);
    EXPECT_THAT(ReadBytes(members + std::string(512, '\0')).damages, IsEmpty());
  }
  EXPECT_TRUE(ReadBytes(Gzip(text) + Zstd(text)).rows.size() == 40'000);
}

TEST_F(CompressedTest, WhatIsCutOffIsADamage) {
  for (const auto compress : {Gzip, Zstd}) {
    const std::string first = compress(Lines(0, 1000));
    const std::string second = compress(Lines(1000, 5000));
    for (const size_t cut : {size_t{4}, size_t{100}, second.size() / 2, second.size() - 1}) {
      const Readings found = ReadBytes(first + second.substr(0, cut));
      EXPECT_GE(found.rows.size(), 1000);
      EXPECT_LE(found.rows.size(), 6000);
      ASSERT_EQ(found.damages.size(), 1) << cut;
      EXPECT_THAT(found.damages[0],
                  HasSubstr(fmt::format("the compressed member at byte {} of the file is cut off",
                                        first.size())));
    }
  }
}

TEST_F(CompressedTest, GoesOnBehindACorruptMember) {
  for (const auto compress : {Gzip, Zstd}) {
    const std::string first = compress(Lines(0, 1000));
    std::string second = compress(Lines(1000, 1000));
    second[second.size() / 2] = static_cast<char>(second[second.size() / 2] ^ 0x55);
    const std::string third = compress(Lines(2000, 1000));
    const Readings found = ReadBytes(first + second + third);
    EXPECT_TRUE(found.status.ok()) << found.status;
    ASSERT_GE(found.rows.size(), 2000);
    EXPECT_EQ(found.rows[999] + "\n", Lines(999, 1));
    EXPECT_EQ(found.rows.back() + "\n", Lines(2999, 1));
    ASSERT_GE(found.damages.size(), 1);
    EXPECT_THAT(found.damages.back(),
                HasSubstr(fmt::format("the compressed member at byte {} of the file is corrupt",
                                      first.size())));
    const Readings garbage = ReadBytes(first + "garbage" + third);
    EXPECT_EQ(garbage.rows.size(), 2000);
    EXPECT_THAT(garbage.damages,
                ElementsAre(HasSubstr(fmt::format(
                    "the compressed member at byte {} of the file is none", first.size()))));
  }
}

TEST_F(CompressedTest, OtherWaysToCompressAreNamed) {
  EXPECT_THAT(
      MessageOf(ReadBytes("BZh91AY").status),
      HasSubstr("rows.csv is compressed with bzip2, which is not read; decompress it, or use "
                "gzip or zstd."));
}

TEST_F(CompressedTest, ABombTakesBoundedMemory) {
  // A line of 256 MiB, then a row.
  for (const auto compress : {Gzip, Zstd}) {
    std::string bomb;
    const std::string piece = compress(std::string(64 << 20, 'x'));
    for (int i = 0; i < 4; ++i) bomb += piece;
    const Readings found = ReadBytes(bomb + compress("\n" + Lines(0, 1)));
    EXPECT_EQ(found.rows.size(), 1);
    EXPECT_THAT(found.damages, ElementsAre("rows.csv@0 0 : the record has no end within 16 MiB"));
    EXPECT_EQ(found.offsets[0], (int64_t{256} << 20) + 1);
  }
}

}  // namespace
}  // namespace throng
