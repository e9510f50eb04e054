// The reader of rows: what is asked of it, what it finds out itself, and what it says is wrong.
#include "server/inspection/decoder_names.h"
#include "tests/inspection/read_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using RowReaderTest = ReadTest;

constexpr std::string_view kCsv = "user_id,item_id,rating,timestamp\na,b,1,2024-01-15\n";
constexpr std::string_view kRow = "a,b,1.0,2024-01-15T00:00:00Z";

TEST_F(RowReaderTest, NamesTheFieldAtFault) {
  const std::string path = WriteFile("rows.csv", kCsv);
  ReadRequest request = Request(path);
  request.source.mutable_source()->clear_options();
  EXPECT_THAT(MessageOf(Read(request).status), StartsWith("source.options.path: is missing"));
  EXPECT_EQ(OptionOf(Read(request).status), "source.options.path");
  request.source.mutable_source()->set_component("fiel");
  EXPECT_THAT(MessageOf(Read(request).status), StartsWith("source.component: there is no source"));
  EXPECT_THAT(MessageOf(Read(path, {}, "cvs").status),
              StartsWith("decoder.component: there is no decoder `cvs`"));
  EXPECT_THAT(MessageOf(Read(path, {}, "csv", {{"heeder", "true"}}).status),
              StartsWith("decoder.options.heeder: the decoder `csv` has no such option. Did you "
                         "mean \"header\"?"));
  EXPECT_EQ(MessageOf(Read(path, {{"user", "uid"}}).status),
            "columns.user: is no column here; on the left stands the name here, on the right that "
            "in the data. Did you mean \"user_id\"?");
  EXPECT_THAT(MessageOf(Read(path, {{"user_id", ""}}).status),
              StartsWith("columns.user_id: is empty"));
}

TEST_F(RowReaderTest, SaysWhatIsThereInsteadOfAFile) {
  const Readings none = Read(Path("rows.csv"));
  EXPECT_EQ(none.status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(none.status), "source.options.path: There is no file " + Path("rows.csv") +
                                        "; give the path of a file or a pattern of paths.");
  WriteFile("rows.csv.part", kCsv);
  EXPECT_THAT(MessageOf(Read(Path("rows.csv")).status),
              HasSubstr("but the unfinished " + Path("rows.csv.part") + "; name that"));
  EXPECT_THAT(Read(Path("rows.csv.part")).rows, ElementsAre(kRow));
  EXPECT_THAT(MessageOf(Read(Path("r*.csv")).status),
              HasSubstr("No file matches " + Path("r*.csv")));
  EXPECT_THAT(MessageOf(Read(folder_.string()).status),
              HasSubstr(" is a folder; give a file in it, or a pattern such as " +
                        folder_.string() + "/*.csv."));
}

TEST_F(RowReaderTest, FilesOfAPatternComeInNaturalOrder) {
  for (const std::string name :
       {"d2/part-10.csv", "d10/part-1.csv", "d2/part-2.csv", "d2/other.csv", "d2/.hidden.csv"}) {
    WriteFile(name, kCsv);
  }
  EXPECT_THAT(Read(Path("d*/part-?.csv")).pieces, ElementsAre("part-2.csv", "part-1.csv"));
  EXPECT_THAT(Read(Path("d2/*.csv")).pieces, ElementsAre("other.csv", "part-2.csv", "part-10.csv"));
  EXPECT_THAT(Read(Path("d2/part-{part}.csv")).pieces, ElementsAre("part-2.csv", "part-10.csv"));
  // A file whose name has a star in it is itself.
  WriteFile("d2/*.csv", kCsv);
  EXPECT_THAT(Read(Path("d2/*.csv")).pieces, ElementsAre("*.csv"));
}

TEST_F(RowReaderTest, ReadsBelowTheInputRootsOnly) {
  const std::string inside = WriteFile("in/rows.csv", kCsv);
  const std::string outside = WriteFile("out/rows.csv", kCsv);
  environment_.input_roots = {Path("in")};
  EXPECT_THAT(Read(inside).rows, ElementsAre(kRow));
  EXPECT_EQ(MessageOf(Read(outside).status), "source.options.path: " + outside +
                                                 " lies outside the input roots (" + Path("in") +
                                                 "); choose a path below one of them.");
  fs::create_symlink(Path("out"), Path("in/link"));
  EXPECT_THAT(MessageOf(Read(Path("in/link/rows.csv")).status),
              HasSubstr("outside the input roots"));
  EXPECT_THAT(MessageOf(Read(Path("in/*/rows.csv")).status), HasSubstr("outside the input roots"));
  environment_.input_roots->clear();
  EXPECT_THAT(MessageOf(Read(inside).status), HasSubstr("this daemon reads no files"));
}

TEST_F(RowReaderTest, GoesOnWithTheNextPieceWhereOneCannotBeRead) {
  WriteFile("1.csv", kCsv);
  WriteFile("2.csv",
            "\xff\xfe"
            "a\n");
  WriteFile("3.csv", kCsv);
  const Readings found = Read(Path("?.csv"));
  EXPECT_THAT(found.rows, ElementsAre(kRow, kRow));
  EXPECT_EQ(found.status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(RowReaderTest, FollowsAFileThatGrows) {
  const std::string path = WriteFile("rows.csv", kCsv);
  ReadRequest request = Request(path);
  request.follows = true;
  const auto reader = RowReader::Open(request, catalogue_, environment_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  FoundRows rows;
  ASSERT_TRUE((*reader)->Next(1000, &rows).ok());
  EXPECT_EQ(rows.rows, 1);
  ASSERT_TRUE((*reader)->Next(0, &rows).ok());
  EXPECT_EQ(rows.rows, 0);
  EXPECT_FALSE(rows.is_end);
  std::ofstream(path, std::ios::app) << "c,d,2,2024-01-16\n";
  ASSERT_TRUE((*reader)->Next(10000, &rows).ok());
  ASSERT_EQ(rows.rows, 1);
  EXPECT_EQ(TextOf(rows.user_id, 0), "c");
  EXPECT_EQ(rows.first_row, 1);
  is_stopping_ = true;
  EXPECT_EQ((*reader)->Next(10000, &rows).code(), absl::StatusCode::kCancelled);
}

TEST(DecoderNames, ATableOfNamesAndBytes) {
  EXPECT_EQ(*DecoderOfStream("a/rows.csv.gz.part", ""), "csv");
  EXPECT_EQ(*DecoderOfStream("ROWS.NDJSON.zst", "\x1f\x8b"), "json");
  EXPECT_EQ(*DecoderOfStream("rows", std::string_view("Obj\x01 more")), "avro");
  EXPECT_EQ(*DecoderOfStream("rows.json", std::string_view("Obj\x01 more")), "avro");
  EXPECT_EQ(*DecoderOfStream("rows", " \n{\"a\": 1}"), "json");
  EXPECT_EQ(*DecoderOfStream("rows", "1;2;3\n"), "csv");
  EXPECT_EQ(*DecoderOfStream("rows", "\x1f\x8b\x08"), "");
  EXPECT_EQ(*DecoderOfStream("rows", ""), "");
  EXPECT_EQ(*DecoderOfStream("rows", "PAR1"), "parquet");
  EXPECT_EQ(*DecoderOfMessages(" {\"a\": 1}"), "json");
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(*DecoderOfMessages("\0\0\0\0\x01{\"a\": 1}"sv), "json");
  EXPECT_EQ(*DecoderOfMessages("\0\0\0\0\x01\x0cuser_1"sv), "avro");
  EXPECT_EQ(*DecoderOfMessages("\0\0\0\0\x01\0\x0a\x06user_1"sv), "protobuf");
  EXPECT_THAT(MessageOf(DecoderOfMessages("\x0cuser_1").status()), HasSubstr("name the decoder"));
}

}  // namespace
}  // namespace throng
