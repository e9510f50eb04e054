// The runs of a daemon, in a SQLite database that survives its death and a full disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/daemon/v1/run_record.pb.h"

namespace throng {

// One thread at a time, but Check. A function that fails has changed nothing, and its error is one
// of the API (errors.h); where the disk is full (RESOURCE_EXHAUSTED) the next call works once there
// is space. UNAVAILABLE, STATE_LOST: as Check.
class RunStore {
 public:
  // A run whose record cannot be read.
  struct Damaged {
    std::string uid;
    std::string name;
  };

  // Opens or creates FOLDER/runs.db, brings an older schema up to date, and takes FOLDER/lock.
  // Empty: in memory. FAILED_PRECONDITION: another daemon has it (which), or a newer one wrote it.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(const std::string& folder);
  ~RunStore();
  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;

  // Inserts or replaces the run of that uid, durably.
  absl::Status Put(const daemon::v1::RunRecord& record);
  // Works where the disk is full, too: some space is kept in reserve for it.
  absl::Status Delete(const std::string& uid);
  // In the order of their creation. Records that are damaged stay stored and are added to
  // `damaged`.
  absl::StatusOr<std::vector<daemon::v1::RunRecord>> All(std::vector<Damaged>* damaged = nullptr);
  // UNAVAILABLE, STATE_LOST: the folder was removed or replaced, and what is written to it is gone.
  // Any thread.
  absl::Status Check() const;

  // For tests: no more than so many pages of 4 KiB.
  void LimitPages(int pages);

 private:
  class Database;
  explicit RunStore(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace throng
