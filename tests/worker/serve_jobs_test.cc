// The other jobs of `throng-worker serve`: rows, descriptions, positions.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "proto/option_text.h"
#include "tests/plugins/sinks/scratch_folder.h"
#include "tests/worker/served_worker.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kInvalidArgument = 3;
constexpr int kNotFound = 5;
constexpr int64_t kRows = 20'000;
constexpr const char* kDataset = "dataset: {seed: 5, interactions: 20000}";

class ServeJobsTest : public testing::Test {
 protected:
  ServeJobsTest() { AddPlugins({THRONG_PLUGIN_FOLDER}, &start_); }

  worker::v1::Start Generate(int64_t start_row, const std::string& dataset = kDataset) const {
    worker::v1::Start start = start_;
    worker::v1::GenerateJob* job = start.mutable_generate();
    v1::SpecLayer* layer = job->mutable_source()->add_layers();
    layer->set_name("test");
    layer->set_text("{threads: 2, " + dataset + "}");
    job->set_now_ms(1'700'000'000'000);
    job->set_start_row(start_row);
    return start;
  }

  // The lines of a run's file, with all columns.
  std::vector<std::string> Lines() const {
    ServedWorker worker(folder_.path());
    worker::v1::Start start = start_;
    v1::SpecLayer* layer = start.mutable_run()->mutable_source()->add_layers();
    layer->set_text(
        fmt::format("{{{}, outputs: [{{columns: [user_id, item_id, rating, timestamp, "
                    "kind, cluster, category, session_id, session_row, {{column: choice.niche}}], "
                    "format: {{component: csv}}, sink: "
                    "{{component: file, options: {{path: a.csv}}}}}}]}}",
                    kDataset));
    worker.Start(start);
    asked_ = worker.Planned().asked();
    worker.Begin();
    EXPECT_EQ(worker.Finished().outputs(0).state(), v1::OUTPUT_STATE_SUCCEEDED);
    std::istringstream text(folder_.Read("a.csv"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    EXPECT_EQ(lines.size(), 1U + kRows);
    lines.erase(lines.begin());
    return lines;
  }

  // The rows of a job as lines, and that its batches are as asked.
  static std::vector<std::string> LinesOf(const worker::v1::Start& start,
                                          const std::string& folder) {
    ServedWorker worker(folder, true);
    worker.Start(start);
    worker.Planned();
    const auto first = worker.NextRows();
    if (!first) return {"no header"};
    const v1::GenerateHeader& header = first->header();
    EXPECT_EQ(header.interactions(), kRows);
    EXPECT_EQ(header.start_row(), start.generate().start_row());
    std::vector<std::string> lines;
    int64_t next = start.generate().start_row();
    const int64_t batch_rows =
        start.generate().batch_rows() > 0 ? start.generate().batch_rows() : 4096;
    int last_size = static_cast<int>(batch_rows);
    while (const auto message = worker.NextRows()) {
      const v1::InteractionBatch& batch = message->batch();
      EXPECT_FALSE(message->has_header());
      EXPECT_EQ(batch.first_row(), next);
      EXPECT_EQ(last_size, batch_rows) << "only the last one may be smaller";
      last_size = batch.user_numbers_size();
      next += last_size;
      for (int i = 0; i < batch.user_numbers_size(); ++i) {
        lines.push_back(fmt::format(
            "{}{},{}{},{:.1f},{},{},{},{},{},{},{}", header.user_prefix(), batch.user_numbers(i),
            header.item_prefix(), batch.item_numbers(i), batch.rating_hundredths(i) / 100.0,
            TimestampText(batch.timestamp_ms(i) / 1000 * 1000),  // CSV shows seconds
            header.kinds(static_cast<int>(batch.kind_indexes(i))),
            header.clusters(static_cast<int>(batch.cluster_indexes(i))),
            header.categories(static_cast<int>(batch.category_indexes(i))), batch.session_ids(i),
            batch.session_rows(i),
            header.further(0).labels(static_cast<int>(batch.further(0).label_indexes(i)))));
      }
    }
    const worker::v1::Finished finished = worker.Finished();
    EXPECT_EQ(finished.code(), 0) << finished.message();
    EXPECT_EQ(worker.Wait(), 0);
    return lines;
  }

  static std::vector<std::string> Fields(const worker::v1::Finished& finished) {
    std::vector<std::string> fields;
    for (const v1::SpecProblem& problem : finished.problems()) fields.push_back(problem.field());
    return fields;
  }

  ScratchFolder folder_;
  worker::v1::Start start_;
  mutable v1::RunSpec asked_;
};

TEST_F(ServeJobsTest, RowsAreThoseOfTheFileFromAnyRow) {
  const std::vector<std::string> lines = Lines();
  for (const int64_t start_row : {int64_t{0}, int64_t{1}, int64_t{4096}, kRows - 10, kRows}) {
    for (const int32_t batch_rows : {0, 7, 16'384}) {
      if (batch_rows == 7 && start_row < 5000) continue;  // slow, and says no more
      worker::v1::Start start = Generate(start_row);
      start.mutable_generate()->set_batch_rows(batch_rows);
      for (const char* column :
           {"category", "user_id", "item_id", "rating", "timestamp", "kind", "cluster",
            "choice.niche", "session_id", "session_row", "choice.niche"}) {
        start.mutable_generate()->add_columns(column);
      }
      EXPECT_EQ(LinesOf(start, folder_.path()),
                std::vector<std::string>(lines.begin() + start_row, lines.end()))
          << start_row << ' ' << batch_rows;
    }
  }
}

TEST_F(ServeJobsTest, RowsEndAtTheLimitAndHaveTheColumnsAskedFor) {
  worker::v1::Start start = Generate(100);
  start.mutable_generate()->set_row_limit(5000);
  ServedWorker worker(folder_.path(), true);
  worker.Start(start);
  const auto header = worker.NextRows();
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->header().kinds().empty());
  EXPECT_EQ(header->header().fingerprint(), worker.Planned().plan().fingerprint());
  const auto one = worker.NextRows();
  const auto other = worker.NextRows();
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->batch().timestamp_ms_size(), 4096);
  EXPECT_EQ(other->batch().first_row(), 4196);
  EXPECT_EQ(other->batch().rating_hundredths_size(), 904);
  EXPECT_TRUE(other->batch().kind_indexes().empty());
  EXPECT_FALSE(worker.NextRows());
}

TEST_F(ServeJobsTest, RowsHaveTheBehavioursOwnColumns) {
  start_ = {};
  AddPlugins({THRONG_PLUGIN_FOLDER, THRONG_FLAKY_FOLDER}, &start_);
  worker::v1::Start start = Generate(
      0, "dataset: {seed: 5, size: quick, interactions: 9000, choice: {component: niches}}");
  start.mutable_generate()->add_columns("choice.wanted");
  start.mutable_generate()->add_columns("choice.niche");
  ServedWorker worker(folder_.path(), true);
  worker.Start(start);
  const auto header = worker.NextRows();
  ASSERT_TRUE(header);
  ASSERT_EQ(header->header().further_size(), 2);
  EXPECT_EQ(header->header().further(0).name(), "choice.wanted");
  EXPECT_THAT(header->header().further(0).labels(), IsEmpty());
  EXPECT_THAT(header->header().further(1).labels(), ElementsAre("jazz", "folk", "metal"));
  const auto rows = worker.NextRows();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->batch().further_size(), 2);
  const v1::FurtherValues& wanted = rows->batch().further(0);
  const v1::FurtherValues& niche = rows->batch().further(1);
  ASSERT_EQ(wanted.numbers_size(), 4096);
  ASSERT_EQ(niche.label_indexes_size(), 4096);
  EXPECT_TRUE(rows->batch().user_numbers().empty());
  std::set<uint32_t> niches(niche.label_indexes().begin(), niche.label_indexes().end());
  EXPECT_THAT(niches, ElementsAre(0, 1, 2));
  std::set<double> some;
  for (const double value : wanted.numbers()) {
    if (!std::isnan(value)) some.insert(value);
  }
  EXPECT_THAT(some, ElementsAre(0.25, 0.5, 0.75));

  start.mutable_generate()->set_columns(1, "choice.nische");
  ServedWorker other(folder_.path(), true);
  other.Start(start);
  const worker::v1::Finished finished = other.Finished();
  EXPECT_EQ(finished.code(), kInvalidArgument);
  EXPECT_THAT(Fields(finished), ElementsAre("columns"));
  EXPECT_EQ(finished.problems(0).message(),
            "The dataset has no column \"choice.nische\". Did you mean \"choice.niche\"?");
}

TEST_F(ServeJobsTest, RowsOfAskedAreTheSame) {
  Lines();
  worker::v1::Start start = Generate(0);
  *start.mutable_generate()->mutable_asked() = asked_;
  ServedWorker worker(folder_.path(), true);
  worker.Start(start);
  const std::string fingerprint = worker.Planned().plan().fingerprint();
  ServedWorker other(folder_.path(), true);
  other.Start(Generate(0));
  EXPECT_EQ(other.Planned().plan().fingerprint(), fingerprint);
}

TEST_F(ServeJobsTest, RowsThatCannotBeAreRefusedAllAtOnce) {
  worker::v1::Start start = Generate(kRows + 1);
  start.mutable_generate()->set_row_limit(0);
  start.mutable_generate()->set_batch_rows(16'385);
  start.mutable_generate()->add_columns("raiting");
  ServedWorker worker(folder_.path(), true);
  worker.Start(start);
  const worker::v1::Finished finished = worker.Finished();
  EXPECT_EQ(finished.code(), kInvalidArgument);
  EXPECT_THAT(Fields(finished), ElementsAre("start_row", "row_limit", "batch_rows", "columns"));
  EXPECT_EQ(finished.problems(0).message(),
            "Must be at most 20000, the dataset's interactions, found 20001.");
  EXPECT_EQ(finished.problems(3).message(), "Unknown column \"raiting\". Did you mean \"rating\"?");
  EXPECT_FALSE(worker.NextRows());
}

TEST_F(ServeJobsTest, RowsDoNotDependOnOutputs) {
  ServedWorker worker(folder_.path(), true);
  worker.Start(Generate(kRows, std::string(kDataset) + ", outputs: [{commit_rows: -1}]"));
  EXPECT_EQ(worker.Finished().code(), 0);
}

TEST_F(ServeJobsTest, RowsWaitForTheirReaderAndEndWithIt) {
  const std::string endless = "dataset: {seed: 5, interactions: null}";
  {
    ServedWorker worker(folder_.path(), true);
    worker.Start(Generate(0, endless));
    ASSERT_TRUE(worker.NextRows());
    ASSERT_TRUE(worker.NextRows());
    worker.LeaveRows();
    EXPECT_EQ(worker.Finished().code(), 0);
    EXPECT_EQ(worker.Wait(), 0);
  }
  ServedWorker worker(folder_.path(), true);
  worker.Start(Generate(0, endless));
  ASSERT_TRUE(worker.NextRows());  // it now waits for room
  worker.Stop();
  EXPECT_EQ(worker.Finished().code(), 0);
  EXPECT_EQ(worker.Wait(), 0);
}

TEST_F(ServeJobsTest, DescribesEachFile) {
  folder_.Write("empty.so", "");
  worker::v1::Start start;
  for (const std::string& path :
       {std::string(THRONG_PLUGIN_FOLDER "/file.so"), folder_.path("empty.so"),
        std::string(THRONG_PLUGIN_FOLDER "/pareto.so")}) {
    start.mutable_describe()->add_paths(path);
  }
  ServedWorker worker(folder_.path());
  worker.Start(start);
  std::vector<worker::v1::Described> described;
  while (const auto message = worker.Next()) {
    if (message->has_described()) described.push_back(message->described());
    if (message->has_finished()) {
      EXPECT_EQ(message->finished().code(), 0);
    }
  }
  ASSERT_EQ(described.size(), 3U);
  const v1::Plugin& file = described[0].plugin();
  EXPECT_EQ(file.name(), "plugins/file");
  EXPECT_EQ(file.sha256().size(), 64U);
  EXPECT_EQ(file.path(), described[0].path());
  const v1::PluginOption& path = file.components(0).options(0);
  EXPECT_EQ(path.name(), "path");
  EXPECT_TRUE(path.is_path() && path.is_identity() && path.is_required());
  EXPECT_FALSE(path.is_secret());
  EXPECT_FALSE(described[1].has_plugin());
  EXPECT_THAT(described[1].error(), HasSubstr("empty.so cannot be loaded"));
  EXPECT_EQ(described[2].plugin().components(0).role(), "activity");
}

TEST_F(ServeJobsTest, PositionsAreAskedForAndReset) {
  worker::v1::Start run = start_;
  const std::string output = "{format: {component: csv}, sink: {component: file, options: {path: ";
  run.mutable_run()->mutable_source()->add_layers()->set_text(
      fmt::format("{{{}, outputs: [{}a.csv}}}}}}, {}b.csv}}}}, rows: {{to: 50}}}}, {{format: "
                  "{{component: csv}}, sink: {{component: 'null'}}}}]}}",
                  kDataset, output, output));
  run.mutable_run()->set_uid(std::string(32, 'a'));
  v1::RunSpec asked;
  {
    ServedWorker worker(folder_.path());
    worker.Start(run);
    asked = worker.Planned().asked();
    worker.Begin();
    EXPECT_EQ(worker.Finished().code(), 0);
  }
  std::filesystem::remove(folder_.path("b.csv"));
  folder_.Write("b.csv", "somebody else's");
  const auto ask = [&](const std::vector<std::string>& reset) {
    worker::v1::Start start = start_;
    worker::v1::PositionsJob* job = start.mutable_positions();
    *job->mutable_asked() = asked;
    job->set_uid(std::string(32, 'a'));
    for (const std::string& name : reset) job->add_reset(name);
    ServedWorker worker(folder_.path());
    worker.Start(start);
    std::pair<worker::v1::Positions, worker::v1::Finished> answer;
    while (const auto message = worker.Next()) {
      if (message->has_positions()) answer.first = message->positions();
      if (message->has_finished()) answer.second = message->finished();
    }
    return answer;
  };

  auto [positions, finished] = ask({});
  EXPECT_EQ(finished.code(), 0);
  ASSERT_EQ(positions.positions_size(), 3);
  EXPECT_EQ(positions.positions(0).output(), "file");
  EXPECT_EQ(positions.positions(0).place(), "a.csv");
  EXPECT_EQ(positions.positions(0).row(), kRows);
  EXPECT_TRUE(positions.positions(0).is_complete());
  EXPECT_FALSE(positions.positions(1).has_row());
  EXPECT_THAT(positions.positions(1).reason(), HasSubstr("b.csv"));
  EXPECT_FALSE(positions.positions(2).has_row());
  EXPECT_EQ(positions.positions(2).reason(), "");

  std::tie(positions, finished) = ask({"file", "null"});
  EXPECT_EQ(finished.code(), 0) << finished.message();
  EXPECT_FALSE(positions.positions(0).has_row());
  EXPECT_FALSE(std::filesystem::exists(folder_.path("a.csv")));

  std::tie(positions, finished) = ask({"fil"});
  EXPECT_EQ(finished.code(), kNotFound);
  EXPECT_EQ(finished.message(), "The run has no output `fil`. Did you mean \"file\"?");
  std::tie(positions, finished) = ask({"file-2"});
  EXPECT_NE(finished.code(), 0);
  EXPECT_THAT(finished.message(), HasSubstr("output `file-2`: sink `file`:"));
  EXPECT_EQ(folder_.Read("b.csv"), "somebody else's");
}

}  // namespace
}  // namespace throng
