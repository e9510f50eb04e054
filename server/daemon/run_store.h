// The runs of a daemon, in a SQLite database that survives its death and a full disk. One thread
// writes, and syncs once for all that has come meanwhile.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/daemon/v1/run_record.pb.h"

namespace throng {

// All functions: any thread, but no blocking one of those that hear of what was done. A function
// that fails has changed nothing, and its error is one of the API (errors.h); where the disk is
// full (RESOURCE_EXHAUSTED) the next call works once there is space. UNAVAILABLE, STATE_LOST: as
// Check.
class RunStore {
 public:
  // A run whose record cannot be read.
  struct Damaged {
    std::string uid;
    std::string name;
  };
  using Record = daemon::v1::RunRecord;
  // Called on the writing thread, in the order of what was asked for.
  using OnPut = std::function<void(const absl::Status&)>;
  using OnDelete = std::function<void(const absl::StatusOr<Record>&)>;

  // Opens or creates FOLDER/runs.db, brings an older schema up to date, and takes FOLDER/lock.
  // Empty: in memory. FAILED_PRECONDITION: another daemon has it (which), or a newer one wrote it.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(const std::string& folder);
  // After all that was asked for.
  ~RunStore();
  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;

  // Inserts or replaces the run of that uid, durably.
  void PutSoon(const Record& record, OnPut on_put);
  // Tells the record that was deleted; an empty one if there was none or it was damaged. Works
  // where the disk is full, too: some space is kept in reserve for it.
  void DeleteSoon(const std::string& uid, OnDelete on_delete);
  // As above, and wait for the disk.
  absl::Status Put(const Record& record);
  absl::StatusOr<Record> Delete(const std::string& uid);
  // Returns once all that was asked for is done, and was told.
  void Flush();

  // What is stored of the run; waits for nothing that is being written. NOT_FOUND.
  absl::StatusOr<Record> Read(const std::string& uid);
  // What is stored after all that was asked for, in the order of creation. Records that are damaged
  // stay stored.
  absl::Status ForEach(const std::function<void(Record record)>& on_record,
                       const std::function<void(const Damaged&)>& on_damaged);
  absl::StatusOr<std::vector<Record>> All(std::vector<Damaged>* damaged = nullptr);
  // What SQLite finds wrong with the database, as it says it; nothing: it is whole.
  absl::StatusOr<std::vector<std::string>> FindDamage();
  // UNAVAILABLE, STATE_LOST: the folder was removed or replaced, and what is written to it is gone.
  absl::Status Check() const;

  // For tests: no more than so many pages of 4 KiB.
  void LimitPages(int pages);

 private:
  class Database;
  class Place;
  // What is to be written: a record, or that there is none any more.
  struct Job {
    std::string uid;
    std::string name;
    std::string bytes;
    OnPut on_put;
    OnDelete on_delete;  // of a deletion
    absl::Status status;
    Record deleted;
  };

  RunStore(std::unique_ptr<Place> place, std::unique_ptr<Database> writing,
           std::unique_ptr<Database> reading);
  void Ask(Job job);
  void Work();
  void Write(std::vector<Job>* jobs);
  absl::Status WriteOne(Job* job, bool may_use_reserve);
  absl::Status WriteAll(std::vector<Job>* jobs);

  const std::unique_ptr<Place> place_;
  std::mutex writing_mutex_;  // of the connection
  const std::unique_ptr<Database> writing_;
  std::mutex reading_mutex_;
  const std::unique_ptr<Database> reading_;  // nullptr: in memory, there is one connection

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job> jobs_;
  bool is_writing_ = false;
  bool is_over_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace throng
