// The avro format: exact bytes of header, blocks and messages, against a plain encoder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"
#include "tests/plugins/formats/naive_text.h"

namespace throng {
namespace {

using ::testing::HasSubstr;

constexpr char kSync[] = "0123456789abcdef";  // of the fingerprint of Table::Destination
const std::string kInteraction =
    R"({"type":"record","name":"Interaction","namespace":"throng.v1","fields":[)"
    R"({"name":"user_id","type":"string"},{"name":"item_id","type":"string"},)"
    R"({"name":"rating","type":"double"},)"
    R"({"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]})";

std::string NaiveVarint(int64_t value) {
  std::string text;
  auto rest = static_cast<unsigned __int128>(value >= 0 ? static_cast<__int128>(value) * 2
                                                        : -static_cast<__int128>(value) * 2 - 1);
  do {
    text += static_cast<char>(rest % 128 + (rest >= 128 ? 128 : 0));
    rest /= 128;
  } while (rest > 0);
  return text;
}

std::string NaiveString(const std::string& text) {
  return NaiveVarint(static_cast<int64_t>(text.size())) + text;
}

std::string NaiveDouble(double value) {
  std::string text(sizeof value, '\0');
  std::memcpy(text.data(), &value, sizeof value);
  return text;
}

std::string NaiveValue(const TableColumn& column, size_t row) {
  const auto wide = [&] { return std::get<std::vector<int64_t>>(column.values)[row]; };
  switch (column.type) {
    case THRONG_COLUMN_ID:
      if (column.id_style == THRONG_ID_INTEGER) return NaiveVarint(wide() + column.id_first);
      [[fallthrough]];
    case THRONG_COLUMN_LABEL:
      return NaiveString(*NaiveText(column, row));
    case THRONG_COLUMN_RATING:
      return NaiveDouble(std::stod(*NaiveText(column, row)));
    case THRONG_COLUMN_FLOAT64:
      return NaiveDouble(std::get<std::vector<double>>(column.values)[row]);
    case THRONG_COLUMN_BOOL:
      return {std::get<std::vector<uint8_t>>(column.values)[row] != 0 ? '\1' : '\0'};
    default:
      return NaiveVarint(wide());
  }
}

std::string NaiveRow(const Table& table, size_t row) {
  std::string text;
  for (const TableColumn& column : table.columns()) {
    const bool is_absent = IsAbsent(column, row);
    if (IsOptional(column)) text += is_absent ? '\0' : '\2';
    if (!is_absent) text += NaiveValue(column, row);
  }
  return text;
}

std::string NaiveHeader(const std::string& schema, const std::string& codec) {
  return "Obj\1\4" + NaiveString("avro.codec") + NaiveString(codec) + NaiveString("avro.schema") +
         NaiveString(schema) + std::string(1, '\0') + kSync;
}

std::string NaiveBlocks(const Table& table, size_t block_rows) {
  std::string text;
  for (size_t first = 0; first < table.rows(); first += block_rows) {
    const size_t rows = std::min(block_rows, table.rows() - first);
    std::string records;
    for (size_t row = first; row < first + rows; ++row) records += NaiveRow(table, row);
    text += NaiveVarint(static_cast<int64_t>(rows)) + NaiveString(records) + kSync;
  }
  return text;
}

std::string Stream(const Table& table, size_t block_rows = 4096, const std::string& codec = "null",
                   LoadedFormat* format = nullptr) {
  if (format != nullptr) {
    return format->Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows"), block_rows);
  }
  LoadedFormat avro(THRONG_AVRO_PLUGIN, {{"codec", codec}});
  return Stream(table, block_rows, codec, &avro);
}

// What follows the header.
std::string Blocks(const Table& table, size_t block_rows = 4096) {
  const std::string file = Stream(table, block_rows);
  return file.substr(file.find(kSync) + std::strlen(kSync));
}

std::string SchemaOf(const Table& table) {
  const std::string file = Stream(table);
  const size_t start = file.find("{\"type\"");
  return file.substr(start, file.find("]}", start) + 2 - start);
}

std::vector<TableColumn> TwoInteractions() {
  return InteractionColumns({0, 499}, {44, 999}, {500, 455}, {1705314600000, 1705314661999});
}

std::vector<TableColumn> RandomInteractions(size_t rows) {
  std::mt19937_64 random(42);
  std::vector<int64_t> users(rows);
  std::vector<int64_t> items(rows);
  std::vector<int64_t> times(rows);
  std::vector<int32_t> ratings(rows);
  for (size_t i = 0; i < rows; ++i) {
    users[i] = AnyLength(random);
    items[i] = AnyLength(random);
    times[i] = AnyLength(random) * (random() % 2 == 0 ? 1 : -1);
    ratings[i] = static_cast<int32_t>(random() % 501);
  }
  return InteractionColumns(users, items, ratings, times);
}

// The one block of a file, as it was before it was compressed.
std::string Plain(const std::string& codec, const std::string& block) {
  std::string plain(1 << 20, '\0');
  size_t size = 0;
  if (codec == "deflate") {
    z_stream stream = {};
    EXPECT_EQ(inflateInit2(&stream, -15), Z_OK);
    std::string input = block;
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(plain.data());
    stream.avail_out = static_cast<uInt>(plain.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.avail_in, 0U);
    size = stream.total_out;
    inflateEnd(&stream);
  } else if (codec == "zstandard") {
    size = ZSTD_decompress(plain.data(), plain.size(), block.data(), block.size());
    EXPECT_EQ(ZSTD_isError(size), 0U) << ZSTD_getErrorName(size);
  } else {
    const size_t bytes = block.size() - 4;
    EXPECT_TRUE(snappy::GetUncompressedLength(block.data(), bytes, &size));
    EXPECT_TRUE(snappy::RawUncompress(block.data(), bytes, plain.data()));
    uint32_t crc = 0;
    for (const char byte : block.substr(bytes)) crc = crc << 8 | static_cast<uint8_t>(byte);
    EXPECT_EQ(crc, crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), size));
  }
  plain.resize(size);
  return plain;
}

TEST(Avro, WritesAHeaderAndABlock) {
  const std::string record_1 =
      std::string("\x0cuser_1\x0eitem_45") + NaiveDouble(5) + "\x80\x91\xde\xca\xa1\x63";
  EXPECT_EQ(NaiveRow(Table("interactions", TwoInteractions()), 0), record_1);
  const Table table("interactions", TwoInteractions());
  EXPECT_EQ(Stream(table), NaiveHeader(kInteraction, "null") + NaiveBlocks(table, 4096));
}

TEST(Avro, WritesAFileWithoutRows) {
  EXPECT_EQ(Stream(Table("interactions", InteractionColumns({}, {}, {}, {}))),
            NaiveHeader(kInteraction, "null"));
}

TEST(Avro, MakesABlockOfEachEncode) {
  const Table table("interactions", RandomInteractions(10'000));
  for (const size_t block_rows : {size_t{1}, size_t{7}, size_t{4096}, size_t{10'000}}) {
    EXPECT_TRUE(Blocks(table, block_rows) == NaiveBlocks(table, block_rows)) << block_rows;
  }
}

// The size stands before the records, and room for it is kept as the last block had it.
TEST(Avro, MakesTheSameBlocksWhateverOnesCameBefore) {
  LoadedFormat avro(THRONG_AVRO_PLUGIN);
  for (const size_t rows : {size_t{1}, size_t{10'000}, size_t{3}, size_t{100}, size_t{1}}) {
    const Table table("interactions", RandomInteractions(rows));
    EXPECT_TRUE(Stream(table, rows, "null", &avro) ==
                NaiveHeader(kInteraction, "null") + NaiveBlocks(table, rows))
        << rows;
  }
}

TEST(Avro, IsGivenWholeBlocksByTheHost) {
  const Table table("interactions", TwoInteractions());
  LoadedFormat avro(THRONG_AVRO_PLUGIN);
  avro.Begin(table.Destination(THRONG_RECORDS_STREAM, "rows"));
  EXPECT_EQ(avro.cut_rows(), 16'384U);
  avro.Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
  EXPECT_EQ(avro.cut_rows(), 0U);
}

TEST(Avro, CompressesBlocksByEachCodec) {
  const Table table("interactions", RandomInteractions(5'000));
  std::string records;
  for (size_t row = 0; row < table.rows(); ++row) records += NaiveRow(table, row);
  for (const std::string codec : {"deflate", "snappy", "zstandard"}) {
    const std::string header = NaiveHeader(kInteraction, codec) + NaiveVarint(5'000);
    const std::string file = Stream(table, 5'000, codec);
    ASSERT_TRUE(file.starts_with(header)) << codec;
    ASSERT_TRUE(file.ends_with(kSync)) << codec;
    const std::string rest = file.substr(header.size(), file.size() - header.size() - 16);
    const std::string block = rest.substr(3);
    EXPECT_EQ(rest.substr(0, 3), NaiveVarint(static_cast<int64_t>(block.size()))) << codec;
    EXPECT_LT(block.size(), records.size()) << codec;
    EXPECT_TRUE(Plain(codec, block) == records) << codec;
  }
}

TEST(Avro, CompressesABlockTheSameWhateverCameBefore) {
  const Table table("interactions", RandomInteractions(4'096));
  for (const std::string codec : {"deflate", "snappy", "zstandard"}) {
    LoadedFormat avro(THRONG_AVRO_PLUGIN, {{"codec", codec}});
    const std::string once = Stream(table, 4'096, codec, &avro);
    Stream(Table("interactions", RandomInteractions(77)), 7, codec, &avro);
    EXPECT_TRUE(Stream(table, 4'096, codec, &avro) == once) << codec;
  }
}

// A word of a doc that is changed would change every file.
TEST(Avro, LeavesDocsOutOfFiles) {
  std::vector<TableColumn> columns = TwoInteractions();
  for (TableColumn& column : columns) column.doc = "What it is.";
  EXPECT_EQ(Stream(Table("interactions", columns)),
            Stream(Table("interactions", TwoInteractions())));
}

TEST(Avro, NamesTheRecordAfterTheTable) {
  const std::vector<TableColumn> id = {
      {THRONG_COLUMN_ID, "user_id", std::vector<int64_t>{0}, "user_"}};
  EXPECT_THAT(SchemaOf(Table("users", id)), HasSubstr(R"("name":"User","namespace":"throng.v1")"));
  EXPECT_THAT(SchemaOf(Table("items", id)), HasSubstr(R"("name":"Item","namespace":"throng.v1")"));
}

TEST(Avro, MakesExtraColumnsAndWhatMayBeAbsentOptional) {
  const std::vector<int64_t> one = {1};
  const Table table("interactions", {{THRONG_COLUMN_ID, "id", one, "x"},
                                     {THRONG_COLUMN_INT64, "n", one},
                                     {THRONG_COLUMN_BOOL, "b", std::vector<uint8_t>{1}},
                                     {THRONG_COLUMN_LABEL, "l", std::vector<int32_t>{0}, "", {"a"}},
                                     {THRONG_COLUMN_FLOAT64, "f", std::vector<double>{1}},
                                     {THRONG_COLUMN_ID, "xid", one, "x", {}, true},
                                     {THRONG_COLUMN_INT64, "xn", one, "", {}, true},
                                     {THRONG_COLUMN_TIMESTAMP, "xt", one, "", {}, true}});
  EXPECT_EQ(SchemaOf(table),
            R"({"type":"record","name":"Interaction","namespace":"throng.v1","fields":[)"
            R"({"name":"id","type":"string"},{"name":"n","type":"long"},)"
            R"({"name":"b","type":"boolean"},)"
            R"({"name":"l","type":["null","string"],"default":null},)"
            R"({"name":"f","type":["null","double"],"default":null},)"
            R"({"name":"xid","type":["null","string"],"default":null},)"
            R"({"name":"xn","type":["null","long"],"default":null},)"
            R"({"name":"xt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],)"
            R"("default":null}]})");
  EXPECT_EQ(Blocks(table), NaiveBlocks(table, 1));
}

TEST(Avro, WritesNullForWhatIsAbsentOrNotFinite) {
  const Table table("interactions",
                    {{THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{-1, 0}, "", {"a"}},
                     {THRONG_COLUMN_FLOAT64, "p",
                      std::vector<double>{std::numeric_limits<double>::infinity(), 1e300}}});
  EXPECT_EQ(NaiveRow(table, 0), std::string(2, '\0'));
  EXPECT_EQ(NaiveRow(table, 1), "\2\2a\2" + NaiveDouble(1e300));
  EXPECT_EQ(Blocks(table), NaiveBlocks(table, 2));
}

TEST(Avro, HasUnionsForWhatMayBeAbsentAndIdsByTheirStyle) {
  const std::vector<int64_t> numbers = {7, -1};
  std::vector<TableColumn> columns = {
      {THRONG_COLUMN_ID, "a", numbers, "x", {}, false, true},
      {THRONG_COLUMN_ID, "b", {std::vector<int64_t>{7, 8}}, "x"},
      {THRONG_COLUMN_ID, "c", numbers, "x", {}, false, true, THRONG_ID_UUID, 0, 42},
      {THRONG_COLUMN_RATING, "d", std::vector<int32_t>{450, -1}, "", {}, false, true}};
  columns[1].id_style = THRONG_ID_INTEGER;
  columns[1].id_first = -10;
  const Table table("interactions", columns);
  EXPECT_THAT(
      SchemaOf(table),
      HasSubstr(R"([{"name":"a","type":["null","string"],"default":null},)"
                R"({"name":"b","type":"long"},)"
                R"({"name":"c","type":["null",{"type":"string","logicalType":"uuid"}],)"
                R"("default":null},{"name":"d","type":["null","double"],"default":null}])"));
  EXPECT_EQ(NaiveRow(table, 0), "\2\4x8\5\2H" + NaiveUuid(42, 7) + "\2" + NaiveDouble(4.5));
  EXPECT_EQ(NaiveRow(table, 1), std::string("\0\3\0\0", 4));
  EXPECT_EQ(Blocks(table), NaiveBlocks(table, 4096));
}

TEST(Avro, WritesNumbersOfEveryLength) {
  std::vector<int64_t> values = {0, std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max()};
  for (int bit = 0; bit < 63; ++bit) {
    const int64_t power = int64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, -power, -power - 1});
  }
  for (const bool is_extra : {false, true}) {
    const Table table("interactions", {{THRONG_COLUMN_INT64, "n", values, "", {}, is_extra},
                                       {THRONG_COLUMN_TIMESTAMP, "t", values, "", {}, is_extra}});
    EXPECT_TRUE(Blocks(table) == NaiveBlocks(table, 4096));
  }
}

// Where a text reaches 64 bytes its size takes a second byte.
TEST(Avro, WritesIdsWithPrefixesOfEveryLength) {
  std::vector<int64_t> ids = {0, 8, 9, 99'999, 999'999'999'999};
  for (size_t prefix = 0; prefix < 200; ++prefix) {
    for (const bool is_extra : {false, true}) {
      const Table table("interactions",
                        {{THRONG_COLUMN_ID, "id", ids, std::string(prefix, 'p'), {}, is_extra}});
      ASSERT_TRUE(Blocks(table) == NaiveBlocks(table, 4096)) << prefix;
    }
  }
}

TEST(Avro, WritesRandomTablesAsAPlainEncoderDoes) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<TableColumn> columns = RandomColumns(random, 100);
    for (size_t c = 0; c < columns.size(); ++c) {
      columns[c].name = "c" + std::to_string(c);
      columns[c].is_extra = random() % 2 == 0;
    }
    const Table table("users", columns);
    const size_t block_rows = 1 + random() % 100;
    ASSERT_EQ(Blocks(table, block_rows), NaiveBlocks(table, block_rows)) << "round " << round;
  }
}

TEST(Avro, WritesMessagesAsBareRecordsUnderTheKeyColumnsText) {
  const Table table("interactions", TwoInteractions());
  for (const int32_t key_column : {-1, 0, 1}) {
    LoadedFormat avro(THRONG_AVRO_PLUGIN);
    throng_destination destination = table.Destination(THRONG_RECORDS_MESSAGES, "interactions");
    destination.key_column = key_column;
    EXPECT_EQ(avro.Begin(destination), "");
    const std::vector<const void*> columns = table.At(0);
    uint32_t key_end[2] = {};
    uint32_t value_end[2] = {};
    avro.Encode({.struct_size = sizeof(throng_block),
                 .rows = 2,
                 .first_row = 0,
                 .columns = columns.data(),
                 .key_end = key_end,
                 .value_end = value_end});
    std::string expected;
    for (size_t row = 0; row < 2; ++row) {
      if (key_column >= 0) {
        expected += *NaiveText(table.columns()[static_cast<size_t>(key_column)], row);
      }
      EXPECT_EQ(key_end[row], expected.size());
      expected += NaiveRow(table, row);
      EXPECT_EQ(value_end[row], expected.size());
    }
    EXPECT_EQ(avro.buffer(), expected);
  }
}

TEST(Avro, RefusesANameThatAvroCannotHold) {
  for (const std::string name : {"user-id", "café", "2nd", "a b", ""}) {
    try {
      SchemaOf(Table("interactions", {{THRONG_COLUMN_INT64, name, std::vector<int64_t>{1}}}));
      ADD_FAILURE() << "accepted: " << name;
    } catch (const FormatFailure& failure) {
      EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
      EXPECT_THAT(failure.what(), HasSubstr("The column \"" + name + "\" has no name for Avro"));
      EXPECT_THAT(failure.what(), HasSubstr("give it another name in columns"));
    }
  }
}

TEST(Avro, RefusesATypeItDoesNotKnow) {
  try {
    SchemaOf(Table("interactions", {{8, "later", std::vector<int64_t>{1}}}));
    ADD_FAILURE() << "written";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_UNIMPLEMENTED);
    EXPECT_THAT(failure.what(), HasSubstr("column later"));
  }
}

TEST(Avro, DescribesItsCodecAsPartOfTheIdentity) {
  const LoadedFormat avro(THRONG_AVRO_PLUGIN);
  EXPECT_EQ(avro.modes(), uint32_t{THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES});
  const throng_option* const* options = avro.component().options;
  ASSERT_NE(options[0], nullptr);
  EXPECT_STREQ(options[0]->name, "codec");
  EXPECT_EQ(options[0]->type, uint32_t{THRONG_OPTION_ENUM});
  EXPECT_EQ(options[0]->flags, uint32_t{THRONG_OPTION_IDENTITY});
  EXPECT_STREQ(options[0]->default_text, "null");
}

}  // namespace
}  // namespace throng
