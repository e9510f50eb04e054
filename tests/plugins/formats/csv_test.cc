// The csv format: its exact bytes, against plain formatters and for every way to cut the rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"
#include "tests/plugins/formats/naive_text.h"

namespace throng {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kDay = 86400000;

std::string Csv(const Table& table, size_t block_rows = 4096) {
  LoadedFormat csv(THRONG_CSV_PLUGIN);
  return csv.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.csv"), block_rows);
}

// The values of a single column, one a line.
std::vector<std::string> Lines(TableColumn column) {
  const Table table("interactions", {std::move(column)});
  std::istringstream text(Csv(table));
  std::vector<std::string> lines;
  std::string line;
  std::getline(text, line);  // the header
  while (std::getline(text, line)) lines.push_back(line);
  return lines;
}

std::string NaiveCsv(const Table& table) {
  std::string text;
  for (const TableColumn& column : table.columns()) text += column.name + ",";
  text.back() = '\n';
  for (size_t row = 0; row < table.rows(); ++row) {
    for (const TableColumn& column : table.columns()) {
      text += NaiveText(column, row).value_or("") + ",";
    }
    text.back() = '\n';
  }
  return text;
}

void ExpectNaiveTimes(const std::vector<int64_t>& times) {
  const std::vector<std::string> lines = Lines({THRONG_COLUMN_TIMESTAMP, "timestamp", times});
  ASSERT_EQ(lines.size(), times.size());
  for (size_t i = 0; i < times.size(); ++i) {
    ASSERT_EQ(lines[i], NaiveTimestamp(times[i])) << times[i] << " ms";
  }
}

TEST(Csv, WritesInteractionsUnderAHeader) {
  const Table table("interactions", InteractionColumns({0, 499}, {44, 999}, {500, 455},
                                                       {1705314600000, 1705314661999}));
  EXPECT_EQ(Csv(table),
            "user_id,item_id,rating,timestamp\n"
            "user_1,item_45,5.0,2024-01-15T10:30:00Z\n"
            "user_500,item_1000,4.55,2024-01-15T10:31:01Z\n");
}

TEST(Csv, WritesEveryTypeOfColumn) {
  const Table table("interactions",
                    {{THRONG_COLUMN_INT64, "n", std::vector<int64_t>{-7, 0}},
                     {THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{1, -1}, "", {"a", "café"}},
                     {THRONG_COLUMN_BOOL, "popular", std::vector<uint8_t>{1, 0}},
                     {THRONG_COLUMN_FLOAT64, "expected", std::vector<double>{3.25, 1e-7}},
                     {THRONG_COLUMN_RATING, "rating", std::vector<int32_t>{350, 5}},
                     {THRONG_COLUMN_TIMESTAMP, "at", std::vector<int64_t>{0, -1}},
                     {THRONG_COLUMN_ID, "id", std::vector<int64_t>{9, 99}, "x"}});
  EXPECT_EQ(Csv(table),
            "n,kind,popular,expected,rating,at,id\n"
            "-7,café,true,3.25,3.5,1970-01-01T00:00:00Z,x10\n"
            "0,,false,1e-07,0.05,1969-12-31T23:59:59Z,x100\n");
}

TEST(Csv, LeavesAFloatThatIsNotFiniteEmpty) {
  const std::vector<double> values = {std::numeric_limits<double>::quiet_NaN(),
                                      -std::numeric_limits<double>::infinity(), 0.5};
  EXPECT_THAT(Lines({THRONG_COLUMN_FLOAT64, "p", values}), testing::ElementsAre("", "", "0.5"));
}

TEST(Csv, LeavesWhatIsAbsentEmptyAndHasIdsByTheirStyle) {
  const std::vector<int64_t> numbers = {7, -1};
  const std::vector<int64_t> wide = {-1, std::numeric_limits<int64_t>::min()};
  const Table table("interactions",
                    {{THRONG_COLUMN_ID, "a", numbers, "x", {}, false, true, THRONG_ID_TEXT, 0},
                     {THRONG_COLUMN_ID,
                      "b",
                      std::vector<int64_t>{7, 8},
                      "x",
                      {},
                      false,
                      false,
                      THRONG_ID_INTEGER,
                      -10},
                     {THRONG_COLUMN_ID, "c", numbers, "x", {}, false, true, THRONG_ID_UUID, 0, 42},
                     {THRONG_COLUMN_INT64, "d", wide, "", {}, false, true},
                     {THRONG_COLUMN_TIMESTAMP, "e", wide, "", {}, false, true},
                     {THRONG_COLUMN_RATING, "f", std::vector<int32_t>{0, -1}, "", {}, false, true},
                     {THRONG_COLUMN_BOOL, "g", std::vector<uint8_t>{0, 2}, "", {}, false, true}});
  EXPECT_EQ(Csv(table), "a,b,c,d,e,f,g\nx7,-3," + NaiveUuid(42, 7) +
                            ",-1,1969-12-31T23:59:59Z,0.0,false\n,-2,,,,,\n");
}

TEST(Csv, WritesFloatsThatReadBackTheSame) {
  std::mt19937_64 random(7);
  std::vector<double> values = {std::numeric_limits<double>::max(),
                                -std::numeric_limits<double>::denorm_min(),
                                -2.2250738585072014e-308, 0.1, 1.0 / 3.0};
  for (int i = 0; i < 1000; ++i) {
    values.push_back(
        std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 900) - 500));
  }
  const std::vector<std::string> lines = Lines({THRONG_COLUMN_FLOAT64, "p", values});
  ASSERT_EQ(lines.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(std::strtod(lines[i].c_str(), nullptr), values[i]) << lines[i];
  }
}

// Where AddressSanitizer watches, this also shows that enough room was asked for.
TEST(Csv, WritesNothingButTheLongestValues) {
  const std::vector<double> values(1000, -2.2250738585072014e-308);
  EXPECT_THAT(Lines({THRONG_COLUMN_FLOAT64, "p", values}),
              testing::Each("-2.2250738585072014e-308"));
}

TEST(Csv, WritesNumbersOfEveryLength) {
  std::vector<int64_t> values = {0, std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max()};
  std::vector<int64_t> ids = {0, 1000000000000};
  for (int64_t power = 1; power <= 1000000000000000000 / 10; power *= 10) {
    for (const int64_t around : {power * 10 - 1, power * 10, power * 10 + 1}) {
      values.insert(values.end(), {around, -around});
      ids.push_back(around - 1);
    }
  }
  const TableColumn numbers = {THRONG_COLUMN_INT64, "n", values};
  const std::vector<std::string> lines = Lines(numbers);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(lines[i], std::to_string(values[i]));
  const std::vector<std::string> id_lines = Lines({THRONG_COLUMN_ID, "id", ids, "u"});
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(id_lines[i], "u" + std::to_string(ids[i] + 1));
}

TEST(Csv, WritesNumbersInEveryTableAndAcrossThem) {
  std::vector<int64_t> values;
  for (int64_t n = 0; n < 20000; ++n) values.push_back(n);
  for (int64_t n = 0; n < 11000000; n += 97) values.push_back(n);
  const std::vector<std::string> lines = Lines({THRONG_COLUMN_INT64, "n", values});
  ASSERT_EQ(lines.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(lines[i], std::to_string(values[i]));
}

TEST(Csv, WritesRatingsWithOneDecimalOrTwo) {
  EXPECT_THAT(Lines({THRONG_COLUMN_RATING, "rating",
                     std::vector<int32_t>{0, 5, 50, 450, 500, 501, 1000, 9999, -5, -50, -1234}}),
              testing::ElementsAre("0.0", "0.05", "0.5", "4.5", "5.0", "5.01", "10.0", "99.99",
                                   "-0.05", "-0.5", "-12.34"));
  std::vector<int32_t> values = {std::numeric_limits<int32_t>::min(),
                                 std::numeric_limits<int32_t>::max()};
  for (int32_t value = -2000; value <= 20000; ++value) values.push_back(value);
  const std::vector<std::string> lines = Lines({THRONG_COLUMN_RATING, "rating", values});
  ASSERT_EQ(lines.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(lines[i], NaiveRating(values[i]));
}

TEST(Csv, WritesTheFirstAndLastMillisecondOfEverySecondOfADay) {
  std::vector<int64_t> times;
  for (const int64_t day : {1705276800000, -kDay}) {
    for (int64_t second = 0; second < kDay; second += 1000) {
      times.insert(times.end(), {day + second, day + second + 999});
    }
  }
  ExpectNaiveTimes(times);
}

TEST(Csv, WritesDatesFromTheYear0To9999) {
  const int64_t first = -62167219200000;
  const int64_t last = 253402300799999;
  EXPECT_THAT(Lines({THRONG_COLUMN_TIMESTAMP, "at", std::vector<int64_t>{first, last}}),
              testing::ElementsAre("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"));
  std::vector<int64_t> times;
  for (int64_t day = first; day < last; day += 17 * kDay) times.push_back(day);
  for (int64_t day = -30000; day < 60000; ++day) {  // 1887 to 2134
    times.insert(times.end(), {day * kDay, day * kDay + kDay - 1});
  }
  for (int year = 0; year <= 9999; ++year) {
    tm march = {};
    march.tm_year = year - 1900;
    march.tm_mon = 2;
    march.tm_mday = 1;
    const int64_t time = timegm(&march) * int64_t{1000};
    times.insert(times.end(), {time - 1, time});
  }
  ExpectNaiveTimes(times);
}

TEST(Csv, WritesTimesInAnyOrder) {
  std::mt19937_64 random(3);
  std::vector<int64_t> times(20000);
  for (int64_t& time : times) time = static_cast<int64_t>(random() % 40) * kDay - 20 * kDay - 1;
  ExpectNaiveTimes(times);
}

TEST(Csv, RefusesATimeBeyondTheYear9999) {
  for (const int64_t time :
       {int64_t{253402300800000}, int64_t{-62167219200001}, std::numeric_limits<int64_t>::min(),
        std::numeric_limits<int64_t>::max()}) {
    try {
      Lines({THRONG_COLUMN_TIMESTAMP, "at", std::vector<int64_t>{0, time}});
      ADD_FAILURE() << "written: " << time;
    } catch (const FormatFailure& failure) {
      EXPECT_EQ(failure.code, THRONG_OUT_OF_RANGE);
      EXPECT_THAT(failure.what(), StartsWith("A time of " + std::to_string(time) + " ms"));
    }
  }
}

TEST(Csv, RefusesATypeItDoesNotKnow) {
  try {
    Lines({8, "later", std::vector<int64_t>{1}});
    ADD_FAILURE() << "written";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_UNIMPLEMENTED);
    EXPECT_THAT(failure.what(), HasSubstr("column later"));
  }
}

TEST(Csv, GivesTheHeaderToTheFirstContiguousSliceAndToEveryInterleavedOne) {
  const Table table("interactions", InteractionColumns({0}, {0}, {500}, {0}));
  throng_destination destination = table.Destination(THRONG_RECORDS_STREAM, "rows.csv");
  LoadedFormat csv(THRONG_CSV_PLUGIN);
  destination.slice_count = 3;
  EXPECT_EQ(csv.Begin(destination), "user_id,item_id,rating,timestamp\n");
  destination.slice_index = 2;
  EXPECT_EQ(csv.Begin(destination), "");
  destination.slice_mode = THRONG_SLICE_INTERLEAVED;
  EXPECT_EQ(csv.Begin(destination), "user_id,item_id,rating,timestamp\n");
}

TEST(Csv, WritesOnlyTheHeaderWithoutRows) {
  const Table table("interactions", InteractionColumns({}, {}, {}, {}));
  EXPECT_EQ(Csv(table), "user_id,item_id,rating,timestamp\n");
}

TEST(Csv, WritesStreamsOnly) {
  EXPECT_EQ(LoadedFormat(THRONG_CSV_PLUGIN).modes(), uint32_t{THRONG_RECORDS_STREAM});
}

TEST(Csv, WritesTheSameBytesForBlocksOfAnySize) {
  std::mt19937_64 random(1);
  std::vector<int64_t> users(10000);
  std::vector<int64_t> items(users.size());
  std::vector<int32_t> ratings(users.size());
  std::vector<int64_t> times(users.size());
  for (size_t i = 0; i < users.size(); ++i) {
    users[i] = AnyLength(random) % 2000000;
    items[i] = AnyLength(random) % 200000000;
    ratings[i] = static_cast<int32_t>(random() % 600);
    times[i] = 1704067200000 + static_cast<int64_t>(i) * 123457;
  }
  const Table table("interactions", InteractionColumns(users, items, ratings, times));
  const std::string expected = NaiveCsv(table);
  for (const size_t block_rows : {size_t{1}, size_t{7}, size_t{4096}}) {
    EXPECT_TRUE(Csv(table, block_rows) == expected) << block_rows << " rows a block";
  }
}

TEST(Csv, WritesRandomTablesAsAPlainFormatterDoes) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    const Table table("users", RandomColumns(random, 100));
    ASSERT_EQ(Csv(table, 1 + random() % 100), NaiveCsv(table)) << "round " << round;
  }
}

std::string CsvOf(const Table& table, const std::map<std::string, std::string>& options) {
  LoadedFormat csv(THRONG_CSV_PLUGIN, options);
  return csv.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.csv"), 4096);
}

std::string RefusalOf(const Table& table, const std::map<std::string, std::string>& options,
                      const std::string& option) {
  try {
    CsvOf(table, options);
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(failure.option, option);
    return failure.what();
  }
  return "";
}

std::vector<TableColumn> DialectColumns() {
  return InteractionColumns({0, 41}, {8, 99}, {500, 350}, {1705314600007, -1});
}

TEST(CsvDialectTest, MovieLensIsTabsWithoutNamesAndSeconds) {
  const Table table("interactions", DialectColumns());
  EXPECT_EQ(
      CsvOf(table, {{"delimiter", "tab"}, {"header", "false"}, {"timestamp", "epoch_seconds"}}),
      "user_1\titem_9\t5.0\t1705314600\nuser_42\titem_100\t3.5\t-1\n");
}

TEST(CsvDialectTest, TheHeaderMayBeAnyLine) {
  const Table table("interactions", DialectColumns());
  EXPECT_THAT(CsvOf(table, {{"delimiter", "::"}, {"header", "u::i"}}),
              StartsWith("u::i\nuser_1::item_9::5.0::2024-01-15T10:30:00Z\n"));
}

TEST(CsvDialectTest, TimesMayHaveMilliseconds) {
  const Table table("interactions", DialectColumns());
  EXPECT_THAT(
      CsvOf(table, {{"timestamp", "iso_millis"}}),
      HasSubstr("5.0,2024-01-15T10:30:00.007Z\nuser_42,item_100,3.5,1969-12-31T23:59:59.999Z"));
  EXPECT_THAT(CsvOf(table, {{"timestamp", "epoch_millis"}}), HasSubstr("5.0,1705314600007\n"));
}

TEST(CsvDialectTest, AllValuesMayStandInQuotes) {
  std::vector<TableColumn> columns = DialectColumns();
  columns.push_back({THRONG_COLUMN_LABEL, "a b", std::vector<int32_t>{0, -1}, "", {"x,y"}});
  columns[0].prefix = "u ";
  columns[2].is_nullable = true;
  columns[2].values = std::vector<int32_t>{500, -1};
  const Table table("interactions", columns);
  EXPECT_EQ(CsvOf(table, {{"quote", "all"}, {"timestamp", "epoch_seconds"}}),
            "\"user_id\",\"item_id\",\"rating\",\"timestamp\",\"a b\"\n"
            "\"u 1\",\"item_9\",\"5.0\",\"1705314600\",\"x,y\"\n"
            "\"u 42\",\"item_100\",\"\",\"-1\",\"\"\n");
}

TEST(CsvDialectTest, RatingsHaveTheDecimalsThatAreAskedForOrAreRefused) {
  const Table table("interactions", DialectColumns());
  EXPECT_THAT(CsvOf(table, {{"rating_decimals", "2"}}), HasSubstr(",5.00,"));
  const Table whole("interactions", InteractionColumns({0}, {0}, {400}, {0}));
  EXPECT_THAT(CsvOf(whole, {{"rating_decimals", "0"}}), HasSubstr("item_1,4,"));
  EXPECT_EQ(
      RefusalOf(table, {{"rating_decimals", "0"}}, "rating_decimals"),
      "A rating is 3.5, which needs more decimals; raise rating_decimals, or choose a scale of "
      "ratings without them.");
}

TEST(CsvDialectTest, RatingsHaveAsFewDecimalsAsTheyNeed) {
  const Table table("interactions",
                    InteractionColumns({0, 1, 2}, {0, 1, 2}, {400, 350, 455}, {0, 0, 0}));
  const std::string text = CsvOf(table, {{"rating_decimals", "fewest"}});
  EXPECT_THAT(text, HasSubstr("user_1,item_1,4,1970"));
  EXPECT_THAT(text, HasSubstr("user_2,item_2,3.5,1970"));
  EXPECT_THAT(text, HasSubstr("user_3,item_3,4.55,1970"));
}

TEST(CsvDialectTest, NamesMayHaveTheTypesOfRecBole) {
  std::vector<TableColumn> columns = DialectColumns();
  columns.push_back({THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{0, -1}, "", {"a"}});
  columns.push_back({THRONG_COLUMN_BOOL, "popular", std::vector<uint8_t>{1, 0}});
  columns.push_back({THRONG_COLUMN_FLOAT64, "price", std::vector<double>{4.99, 5}});
  EXPECT_THAT(CsvOf(Table("interactions", columns), {{"header", "typed"}, {"delimiter", "tab"}}),
              StartsWith("user_id:token\titem_id:token\trating:float\ttimestamp:float\t"
                         "kind:token\tpopular:token\tprice:float\n"));
  EXPECT_THAT(
      RefusalOf(Table("interactions", columns), {{"header", "typed"}, {"quote", "all"}}, "quote"),
      HasSubstr("for readers that know no quotes; leave quote out."));
}

TEST(CsvDialectTest, IdsMayHaveToBeIntegersOf31Bits) {
  std::vector<TableColumn> columns = DialectColumns();
  const std::map<std::string, std::string> options = {{"integer_ids", "true"}};
  EXPECT_EQ(RefusalOf(Table("interactions", columns), options, "integer_ids"),
            "The column user_id has ids that are no integers; set dataset.world.ids to integer, or "
            "leave integer_ids out.");
  for (size_t c = 0; c < 2; ++c) {
    columns[c].id_style = THRONG_ID_INTEGER;
    columns[c].id_count = 2'147'483'647;
  }
  EXPECT_THAT(CsvOf(Table("interactions", columns), options), HasSubstr("\n1,9,5.0,"));
  columns[1].id_first = 2;
  EXPECT_EQ(RefusalOf(Table("interactions", columns), options, "integer_ids"),
            "The last id of the column item_id is 2147483648, and readers take integers up to "
            "2147483647; ask for fewer users or items, begin lower (dataset.world.user_start, "
            "item_start), or leave integer_ids out.");
}

TEST(CsvDialectTest, WhatCannotHoldTogetherIsRefused) {
  const Table table("interactions", DialectColumns());
  EXPECT_THAT(RefusalOf(table, {{"delimiter", "a"}}, "delimiter"),
              StartsWith("\"a\" may be a part of values; give a delimiter without letters"));
  EXPECT_THAT(RefusalOf(table, {{"delimiter", "\""}}, "delimiter"),
              HasSubstr("cannot stand between"));
  EXPECT_THAT(RefusalOf(table, {{"delimiter", ":"}}, "delimiter"), HasSubstr("is a part of times"));
  EXPECT_THAT(RefusalOf(table, {{"header", "a\nb"}}, "header"), HasSubstr("more than one line"));
}

TEST(CsvDialectTest, NamesPrefixesAndLabelsHoldNeitherTheDelimiterNorAFormula) {
  std::vector<TableColumn> columns = DialectColumns();
  columns[0].prefix = "u s";
  columns[3].name = "at;utc";
  columns.push_back({THRONG_COLUMN_LABEL, "kind", std::vector<int32_t>{0, -1}, "", {"a|b"}});
  const Table table("interactions", columns);
  EXPECT_EQ(RefusalOf(table, {{"delimiter", " "}}, "delimiter"),
            "The prefix \"u s\" of the column user_id holds the delimiter \" \"; name it "
            "otherwise, or give another delimiter or quote: all.");
  EXPECT_THAT(RefusalOf(table, {{"delimiter", "pipe"}}, "delimiter"),
              StartsWith("The label \"a|b\" of the column kind holds the delimiter \"|\""));
  EXPECT_THAT(RefusalOf(table, {{"delimiter", ";"}}, "delimiter"),
              StartsWith("The name of the column \"at;utc\" holds the delimiter \";\""));
  EXPECT_THAT(CsvOf(table, {{"delimiter", ";"}, {"quote", "all"}}),
              HasSubstr(";\"at;utc\";\"kind\"\n\"u s1\";"));

  columns = DialectColumns();
  columns[0].prefix = "=cmd";
  const Table formula("interactions", columns);
  EXPECT_EQ(
      RefusalOf(formula, {}, "allow_formulas"),
      "The prefix \"=cmd\" of the column user_id begins with \"=\", which a spreadsheet takes "
      "for a formula; name it otherwise, or give allow_formulas: true.");
  EXPECT_THAT(CsvOf(formula, {{"allow_formulas", "true"}}), HasSubstr("\n=cmd1,item_9"));
}

}  // namespace
}  // namespace throng
