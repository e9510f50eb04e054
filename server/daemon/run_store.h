// The runs of a daemon, in a SQLite database that survives its death and a full disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/daemon/v1/run_record.pb.h"

namespace throng {

// One thread at a time. A function that fails has changed nothing; where the disk is full
// (RESOURCE_EXHAUSTED) the next call works once there is space.
class RunStore {
 public:
  // Opens or creates FOLDER/runs.db, brings an older schema up to date, and takes FOLDER/lock.
  // Empty: in memory. FAILED_PRECONDITION: another daemon has it (which), or a newer one wrote it.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(const std::string& folder);
  ~RunStore();
  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;

  // Inserts or replaces the run of that uid, durably.
  absl::Status Put(const daemon::v1::RunRecord& record);
  absl::Status Delete(const std::string& uid);
  // In the order of their creation. Records that are damaged stay stored, and the names of their
  // runs are added to `unreadable`.
  absl::StatusOr<std::vector<daemon::v1::RunRecord>> All(
      std::vector<std::string>* unreadable = nullptr);

  // For tests: no more than so many pages of 4 KiB.
  void LimitPages(int pages);

 private:
  class Database;
  explicit RunStore(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace throng
