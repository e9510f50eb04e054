#include "server/daemon/run_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace throng {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

daemon::v1::RunRecord Record(const std::string& id, int64_t now_ms = 1) {
  daemon::v1::RunRecord record;
  record.mutable_run()->set_name("runs/" + id);
  record.mutable_run()->set_uid(id + "-uid");
  record.set_now_ms(now_ms);
  return record;
}

class RunStoreTest : public testing::Test {
 protected:
  RunStoreTest()
      : folder_(
            (fs::temp_directory_path() / ("throng_store_" + std::to_string(getpid()))).string()) {
    fs::remove_all(folder_);
  }
  ~RunStoreTest() override { fs::remove_all(folder_); }

  std::unique_ptr<RunStore> Open() {
    auto store = RunStore::Open(folder_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  static std::vector<std::string> Names(RunStore* store) {
    std::vector<std::string> names;
    const auto records = store->All();
    EXPECT_TRUE(records.ok()) << records.status();
    for (const auto& record : *records) names.push_back(record.run().name());
    return names;
  }

  const std::string folder_;
};

TEST_F(RunStoreTest, KeepsRunsInTheOrderOfTheirCreation) {
  {
    const auto store = Open();
    ASSERT_TRUE(store->Put(Record("b")).ok());
    ASSERT_TRUE(store->Put(Record("a")).ok());
    ASSERT_TRUE(store->Put(Record("b", 7)).ok());
    ASSERT_TRUE(store->Put(Record("c")).ok());
    ASSERT_TRUE(store->Delete("a-uid").ok());
  }
  const auto store = Open();
  EXPECT_THAT(Names(store.get()), testing::ElementsAre("runs/b", "runs/c"));
  EXPECT_EQ((*store->All())[0].now_ms(), 7);
}

TEST_F(RunStoreTest, TellsWhatWasDoneInTheOrderOfWhatWasAsked) {
  const auto store = Open();
  std::vector<std::string> done;
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    store->PutSoon(Record(id, i), [&done, id](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status;
      done.push_back("put " + id);
    });
    store->DeleteSoon(id + "-uid", [&done](const absl::StatusOr<daemon::v1::RunRecord>& deleted) {
      ASSERT_TRUE(deleted.ok()) << deleted.status();
      done.push_back("deleted " + std::to_string(deleted->now_ms()));
    });
  }
  store->Flush();
  ASSERT_EQ(done.size(), 200U);
  for (size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(done[2 * i], "put " + std::to_string(i));
    EXPECT_EQ(done[2 * i + 1], "deleted " + std::to_string(i));
  }
  EXPECT_TRUE(store->All()->empty());
  EXPECT_EQ(store->Read("1-uid").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(store->Delete("1-uid")->has_run());
}

TEST_F(RunStoreTest, OneThatCannotBeStoredKeepsNoneOfItsBatchOut) {
  const auto store = Open();
  ASSERT_TRUE(store->Put(Record("0")).ok());
  store->LimitPages(40);
  daemon::v1::RunRecord large = Record("large");
  large.mutable_run()->set_reason(std::string(400'000, 'x'));
  int stored = 0;
  for (int i = 1; i < 10; ++i) {
    store->PutSoon(i == 5 ? large : Record(std::to_string(i)),
                   [&stored](const absl::Status& status) { stored += status.ok() ? 1 : 0; });
  }
  store->Flush();
  EXPECT_EQ(stored, 8);
  EXPECT_EQ(store->All()->size(), 9U);
}

TEST_F(RunStoreTest, ASecondDaemonIsRefusedWithTheProcessOfTheFirst) {
  const auto store = Open();
  const auto second = RunStore::Open(folder_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("in use by the daemon of process " + std::to_string(getpid())));
}

TEST_F(RunStoreTest, ANewerSchemaIsRefused) {
  Open();
  // user_version is the big-endian number at byte 60 of the file (SQLite's file format, 1.3).
  const int fd = open((folder_ + "/runs.db").c_str(), O_RDWR | O_CLOEXEC);
  const char version[4] = {0, 0, 0, 99};
  ASSERT_EQ(pwrite(fd, version, 4, 60), 4);
  close(fd);
  const auto newer = RunStore::Open(folder_);
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(newer.status().message()), HasSubstr("written by a newer daemon"));
}

TEST_F(RunStoreTest, AFullDiskIsSaidAndTheNextWriteWorksOnceThereIsSpace) {
  const auto store = Open();
  ASSERT_TRUE(store->Put(Record("small")).ok());
  store->LimitPages(8);
  daemon::v1::RunRecord large = Record("large");
  large.mutable_run()->set_reason(std::string(200'000, 'x'));
  const absl::Status full = store->Put(large);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr("is full: nothing was changed"));
  EXPECT_THAT(Names(store.get()), testing::ElementsAre("runs/small"));
  store->LimitPages(1'000'000);
  EXPECT_TRUE(store->Put(large).ok());
  EXPECT_THAT(Names(store.get()), testing::ElementsAre("runs/small", "runs/large"));
}

TEST_F(RunStoreTest, ARecordThatIsDamagedIsNamedAndTheOthersAreRead) {
  for (const char* id : {"a", "b"}) ASSERT_TRUE(Open()->Put(Record(id, 1)).ok());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ + "/runs.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, "UPDATE runs SET record = x'ff' WHERE uid = 'a-uid'", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  std::vector<RunStore::Damaged> damaged;
  const auto records = Open()->All(&damaged);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(damaged.size(), 1U);
  EXPECT_EQ(damaged[0].name, "runs/a");
  EXPECT_EQ(damaged[0].uid, "a-uid");
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ((*records)[0].run().name(), "runs/b");
}

TEST_F(RunStoreTest, AFolderThatIsRemovedOrReplacedIsNoticed) {
  const auto store = Open();
  ASSERT_TRUE(store->Put(Record("a")).ok());
  const auto expect_lost = [&] {
    for (const absl::Status& status :
         {store->Check(), store->Put(Record("b")), store->Delete("a-uid").status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
      EXPECT_THAT(std::string(status.message()), HasSubstr("was removed or replaced"));
    }
  };
  const std::string moved = folder_ + ".moved";
  fs::remove_all(moved);
  fs::rename(folder_, moved);
  expect_lost();
  {
    const auto other = Open();  // of another daemon
    expect_lost();
  }
  fs::remove_all(folder_);
  fs::rename(moved, folder_);
  EXPECT_TRUE(store->Put(Record("b")).ok());
  fs::rename(folder_ + "/runs.db", folder_ + "/other");
  expect_lost();
}

// A folder on a disk of its own that is soon full.
class SmallDisk {
 public:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    const int spaces = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    is_there_ = unshare(spaces) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) == 0 &&
                mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (is_there_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_there() const { return is_there_; }

 private:
  const std::string folder_;
  bool is_there_ = false;
};

TEST_F(RunStoreTest, AFullDiskCanBeEmptied) {
  const SmallDisk disk(folder_);
  if (!disk.is_there()) GTEST_SKIP() << "no file system can be mounted here";
  const auto store = Open();
  daemon::v1::RunRecord large = Record("0");
  large.mutable_run()->set_reason(std::string(20'000, 'x'));
  int runs = 0;
  absl::Status status;
  while ((status = store->Put(large)).ok()) {
    large.mutable_run()->set_uid(std::to_string(++runs) + "-uid");
    large.mutable_run()->set_name("runs/" + std::to_string(runs));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  {  // to the last byte
    std::ofstream rest(folder_ + "/rest");
    while (rest.put('x').flush()) continue;
  }
  for (int run = 0; run < runs; ++run) {
    const auto deleted = store->Delete(std::to_string(run) + "-uid");
    EXPECT_TRUE(deleted.ok()) << run << deleted.status();
  }
  fs::remove(folder_ + "/rest");
  EXPECT_TRUE(store->Put(large).ok());
}

TEST_F(RunStoreTest, WhatWasAcknowledgedSurvivesSigkill) {
  Open();
  for (int round = 0; round < 5; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = RunStore::Open(folder_);
      for (int64_t i = 1;; ++i) {
        if (!store.ok() || !(*store)->Put(Record("a", i)).ok()) _exit(1);
        if (write(acknowledged[1], &i, sizeof i) != sizeof i) _exit(1);
      }
    }
    close(acknowledged[1]);
    int64_t last = 0;
    for (int i = 0; i < 20; ++i) ASSERT_EQ(read(acknowledged[0], &last, sizeof last), 8);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (int64_t next = 0; read(acknowledged[0], &next, sizeof next) == 8;) last = next;
    close(acknowledged[0]);
    const auto store = Open();
    const auto records = store->All();
    ASSERT_EQ(records->size(), 1U);
    EXPECT_GE((*records)[0].now_ms(), last);
    EXPECT_LE((*records)[0].now_ms(), last + 1);
  }
}

}  // namespace
}  // namespace throng
