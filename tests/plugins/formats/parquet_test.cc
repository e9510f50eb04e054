// The parquet format and its decoder: what one writes the other reads, of all types, whatever is
// absent; what is refused; and files that are damaged. (What others read and write: parquet_readers
// of the end-to-end tests.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/plugins/formats/driven_decoder.h"
#include "tests/plugins/formats/loaded_format.h"
#include "tests/plugins/formats/naive_text.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Options = std::map<std::string, std::string>;

std::string Stream(const Table& table, size_t group_rows = 4096, const Options& options = {}) {
  LoadedFormat parquet(THRONG_PARQUET_PLUGIN, options);
  return parquet.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows"), group_rows);
}

const throng_component& Decoder() {
  static const throng_component& decoder = DecoderIn(THRONG_PARQUET_PLUGIN);
  return decoder;
}

// All columns of a table, as text.
Decoding Read(const Table& table, std::string_view file, size_t chunk = SIZE_MAX,
              uint32_t capacity = 4096) {
  DrivenDecoder decoder(Decoder());
  decoder.wanted.clear();
  decoder.capacity = capacity;
  for (const TableColumn& column : table.columns()) {
    decoder.wanted.push_back({.name = column.name, .is_required = false});
  }
  return decoder.Stream(file, chunk);
}

// A row as the decoder gives it as text: whole stars without a fraction, times with milliseconds,
// and those that text cannot hold as numbers.
std::string NaiveFound(const TableColumn& column, size_t row) {
  const std::optional<std::string> text = NaiveText(column, row);
  if (!text || text->empty()) return "-";
  if (column.type == THRONG_COLUMN_RATING && text->ends_with(".0")) {
    return text->substr(0, text->size() - 2);
  }
  if (column.type != THRONG_COLUMN_TIMESTAMP) return *text;
  const int64_t ms = std::get<std::vector<int64_t>>(column.values)[row];
  constexpr int64_t kYear10000 = 253'402'300'800'000;
  if (ms < 0 || ms >= kYear10000) return std::to_string(ms);
  if (ms % 1000 == 0) return *text;
  return text->substr(0, text->size() - 1) + "." + std::to_string(1000 + ms % 1000).substr(1) + "Z";
}

std::vector<std::string> NaiveRows(const Table& table) {
  std::vector<std::string> rows;
  for (size_t row = 0; row < table.rows(); ++row) {
    std::string text;
    for (const TableColumn& column : table.columns()) {
      text += (text.empty() && &column == &table.columns()[0] ? "" : "|") + NaiveFound(column, row);
    }
    rows.push_back(text);
  }
  return rows;
}

std::vector<TableColumn> ThreeInteractions() {
  return InteractionColumns({0, 499, 0}, {44, 999, 44}, {500, 455, 500},
                            {1705314600000, 1705314661999, 1705314662000});
}

TEST(ParquetTest, TheBytesOfASmallFileAreThese) {
  const Table table("interactions", ThreeInteractions());
  const std::string file = Stream(table, 4096, {{"codec", "none"}});
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char byte : file) hash = (hash ^ static_cast<uint8_t>(byte)) * 1099511628211U;
  EXPECT_EQ(file.size(), 638U);
  EXPECT_EQ(hash, 2798589616567269065U) << "a change of bytes is a line in the changelog";
  EXPECT_TRUE(file.starts_with("PAR1"));
  EXPECT_TRUE(file.ends_with("PAR1"));
}

TEST(ParquetTest, WhatIsWrittenIsReadBack) {
  const Table table("interactions", ThreeInteractions());
  const Decoding found = Read(table, Stream(table));
  EXPECT_THAT(found.rows, ElementsAre("user_1|item_45|5|2024-01-15T10:30:00Z",
                                      "user_500|item_1000|4.55|2024-01-15T10:31:01.999Z",
                                      "user_1|item_45|5|2024-01-15T10:31:02Z"));
  EXPECT_THAT(found.damages, IsEmpty());
}

TEST(ParquetTest, RandomTablesAreReadBackWithEachCodecAndType) {
  const std::vector<Options> forms = {{{"codec", "none"}},
                                      {{"codec", "snappy"}, {"rating_type", "decimal"}},
                                      {{"codec", "zstd"}, {"timestamp", "micros"}}};
  for (uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    const size_t rows = seed % 20 == 0 ? 70'000 : 1 + random() % 300;
    const Table table("interactions", RandomColumns(random, rows));
    const Options& options = forms[seed % forms.size()];
    const size_t group = seed % 20 == 0 ? 66'000 : 100;
    const Decoding found =
        Read(table, Stream(table, group, options), SIZE_MAX, seed % 2 == 0 ? 4096 : 7);
    ASSERT_EQ(found.message, "") << seed;
    ASSERT_EQ(found.damages, std::vector<std::string>()) << seed;
    ASSERT_EQ(found.rows, NaiveRows(table)) << seed;
  }
}

TEST(ParquetTest, FewAndManyDifferentValuesAndRunsAreReadBack) {
  constexpr size_t kRows = 40'000;
  std::mt19937_64 random(7);
  std::vector<TableColumn> columns;
  for (const uint64_t different : {1U, 2U, 3U, 200U, 70'000U, 2'000'000'000U}) {
    std::vector<int64_t> values(kRows);
    for (size_t row = 0; row < kRows; ++row) {
      // A stretch of each 500 rows has one value.
      values[row] = row % 1000 < 500 ? static_cast<int64_t>(random() % different)
                                     : static_cast<int64_t>(row / 1000 % different);
    }
    columns.push_back({THRONG_COLUMN_ID, "id" + std::to_string(columns.size()), values, "u"});
    columns.push_back({THRONG_COLUMN_INT64, "n" + std::to_string(columns.size()), values});
  }
  const Table table("interactions", std::move(columns));
  const std::string file = Stream(table, kRows, {{"codec", "none"}});
  EXPECT_EQ(Read(table, file).rows, NaiveRows(table));
  EXPECT_LT(file.size(), 1'900'000U);
}

TEST(ParquetTest, DoublesKeepTheirBitsAndWhatIsNotFiniteIsAbsent) {
  const double absent = std::numeric_limits<double>::quiet_NaN();
  const Table table("interactions", {{THRONG_COLUMN_FLOAT64, "x",
                                      std::vector<double>{0.1, -0.0, absent, 1e300, 0.1}}});
  EXPECT_THAT(Read(table, Stream(table)).rows, ElementsAre("0.1", "-0", "-", "1e+300", "0.1"));
}

TEST(ParquetTest, CutsOfTheInputDoNotMatter) {
  const Table table("interactions", ThreeInteractions());
  const std::string file = Stream(table);
  for (const size_t chunk : {1U, 7U, 100U}) {
    EXPECT_EQ(Read(table, file, chunk).rows, NaiveRows(table));
  }
}

TEST(ParquetTest, RowGroupsOfOddSizesAreRefused) {
  try {
    // The one option that is no ENUM: as the host parses it.
    LoadedFormat parquet(THRONG_PARQUET_PLUGIN, {{"row_group_rows", "5000"}});
    FAIL();
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.option, "row_group_rows");
    EXPECT_STREQ(failure.what(), "row_group_rows is a multiple of 4096, as 131072.");
  }
}

std::string Refusal(std::string_view file, std::vector<WantedColumn> wanted = kWantedInteraction) {
  DrivenDecoder decoder(Decoder());
  decoder.wanted = std::move(wanted);
  const Decoding found = decoder.Stream(file);
  EXPECT_NE(found.code, THRONG_OK);
  return found.message;
}

TEST(ParquetDecoderTest, WhatIsNoParquetFileIsRefused) {
  const Table table("interactions", ThreeInteractions());
  const std::string file = Stream(table);
  EXPECT_EQ(Refusal("user_id,item_id\n"),
            "the.data is no Parquet file: it does not begin with PAR1.");
  EXPECT_EQ(Refusal(""), "the.data is empty, and a Parquet file begins with PAR1.");
  EXPECT_EQ(Refusal(file.substr(0, file.size() - 1)),
            "the.data has no footer: the end of the file is missing.");
  std::string damaged = file;
  damaged.replace(damaged.size() - 300, 100, 100, '\xff');
  EXPECT_EQ(Refusal(damaged), "the.data has a footer that is damaged.");
  EXPECT_EQ(
      Refusal(file, {{"stars"}}),
      "the.data has no column stars; it has user_id, item_id, rating, timestamp. Say which of "
      "them it is.");
}

TEST(ParquetDecoderTest, ARowGroupThatIsDamagedIsLeftOutAndTold) {
  const Table table("interactions", ThreeInteractions());
  std::string file = Stream(table, 1, {{"codec", "none"}});
  const size_t second = file.find("user_500");
  file[second - 4] = '\x7f';  // the size of the text
  DrivenDecoder decoder(Decoder());
  const Decoding found = decoder.Stream(file);
  EXPECT_THAT(found.rows,
              ElementsAre("user_1|item_45|5.0|1705314600000", "user_1|item_45|5.0|1705314662000"));
  ASSERT_EQ(found.damages.size(), 1U);
  EXPECT_THAT(found.damages[0],
              HasSubstr(" 1 -: row group 2 is left out from row 1 of 1 on: user_id: "
                        "the values of a page are damaged"));
}

TEST(ParquetDecoderTest, AValueThatCannotBeIsADamageOfItsRow) {
  const Table table("interactions", ThreeInteractions());
  DrivenDecoder decoder(Decoder());
  decoder.wanted = {{"user_id", THRONG_FOUND_INT64}};
  const Decoding found = decoder.Stream(Stream(table));
  EXPECT_THAT(found.rows, IsEmpty());
  ASSERT_EQ(found.damages.size(), 3U);
  EXPECT_EQ(found.damages[1],
            "4 0 user_id: user_id is no whole number: user_500 (row 2 of row group 1)");
}

TEST(ParquetDecoderTest, FilesThatAreDamagedAnywhereComeToAnEnd) {
  const Table table("interactions", ThreeInteractions());
  for (const char* codec : {"none", "snappy", "zstd"}) {
    const std::string file = Stream(table, 2, {{"codec", codec}});
    for (size_t at = 0; at < file.size(); ++at) {
      for (const char flip : {'\x01', '\xff'}) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        DrivenDecoder decoder(Decoder());
        decoder.Stream(damaged);
        EXPECT_LE(decoder.rows(), 200'000U);
      }
    }
  }
}

}  // namespace
}  // namespace throng
