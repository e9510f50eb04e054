// The runs that there are: those that live, with all that is known of them, and those that have
// ended, of which nothing but the name is in memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/daemon/config.h"
#include "server/daemon/run_controller.h"
#include "server/daemon/run_log.h"
#include "server/daemon/run_troubles.h"
#include "server/daemon/workers.h"

namespace throng {

// A run, its worker and its log.
struct RunEntry {
  // What of a controller's run is stored, with the times that only the entry knows.
  v1::Run Stored(const RunController& decided) const;

  std::string name;
  std::string uid;
  std::string request_id;
  std::optional<RunController> controller;  // nothing: it has ended, and the store has it
  std::unique_ptr<const v1::Run> ended;     // then what a list looks at of it
  std::shared_ptr<RunLog> log;
  RunTroubles troubles;
  WorkerId worker = 0;  // 0: none
  bool is_deleted = false;
  bool is_damaged = false;    // what is stored of it cannot be read: it can only be deleted
  bool is_resetting = false;  // a worker is resetting its positions
  bool is_changing = false;   // what was asked of it is being stored
  int puts = 0;               // records on their way to the disk
  std::string not_stored;     // why it will be stored later; empty: it is, or is about to be
  int64_t start_time_ms = 0;  // 0: not yet, as below
  int64_t end_time_ms = 0;
  std::deque<std::function<void()>> deferred;          // what has come while it was changing
  std::map<uint64_t, std::function<void()>> watchers;  // by Watch's id
  std::shared_ptr<const v1::Run> shown;  // as it is; nothing: to be made when somebody asks
  std::shared_ptr<const v1::Run> told;   // what watchers were told of last
  std::optional<std::pair<int64_t, std::string>> retirable;  // its key among those that may go
};
using EntryPtr = std::shared_ptr<RunEntry>;

// One thread at a time.
class RunTable {
 public:
  // `is_one_shot`: as of RunController.
  RunTable(const DaemonConfig& config, bool is_one_shot)
      : config_(config), is_one_shot_(is_one_shot) {}

  EntryPtr Add(daemon::v1::RunRecord record);
  // A run whose record cannot be read; it is shown as failed.
  EntryPtr AddDamaged(const std::string& uid, const std::string& name);
  void Remove(const EntryPtr& entry);

  // NOT_FOUND: which is meant perhaps.
  absl::StatusOr<EntryPtr> Find(const std::string& name) const;
  // nullptr: none was created by that request.
  EntryPtr OfRequest(const std::string& request_id) const;
  const std::map<std::string, EntryPtr>& runs() const { return runs_; }  // by name
  int damaged() const { return damaged_; }

  // Gives an entry its controller back.
  void Wake(const EntryPtr& entry, daemon::v1::RunRecord record) const;
  // Takes note whether it has ended and is of no interest to anybody; then it needs no controller.
  void Reconsider(const EntryPtr& entry);
  // The oldest of those that have ended, if there are more of them than are kept; else nullptr.
  EntryPtr Surplus() const;

  // As much of a run as says whether a list has it, and where.
  static const v1::Run& Listed(const EntryPtr& entry);
  // The run as it is shown. It has a controller.
  static std::shared_ptr<const v1::Run> Show(const EntryPtr& entry);
  // Something may have changed: tells watchers if it has.
  void Changed(const EntryPtr& entry);

  uint64_t Watch(const EntryPtr& entry, std::function<void()> on_change);
  // Of all runs; calls at once for each that there is.
  uint64_t WatchAll(std::function<void(const std::string& name)> on_change);
  void Unwatch(uint64_t id);
  // Calls all watchers, those of all runs without a name.
  void WakeWatchers() const;

 private:
  EntryPtr NewEntry(const std::string& uid, const std::string& name);

  const DaemonConfig& config_;
  const bool is_one_shot_;
  std::map<std::string, EntryPtr> runs_;
  std::map<std::string, EntryPtr> requests_;
  std::set<std::pair<int64_t, std::string>> retirable_;  // when they ended, and their names
  int damaged_ = 0;
  std::map<uint64_t, EntryPtr> watches_;
  std::map<uint64_t, std::function<void(const std::string&)>> watchers_;  // of all runs
  uint64_t last_watch_ = 0;
};

}  // namespace throng
