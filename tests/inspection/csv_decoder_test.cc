// The decoder `csv`: delimited text of anybody.
#include "tests/inspection/read_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CsvDecoderTest : public ReadTest {
 protected:
  Readings ReadText(std::string_view text, const std::map<std::string, std::string>& options = {},
                    const std::map<std::string, std::string>& columns = {}) const {
    return Read(WriteFile("foreign.csv", text), columns, "csv", options);
  }
};

constexpr std::string_view kRow = "u1,i1,4.5,2024-01-15T10:30:00Z";

TEST_F(CsvDecoderTest, ReadsQuotedValuesAsRfc4180HasThem) {
  const Readings found = ReadText(
      "\"user_id\",item_id,rating,timestamp\r\n"
      "\"a,\"\"b\"\"\",\"two\r\nlines\",\"4\",\"2024-01-15T10:30:00Z\"\r\n"
      "5\" pipe,\"\",3,2024-01-15 10:30:01\r\n"
      "x,\"y\",3,2024-01-15 10:30:02");
  EXPECT_THAT(found.rows, ElementsAre("a,\"b\",two\r\nlines,4.0,2024-01-15T10:30:00Z",
                                      "x,y,3.0,2024-01-15T10:30:02Z"));
  EXPECT_THAT(found.damages, ElementsAre("foreign.csv@87 1 item_id: item_id is missing"));
  EXPECT_THAT(found.offsets, ElementsAre(36, 121));
}

TEST_F(CsvDecoderTest, TellsTheDelimiterByTheFirstLine) {
  for (const std::string delimiter : {",", "\t", ";", "|", "::"}) {
    std::string text = "user_id,item_id,rating,timestamp\n1,2,3.5,978300760\n";
    for (size_t at = 0; (at = text.find(',', at)) != std::string::npos; at += delimiter.size()) {
      text.replace(at, 1, delimiter);
    }
    EXPECT_THAT(ReadText(text).rows, ElementsAre("1,2,3.5,2000-12-31T22:12:40Z")) << delimiter;
  }
}

TEST_F(CsvDecoderTest, ReadsMovieLensAsItIs) {
  EXPECT_THAT(Read(WriteFile("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n")).rows,
              ElementsAre("1,1193,5.0,2000-12-31T22:12:40Z", "1,661,3.0,2000-12-31T22:35:09Z"));
  const std::map<std::string, std::string> columns = {{"user_id", "userId"},
                                                      {"item_id", "movieId"}};
  EXPECT_THAT(
      Read(WriteFile("ratings.csv", "userId,movieId,rating,timestamp\n1,307,3.5,1256677221\n"),
           columns)
          .rows,
      ElementsAre("1,307,3.5,2009-10-27T21:00:21Z"));
}

TEST_F(CsvDecoderTest, ReadsNamesWithTheTypesOfRecBole) {
  EXPECT_THAT(Read(WriteFile("ml.inter",
                             "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                             "1\t307\t3.5\t1256677221\n"))
                  .rows,
              ElementsAre("1,307,3.5,2009-10-27T21:00:21Z"));
}

TEST_F(CsvDecoderTest, ReadsTimesInAnyForm) {
  const std::map<std::string, std::string> times = {
      {"2024-01-15T10:30:00+07:00", "2024-01-15T03:30:00Z"},
      {"2024-01-15 10:30:00.250", "2024-01-15T10:30:00.250Z"},
      {"2024-01-15T10:30:00.123456789-0530", "2024-01-15T16:00:00.123Z"},
      {"2024-01-15", "2024-01-15T00:00:00Z"},
      {"2024-02-29T23:59+01", "2024-02-29T22:59:00Z"},
      {"1705314600", "2024-01-15T10:30:00Z"},
      {"1705314600.25", "2024-01-15T10:30:00.250Z"},
      {"1705314600250", "2024-01-15T10:30:00.250Z"},
      {"1705314600250999", "2024-01-15T10:30:00.250Z"},
      {"-1", "1969-12-31T23:59:59Z"},
  };
  for (const auto& [text, time] : times) {
    EXPECT_THAT(ReadText("user_id,item_id,rating,timestamp\na,b,1," + text + "\n").rows,
                ElementsAre("a,b,1.0," + time))
        << text;
  }
  for (const std::string text :
       {"2024-02-30", "2023-02-29T00:00:00Z", "2024-01-15T24:00:00Z", "2024-01-15T10:30:00Zjunk",
        "2024-01-15T10:30:0", "yesterday", "12:30", "99999999999999999999"}) {
    EXPECT_THAT(ReadText("user_id,item_id,rating,timestamp\na,b,1," + text + "\n").damages,
                ElementsAre("foreign.csv@33 0 timestamp: timestamp is no time: " + text));
  }
}

TEST_F(CsvDecoderTest, ReadsNumbersAsTimesOfTheUnitThatIsNamed) {
  const std::map<std::string, std::string> forms = {{"epoch_seconds", "1970-01-12T13:46:40Z"},
                                                    {"epoch_millis", "1970-01-01T00:16:40Z"},
                                                    {"epoch_micros", "1970-01-01T00:00:01Z"}};
  for (const auto& [form, time] : forms) {
    EXPECT_THAT(ReadText("a,b,1,1000000\n", {{"timestamp", form}}).rows,
                ElementsAre("a,b,1.0," + time));
  }
  EXPECT_THAT(ReadText("a,b,1,1000000\n", {{"timestamp", "iso"}, {"header", "false"}}).damages,
              ElementsAre(HasSubstr("timestamp is no time: 1000000")));
}

TEST_F(CsvDecoderTest, KnowsWhetherTheFirstLineNamesColumns) {
  const std::string row(kRow);
  const std::string read = "u1,i1,4.5,2024-01-15T10:30:00Z";
  EXPECT_THAT(ReadText(row + "\n" + row).rows, ElementsAre(read, read));
  EXPECT_THAT(ReadText("\xef\xbb\xbfuser_id,item_id,rating,timestamp\n" + row).rows,
              ElementsAre(read));
  EXPECT_THAT(
      ReadText("\r\n\nrating , timestamp,item_id,user_id\n4.5,2024-01-15T10:30:00Z,i1,u1\n").rows,
      ElementsAre(read));
  EXPECT_THAT(ReadText("a,b,c,d\n" + row,
                       {{"header", "true"}, {"columns", "user_id, item_id, rating, timestamp"}})
                  .rows,
              ElementsAre(read));
  EXPECT_THAT(ReadText("x,i1,u1,2024-01-15T10:30:00Z,4.5\n",
                       {{"columns", "shop,item_id,user_id,timestamp,rating"}})
                  .rows,
              ElementsAre(read));
}

TEST_F(CsvDecoderTest, NamesTheColumnsThatAreThereWhereOneIsMissing) {
  const Readings found = ReadText("userId,movieId,rating,timestamp\n1,2,3,4\n");
  EXPECT_EQ(found.status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(found.status),
            "columns: " + Path("foreign.csv") +
                " has no column user_id; it has userId, movieId, rating, timestamp. Say which of "
                "them it is.");
  EXPECT_THAT(
      MessageOf(ReadText("1,2,3,978300760\n", {}, {{"user_id", "uid"}}).status),
      HasSubstr("has no column uid, and no line of names; its columns are user_id, item_id, "
                "rating, timestamp. Give their names in columns."));
}

TEST_F(CsvDecoderTest, RatingsMayBeLeftOutAndNothingElse) {
  const Readings found = ReadText(
      "user_id,item_id,rating,timestamp\na,b,,2024-01-15\na,b,NaN,2024-01-15\n,b,1,2024-01-15\n"
      "a,b,1,\n");
  EXPECT_THAT(found.rows, ElementsAre("a,b,,2024-01-15T00:00:00Z", "a,b,,2024-01-15T00:00:00Z"));
  EXPECT_THAT(found.damages, ElementsAre("foreign.csv@68 2 user_id: user_id is missing",
                                         "foreign.csv@84 2 timestamp: timestamp is missing"));
}

TEST_F(CsvDecoderTest, GoesOnBehindDamages) {
  const std::string row = std::string(kRow) + "\n";
  const Readings found =
      ReadText(row + "u1,i1,4.5\n" + row + "\"open,i1,1,2024-01-15\n" + row +
               "\"u\"1,i1,1,2024-01-15\n" + row + "u1,i1,good,2024-01-15\n" + row +
               "u1,i1,1,2024-01-15T10:30:00Z,more\n" + row + "u1,i1,4.5,2024-01-");
  EXPECT_EQ(found.rows.size(), 6);
  EXPECT_THAT(
      found.damages,
      ElementsAre("foreign.csv@31 1 : the record has 3 values and the first one 4",
                  // Quotes that close are met in the next one that opens.
                  "foreign.csv@72 2 : something else than a delimiter follows a value in quotes",
                  "foreign.csv@125 3 : something else than a delimiter follows a value in quotes",
                  "foreign.csv@177 4 rating: rating is no number: good",
                  "foreign.csv@230 5 : the record has 5 values and the first one 4",
                  "foreign.csv@295 6 timestamp: timestamp is no time: 2024-01-"));
}

TEST_F(CsvDecoderTest, AQuoteThatNeverClosesCostsOneRecord) {
  const std::string row = std::string(kRow) + "\n";
  const Readings found = ReadText(row + "\"open,i1,1,2024-01-15\n" + row + row);
  EXPECT_EQ(found.rows.size(), 3);
  EXPECT_THAT(found.damages, ElementsAre("foreign.csv@31 1 : a value in quotes has no end"));
}

TEST_F(CsvDecoderTest, ALineWithoutEndIsOneDamageAndTakesBoundedMemory) {
  std::string text =
      std::string(kRow) + "\n" + std::string(20 << 20, 'x') + "\n" + std::string(kRow);
  const Readings found = ReadText(text);
  EXPECT_EQ(found.rows.size(), 2);
  EXPECT_THAT(found.damages, ElementsAre("foreign.csv@31 1 : the record has no end within 16 MiB"));
}

TEST_F(CsvDecoderTest, AnEmptyFileHasNoRows) {
  for (const std::string text : {"", "\n", "user_id,item_id,rating,timestamp", "\xef\xbb\xbf"}) {
    const Readings found = ReadText(text);
    EXPECT_TRUE(found.status.ok()) << found.status;
    EXPECT_THAT(found.rows, IsEmpty());
    EXPECT_THAT(found.damages, IsEmpty());
  }
}

TEST_F(CsvDecoderTest, RefusesWhatCannotStandBetweenValues) {
  for (const std::string delimiter : {"", "\"", "\n", "more than eight"}) {
    EXPECT_THAT(
        MessageOf(ReadText("", {{"delimiter", delimiter}}).status),
        HasSubstr("decoder.options.delimiter: \"" + delimiter + "\" cannot stand between values"));
  }
  EXPECT_THAT(MessageOf(ReadText(std::string("\xff\xfe") + "a\n").status),
              HasSubstr("is UTF-16, which is not read; convert it to UTF-8."));
}

}  // namespace
}  // namespace throng
