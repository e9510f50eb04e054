// What Throng wrote is what it must be, and whatever became of it is named.
#include <fmt/format.h>

#include "tests/inspection/verify_fixture.h"

namespace throng {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCsv[] = "{component: csv}";

class CsvTest : public VerifyTest {
 protected:
  CsvTest() {
    Write(Output(kCsv, "a.csv"));
    lines_ = Lines(path_);
  }
  // What is found once the lines, the header among them, are these, but for the manifest that is
  // then no longer true.
  std::string Found(const std::vector<std::string>& lines) {
    WriteLines(path_, lines);
    return Found();
  }
  std::string Found() {
    result_ = Verified(path_);
    std::string text;
    v1::Verification rest = result_;
    rest.clear_differences();
    for (const v1::Difference& difference : result_.differences()) {
      if (difference.kind() != v1::DIFFERENCE_KIND_MANIFEST) *rest.add_differences() = difference;
    }
    result_ = rest;
    return Summary(result_);
  }

  const std::string path_ = Path("a.csv");
  std::vector<std::string> lines_;
  v1::Verification result_;
};

TEST_F(CsvTest, NothingIsFoundWhereNothingIsWrong) {
  const v1::Verification found = Verified(path_);
  EXPECT_EQ(Summary(found), "");
  EXPECT_EQ(found.expected_rows(), 50'000);
  EXPECT_EQ(found.found_rows(), 50'000);
}

TEST_F(CsvTest, ALostRowIsNamed) {
  const std::string row = lines_[20'001];
  lines_.erase(lines_.begin() + 20'001);
  EXPECT_EQ(Found(lines_), "lost 1");
  EXPECT_EQ(First(result_).row(), 20'000);
  EXPECT_TRUE(First(result_).expected().starts_with(row.substr(0, row.size() - 1)));
  EXPECT_EQ(result_.found_rows(), 49'999);
}

TEST_F(CsvTest, TheFirstAndTheLastRowMayBeLost) {
  lines_.pop_back();
  lines_.erase(lines_.begin() + 1);
  EXPECT_EQ(Found(lines_), "lost 2");
  EXPECT_EQ(First(result_).row(), 0);
  EXPECT_EQ(result_.differences(0).examples(1).row(), 49'999);
}

TEST_F(CsvTest, ADoubledRowIsNamed) {
  lines_.insert(lines_.begin() + 20'001, lines_[20'001]);
  EXPECT_EQ(Found(lines_), "doubled 1");
  EXPECT_EQ(First(result_).row(), 20'000);
  EXPECT_EQ(First(result_).found(), lines_[20'001]);
  EXPECT_EQ(First(result_).piece(), path_);
}

TEST_F(CsvTest, ACopyFarAwayIsADoubledRow) {
  lines_.insert(lines_.begin() + 40'001, lines_[101]);
  lines_.insert(lines_.begin() + 301, lines_[45'001]);
  EXPECT_EQ(Found(lines_), "doubled 2");
}

TEST_F(CsvTest, SwappedRowsAreOutOfOrder) {
  std::swap(lines_[20'001], lines_[20'002]);
  EXPECT_EQ(Found(lines_), "out_of_order 1");
  std::swap(lines_[20'001], lines_[20'002]);
  std::swap(lines_[301], lines_[40'001]);
  EXPECT_EQ(Found(lines_), "out_of_order 2");
}

TEST_F(CsvTest, AChangedByteIsAnAlteredValueAtItsPlace) {
  std::string text = Content(path_);
  const size_t line = text.find(lines_[30'001]);
  const size_t rating = line + lines_[30'001].find(',', lines_[30'001].find(',') + 1) + 1;
  text[rating] = text[rating] == '1' ? '2' : '1';
  WriteFile("a.csv", text);
  EXPECT_EQ(Found(), "altered rating 1");
  EXPECT_EQ(First(result_).row(), 30'000);
  EXPECT_EQ(First(result_).offset(), static_cast<int64_t>(line));
  EXPECT_EQ(First(result_).expected().substr(1), First(result_).found().substr(1));
  EXPECT_NE(First(result_).expected(), First(result_).found());
}

TEST_F(CsvTest, AnAlteredIdIsNoForeignRow) {
  const std::string row = lines_[30'001];
  lines_[30'001] = "user_77777" + row.substr(row.find(','));
  lines_[30'005].replace(lines_[30'005].find("item_"), 5, "thing");
  EXPECT_EQ(Found(lines_), "altered item_id 1, altered user_id 1");
  EXPECT_EQ(First(result_, 1).expected(), row.substr(0, row.find(',')));
  EXPECT_EQ(First(result_, 1).found(), "user_77777");
}

TEST_F(CsvTest, AForeignRowIsNamed) {
  lines_.insert(lines_.begin() + 25'001, "user_1,item_1,5.0,2031-01-01T00:00:00Z");
  EXPECT_EQ(Found(lines_), "foreign 1");
  EXPECT_EQ(First(result_).found(), "user_1,item_1,5.0,2031-01-01T00:00:00Z");
}

TEST_F(CsvTest, ARowThatCannotBeReadIsDamagedAndNotLost) {
  lines_[25'001] = "what is this";
  EXPECT_EQ(Found(lines_), "damaged 1");
  EXPECT_EQ(First(result_).row(), 25'000);
}

TEST_F(CsvTest, ATailThatIsCutOffIsLost) {
  const std::string text = Content(path_);
  const size_t end = text.find(lines_[40'001]) + 5;
  WriteFile("a.csv", text.substr(0, end));
  EXPECT_EQ(Found(), "lost 9999, damaged 1");
}

TEST_F(CsvTest, ManyLostRowsInARowAreNoMoreTroubleThanOne) {
  lines_.erase(lines_.begin() + 5'001, lines_.begin() + 45'001);
  EXPECT_EQ(Found(lines_), "lost 40000");
}

TEST_F(CsvTest, BytesThatMeanTheSameAreBytes) {
  std::string text = Content(path_);
  text.insert(text.find(lines_[30'002]) - 1, "\r");
  WriteFile("a.csv", text);
  EXPECT_EQ(Found(), "bytes 1");
}

TEST_F(CsvTest, EverythingAtOnce) {
  std::vector<std::string> lines(lines_.begin(), lines_.begin() + 1);
  for (size_t i = 1; i < lines_.size(); ++i) {
    if (i % 1000 == 7) continue;
    if (i % 1000 == 207) lines.push_back(lines_[i]);
    if (i % 1000 == 407) lines.push_back("user_1,item_1,5.0,2031-01-01T00:00:00Z");
    if (i % 1000 == 607) std::swap(lines_[i], lines_[i + 1]);
    lines.push_back(lines_[i]);
  }
  EXPECT_EQ(Found(lines), "lost 50, doubled 50, foreign 50, out_of_order 50");
  EXPECT_THAT(result_.differences(0).examples(), SizeIs(10));
}

TEST_F(CsvTest, AnotherSeedIsSaidShortly) {
  const v1::Verification found =
      Verified(path_, Given("dataset: {preset: seed, seed: 8, interactions: 50000}"));
  EXPECT_EQ(found.expected_rows(), 50'000);
  EXPECT_EQ(found.found_rows(), 50'000);
  ASSERT_THAT(found.remarks(), SizeIs(1));
  EXPECT_THAT(found.remarks(0), HasSubstr("seed"));
  EXPECT_THAT(found.differences(), testing::Not(IsEmpty()));
}

TEST_F(CsvTest, AFileWithoutManifestIsVerifiedAgainstASpec) {
  fs::remove(path_ + ".manifest.json");
  EXPECT_TRUE(absl::IsInvalidArgument((Verified(Request({path_})), status_)));
  EXPECT_THAT(std::string(status_.message()), HasSubstr("name a spec or a run"));
  const VerifyGiven given = Given("dataset: {preset: seed, seed: 7, interactions: 50000}");
  EXPECT_EQ(Summary(Verified(path_, given)), "");
  std::swap(lines_[20'001], lines_[20'002]);
  WriteLines(path_, lines_);
  EXPECT_EQ(Summary(Verified(path_, given)), "out_of_order 1");
}

TEST_F(CsvTest, AManifestThatIsNotOfTheFileIsSaid) {
  std::string manifest = Content(path_ + ".manifest.json");
  const size_t at = manifest.find("\"rows\": 50000");
  ASSERT_NE(at, std::string::npos);
  manifest.replace(at, 13, "\"rows\": 50001");
  WriteFile("a.csv.manifest.json", manifest);
  const v1::Verification found = Verified(path_);
  EXPECT_EQ(Summary(found), "manifest 1");
  EXPECT_EQ(First(found).expected(), "rows: 50001");
  EXPECT_EQ(First(found).found(), "rows: 50000");
}

class CleanTest : public VerifyTest,
                  public testing::WithParamInterface<std::pair<std::string, std::string>> {};

TEST_P(CleanTest, EveryPresetInEveryForm) {
  const auto& [format, columns] = GetParam();
  for (const std::string preset : {"shop", "seed", "seed-ranges", "trace"}) {
    SCOPED_TRACE(preset);
    const std::string name = preset + ".data";
    Write(Output(format, name, std::string(", columns: ") + columns),
          "preset: " + preset + ", interactions: 40000");
    const v1::Verification found = Verified(Path(name));
    EXPECT_EQ(Summary(found), "");
    EXPECT_EQ(found.found_rows(), 40'000);
  }
}
constexpr char kFour[] = "[user_id, item_id, rating, timestamp]";
INSTANTIATE_TEST_SUITE_P(
    Forms, CleanTest,
    testing::Values(std::pair{"{component: csv}", kFour},
                    std::pair{"{component: csv, options: {compression: gzip}}", kFour},
                    std::pair{"{component: csv, options: {compression: zstd}}", kFour},
                    std::pair{"{component: csv}",
                              "[interaction_id, kind, cluster, {column: user_id, name: who}]"},
                    std::pair{"{component: csv}",
                              "[session_id, session_row, category, timestamp, item_id]"},
                    std::pair{"{component: json}", kFour},
                    std::pair{"{component: json, options: {layout: lines}}", kFour},
                    std::pair{"{component: json, options: {compression: zstd}}", kFour},
                    std::pair{"{component: avro}", kFour},
                    std::pair{"{component: avro, options: {codec: deflate}}", kFour}));

// What is found once rows are lost and altered, whatever the form.
TEST_F(VerifyTest, FormsThatAreTextAreDecodedWhereTheyDiffer) {
  const std::string forms[] = {"{component: json}", "{component: json, options: {layout: lines}}"};
  for (const std::string& form : forms) {
    SCOPED_TRACE(form);
    Write(Output(form, "a.json"));
    std::vector<std::string> lines = Lines(Path("a.json"));
    const size_t first = form == forms[0] ? 20'010 : 20'000;
    lines.erase(lines.begin() + static_cast<int64_t>(first));
    std::string& row = lines[first + 5000];
    row.replace(row.find("user_"), 5, "user_9999");
    WriteLines(Path("a.json"), lines);
    v1::Verification found = Verified(Path("a.json"));
    EXPECT_THAT(Summary(found), testing::StartsWith("lost 1, altered user_id 1, manifest"));
    fs::remove(Path("a.json"));
    fs::remove(Path("a.json.manifest.json"));
  }
}

TEST_F(VerifyTest, CompressedFilesAreDecodedWhereTheyDiffer) {
  Write(Output("{component: csv, options: {compression: gzip}}", "a.csv.gz"));
  std::string bytes = Content(Path("a.csv.gz"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] + 1);
  WriteFile("a.csv.gz", bytes);
  const v1::Verification found = Verified(Path("a.csv.gz"));
  EXPECT_GT(found.differences_size(), 1) << Summary(found);
  WriteFile("a.csv.gz", bytes.substr(0, bytes.size() / 3));
  const v1::Verification cut = Verified(Path("a.csv.gz"));
  ASSERT_GT(cut.differences_size(), 0);
  EXPECT_EQ(cut.differences(0).kind(), v1::DIFFERENCE_KIND_LOST) << Summary(cut);
}

TEST_F(VerifyTest, ADocumentsStatisticsAreComparedToo) {
  Write(Output("{component: json}", "a.json"));
  std::string text = Content(Path("a.json"));
  const size_t at = text.rfind("\"average_rating\"");
  ASSERT_NE(at, std::string::npos);
  const size_t digit = text.find_first_of("0123456789", at);
  text[digit] = text[digit] == '1' ? '2' : '1';
  WriteFile("a.json", text);
  EXPECT_EQ(Summary(Verified(Path("a.json"))), "bytes 1, manifest 1");
}

class PiecesTest : public VerifyTest {};

TEST_F(PiecesTest, PartsAreVerifiedTogetherAndAMissingOneIsNamed) {
  Write(Output(kCsv, "rows-{part}.csv", ", roll_rows: 20000"));
  const std::string pattern = Path("rows-{part}.csv");
  EXPECT_EQ(Summary(Verified(pattern)), "");
  EXPECT_EQ(Verified(pattern).found_rows(), 50'000);
  EXPECT_EQ(Summary(Verified(Path("rows-1.csv"))), "");
  EXPECT_EQ(Verified(Path("rows-1.csv")).expected_rows(), 20'000);
  fs::remove(Path("rows-1.csv"));
  const v1::Verification found = Verified(pattern);
  EXPECT_EQ(Summary(found), "lost 20000, missing_piece 1");
  EXPECT_EQ(First(found, 1).piece(), Path("rows-1.csv"));
  EXPECT_EQ(First(found, 1).row(), 20'000);
}

TEST_F(PiecesTest, SlicesAreVerifiedTogetherAndAMissingOneIsNamed) {
  for (const std::string mode : {"contiguous", "interleaved"}) {
    SCOPED_TRACE(mode);
    for (const std::string index : {"0", "1", "2"}) {
      Write(Output(kCsv, mode + "-{slice}.csv"), "preset: shop, interactions: 200000",
            fmt::format("slice: {{index: {}, count: 3, mode: {}}}\n", index, mode));
    }
    const std::string pattern = Path(mode + "-{slice}.csv");
    EXPECT_EQ(Summary(Verified(pattern)), "");
    EXPECT_EQ(Verified(pattern).found_rows(), 200'000);
    EXPECT_EQ(Summary(Verified(Path(mode + "-1-of-3.csv"))), "");
    fs::remove(Path(mode + "-2-of-3.csv"));
    const v1::Verification found = Verified(pattern);
    ASSERT_THAT(found.differences(), SizeIs(2));
    EXPECT_EQ(found.differences(1).kind(), v1::DIFFERENCE_KIND_MISSING_PIECE);
    EXPECT_EQ(First(found, 1).piece(), Path(mode + "-2-of-3.csv"));
    EXPECT_EQ(found.differences(0).count(), 200'000 - found.found_rows());
  }
}

TEST_F(PiecesTest, OutputsOfOneRunAreVerifiedEachOnItsOwn) {
  Write(Output(kCsv, "a.csv") + Output("{component: json}", "b.json") +
        Output(kCsv, "users.csv", ", table: users"));
  const v1::Verification found =
      Verified(Request({Path("a.csv"), Path("b.json"), Path("users.csv")}));
  EXPECT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(Summary(found), "");
  EXPECT_EQ(found.found_rows(), 100'500);
}

TEST_F(PiecesTest, ASideTableIsComparedByteByByte) {
  Write(Output(kCsv, "users.csv", ", table: users"));
  std::vector<std::string> lines = Lines(Path("users.csv"));
  lines[5] += "x";
  WriteLines(Path("users.csv"), lines);
  const v1::Verification found = Verified(Path("users.csv"));
  EXPECT_THAT(Summary(found), HasSubstr("bytes 1"));
}

TEST_F(PiecesTest, ARunTellsWhatItsFilesMustBe) {
  const std::string spec = "dataset: {preset: shop, interactions: 30000}\noutputs: [" +
                           Output(kCsv, "a.csv", ", columns: [timestamp, user_id, item_id]") + "]";
  ASSERT_NE(Execute(spec), nullptr);
  EXPECT_EQ(Summary(Verified(Path("a.csv"), Given(spec))), "");
  fs::remove(Path("a.csv.manifest.json"));
  EXPECT_EQ(Summary(Verified(Path("a.csv"), Given(spec))), "");
  std::vector<std::string> lines = Lines(Path("a.csv"));
  lines.erase(lines.begin() + 10'001);
  WriteLines(Path("a.csv"), lines);
  EXPECT_EQ(Summary(Verified(Path("a.csv"), Given(spec))), "lost 1");
}

}  // namespace
}  // namespace throng
