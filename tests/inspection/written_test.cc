// What Throng wrote into files is read back equal, however it was written.
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "tests/inspection/read_fixture.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WrittenTest : public ReadTest {
 protected:
  // A run of 30 000 rows into `outputs`, a YAML list's items.
  void Write(const std::string& outputs, const std::string& more = "") {
    const auto run = Execute(
        "dataset: {preset: seed, seed: 7,"
        " world: {users: 400, items: 900}, interactions: 30000}\n" +
        more + "outputs: [" + outputs + "]\n");
    ASSERT_NE(run, nullptr);
    for (const auto& output : run->outputs()) {
      ASSERT_EQ(output->progress().state, OutputState::kSucceeded) << output->progress().reason;
    }
  }
  std::string Output(const std::string& format, const std::string& name,
                     const std::string& more = "") {
    return "{format: {component: " + format + "}, sink: {component: file, options: {path: '" +
           Path(name) + "'}}, name: '" + name + "'" + more + "},";
  }
  // The rows as the plain file has them.
  std::vector<std::string> Rows() {
    if (!fs::exists(Path("plain.csv"))) Write(Output("csv", "plain.csv"));
    return LinesOf(Content(Path("plain.csv")));
  }
  void ExpectRows(const std::string& path) {
    const Readings found = Read(Path(path));
    EXPECT_TRUE(found.status.ok()) << found.status;
    EXPECT_THAT(found.damages, IsEmpty());
    EXPECT_EQ(found.rows.size(), Rows().size());
    EXPECT_TRUE(found.rows == Rows()) << path;
  }
};

TEST_F(WrittenTest, CsvIsReadBack) {
  ASSERT_EQ(Rows().size(), 30000);
  ExpectRows("plain.csv");
}

TEST_F(WrittenTest, CompressedCsvIsReadBack) {
  for (const std::string name : {"rows.csv.gz", "rows.csv.zst"}) {
    Write(Output("csv", name));
    ExpectRows(name);
  }
}

TEST_F(WrittenTest, JsonIsReadBackInEachLayoutAndCompressed) {
  for (const std::string name : {"rows.json", "rows.jsonl", "rows.ndjson", "rows.json.gz",
                                 "rows.json.zst", "rows.jsonl.gz", "rows.jsonl.zst"}) {
    Write(Output("json", name));
    ExpectRows(name);
  }
  Write(Output("json", "{part}.json", ", roll_rows: 4000"));
  ExpectRows("{part}.json");
  for (int j = 0; j < 3; ++j) {
    Write(Output("json", "s-{slice}.json"), fmt::format("slice: {{index: {}, count: 3}}\n", j));
  }
  ExpectRows("s-{slice}.json");
}

TEST_F(WrittenTest, PartsAreReadInTheOrderOfTheirNumbers) {
  Write(Output("csv", "{part}.csv", ", roll_rows: 2000"));
  ExpectRows("{part}.csv");
  const Readings found = Read(Path("{part}.csv"));
  ASSERT_EQ(found.pieces.size(), 15);
  EXPECT_EQ(found.pieces[2], "2.csv");
  EXPECT_EQ(found.pieces[10], "10.csv");
}

TEST_F(WrittenTest, ContiguousSlicesAreReadInOrderThoughOnlyTheFirstHasNames) {
  for (int j = 0; j < 12; ++j) {
    Write(Output("csv", "s-{slice}.csv"), fmt::format("slice: {{index: {}, count: 12}}\n", j));
  }
  ExpectRows("s-{slice}.csv");
  EXPECT_EQ(Read(Path("s-*.csv")).pieces[11], "s-11-of-12.csv");
}

TEST_F(WrittenTest, FurtherColumnsAreReadWhereTheyAreWanted) {
  Write("{format: {component: csv}, sink: {component: file, options: {path: '" + Path("more.csv") +
        "'}}, columns: [user_id, item_id, rating, timestamp, kind, cluster, category, "
        "interaction_id]}");
  ReadRequest request = Request(Path("more.csv"));
  for (const FoundColumn column : {FoundColumn::kKind, FoundColumn::kCluster,
                                   FoundColumn::kCategory, FoundColumn::kInteractionId}) {
    request.wanted[static_cast<size_t>(column)] = true;
  }
  EXPECT_TRUE(Read(request).rows == LinesOf(Content(Path("more.csv"))));
}

TEST_F(WrittenTest, TheSourceTellsWhatTheSinkKeeps) {
  const auto kept = [&](const std::string& path) {
    const Component* const component = *catalogue_.Find(Role::kSource, "file");
    Problems problems;
    const OptionValues options =
        OptionValues::Parse(*component, {{"path", path}}, "source", 0, &problems);
    const auto source = *Source::Create(*component, environment_, options.values());
    return *source->Kept();
  };
  EXPECT_THAT(kept(Path("none.csv")), IsEmpty());
  Write(Output("csv", "s-{slice}.csv"), "slice: {index: 1, count: 3}\n");
  const auto slices = kept(Path("s-*.csv"));
  ASSERT_EQ(slices.size(), 1);
  EXPECT_EQ(slices[0].output, "s-{slice}.csv");
  EXPECT_EQ(slices[0].slice_index, 1);
  EXPECT_EQ(slices[0].slice_count, 3);
  EXPECT_EQ(slices[0].position, 20000);
  EXPECT_EQ(slices[0].part, -1);
  EXPECT_TRUE(slices[0].is_complete);
  EXPECT_EQ(slices[0].run_uid.size(), 32);
  EXPECT_FALSE(slices[0].host_state.empty());
  Write(Output("csv", "{part}.csv", ", roll_rows: 2000"));
  const auto parts = kept(Path("{part}.csv"));
  ASSERT_EQ(parts.size(), 15);
  EXPECT_EQ(parts[10].part, 10);
  ExecuteSome("dataset: {preset: seed, seed: 7, interactions: 50000000}\noutputs: [" +
                  Output("csv", "unfinished.csv", ", commit_rows: 5000") + "]\n",
              5000);
  const auto unfinished = kept(Path("unfinished.csv"));
  ASSERT_EQ(unfinished.size(), 1);
  EXPECT_GE(unfinished[0].position, 5000);
  EXPECT_FALSE(unfinished[0].is_complete);
  EXPECT_EQ(unfinished[0].output, "unfinished.csv");
  // What there is of it can be read.
  EXPECT_GE(Read(Path("unfinished.csv.part")).rows.size(), unfinished[0].position);
}

TEST_F(WrittenTest, SidecarsAreNoPiecesOfAPattern) {
  Write(Output("csv", "rows.csv"));
  ASSERT_TRUE(fs::exists(Path("rows.csv.manifest.json")));
  EXPECT_THAT(Read(Path("rows.c*")).pieces, ElementsAre("rows.csv"));
}

}  // namespace
}  // namespace throng
