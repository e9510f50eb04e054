#include "server/daemon/stored_runs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/daemon/run_store.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class StoredRunsTest : public testing::Test {
 protected:
  StoredRunsTest()
      : folder_(
            (fs::temp_directory_path() / ("throng_stored_" + std::to_string(getpid()))).string()) {
    fs::remove_all(folder_);
  }
  ~StoredRunsTest() override { fs::remove_all(folder_); }

  static RunStore::Record Record(const std::string& id) {
    RunStore::Record record;
    record.mutable_run()->set_name("runs/" + id);
    record.mutable_run()->set_uid(id + "-uid");
    record.mutable_asked()->mutable_dataset()->set_seed(7);
    return record;
  }
  void Put(const RunStore::Record& record) {
    const auto store = RunStore::Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Put(record).ok());
  }
  void Execute(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/runs.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  const std::string folder_;
};

TEST_F(StoredRunsTest, WholeRecordsAreWell) {
  Put(Record("a"));
  Put(Record("b"));
  const auto found = CheckState(folder_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->runs, 2);
  EXPECT_THAT(found->faults, ElementsAre());
}

TEST_F(StoredRunsTest, ADamagedRecordAndAPluginThatIsGoneAreNamedWithTheRemedy) {
  Put(Record("a"));
  RunStore::Record record = Record("b");
  v1::PluginUse* use = record.mutable_run()->add_plugins();
  use->set_plugin("choices");
  use->set_version("1.2.3");
  use->set_sha256(std::string(64, '0'));
  Put(record);
  Execute("UPDATE runs SET record = x'ff' WHERE uid = 'a-uid'");
  const auto found = CheckState(folder_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->runs, 2);
  ASSERT_EQ(found->faults.size(), 2U);
  EXPECT_THAT(found->faults[0], HasSubstr("runs/a: what is stored of it is damaged. Put a backup"));
  EXPECT_THAT(found->faults[0], HasSubstr("`throngctl runs delete a`"));
  EXPECT_THAT(found->faults[1], HasSubstr("runs/b: The plugin `choices` 1.2.3 that the run was "
                                          "created with is gone"));
}

TEST_F(StoredRunsTest, ADatabaseThatIsDamagedIsSaid) {
  Put(Record("a"));
  {
    // Of the index of uids all but the head of its page.
    std::fstream file(folder_ + "/runs.db", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(2 * 4096 + 100);
    file << std::string(4096 - 100, '\0');
  }
  const auto found = CheckState(folder_);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_FALSE(found->faults.empty());
  EXPECT_THAT(found->faults[0], HasSubstr("Put a backup of the folder back; or save what can be"));
  std::ofstream(folder_ + "/runs.db") << std::string(8192, 'x');
  EXPECT_THAT(std::string(CheckState(folder_).status().message()),
              HasSubstr("file is not a database"));
}

TEST_F(StoredRunsTest, AFolderWithoutRunsIsNoneAndIsNotMade) {
  for (const auto& status : {CheckState(folder_).status(), CheckState("").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("it is no state folder of throngd"));
  }
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(StoredRunsTest, ExportTellsWhatCreatesEachRunAgain) {
  RunStore::Record paused = Record("paused");
  paused.mutable_run()->set_target_state(v1::TARGET_STATE_PAUSED);
  (*paused.mutable_run()->mutable_labels())["team"] = "search";
  (*paused.mutable_run()->mutable_labels())["stage"] = "";
  (*paused.mutable_run()->mutable_annotations())["why"] = "it's new";
  Put(paused);
  RunStore::Record ended = Record("ended");
  ended.mutable_run()->set_state(v1::RUN_STATE_SUCCEEDED);
  Put(ended);
  RunStore::Record stopped = Record("stopped");
  stopped.mutable_run()->set_target_state(v1::TARGET_STATE_STOPPED);
  Put(stopped);
  Put(Record("damaged"));
  Execute("UPDATE runs SET record = x'ff' WHERE uid = 'damaged-uid'");
  std::vector<ExportedRun> runs;
  std::vector<std::string> damaged;
  const absl::Status status = ExportRuns(
      folder_, [&](const ExportedRun& run) { runs.push_back(run); },
      [&](const std::string& id) { damaged.push_back(id); });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(damaged, ElementsAre("damaged"));
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].id, "paused");
  EXPECT_EQ(runs[0].spec, "{\n  \"dataset\": {\n    \"seed\": 7\n  }\n}\n");
  EXPECT_EQ(runs[0].flags,
            " --name paused --paused --label stage= --label team=search"
            " --annotation 'why=it'\\''s new'");
  EXPECT_EQ(runs[0].end, "");
  EXPECT_EQ(runs[1].end, "succeeded");
  EXPECT_EQ(runs[2].end, "stopped");
}

}  // namespace
}  // namespace throng
