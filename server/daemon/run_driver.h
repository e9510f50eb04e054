// The life of runs: what their controllers decide is stored and done, and what their workers say is
// told to the controllers. Nobody who only looks at a run waits for a disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/call_context.h"
#include "server/daemon/config.h"
#include "server/daemon/engine.h"
#include "server/daemon/planner.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/run_controller.h"
#include "server/daemon/run_store.h"
#include "server/daemon/run_table.h"
#include "server/daemon/workers.h"

namespace throng {

// All functions: any thread.
class RunDriver {
 public:
  struct Parts {
    const DaemonConfig* config = nullptr;
    bool is_ephemeral = false;  // runs are named by what they write, and nothing is stored
    Workers* workers = nullptr;
    Timers* timers = nullptr;
    PluginIndex* index = nullptr;
    RunStore* store = nullptr;
    Planner* planner = nullptr;
    // For the daemon's own log.
    std::function<void(const std::string& sentence)> log;
    // Both are quick and call nothing here. What keeps it from storing what it is told; empty:
    // nothing any more.
    std::function<void(const std::string& trouble)> on_trouble;
    // A run as it is at first and after each change; without a name: it was deleted.
    std::function<void(const std::string& name, const v1::Run& now)> on_change;
  };
  // All that `parts` names outlives it, but workers and timers call nothing here any more.
  explicit RunDriver(const Parts& parts)
      : parts_(parts), table_(*parts.config, parts.is_ephemeral) {}
  ~RunDriver();

  // Takes up the stored runs.
  absl::Status Start();
  // Tells all workers to stop at a commit; target states stay.
  void Stop();
  // Likewise, and launches none any more. Waits until all have ended.
  absl::Status Drain(const CallContext& context);
  // Waits until they have ended; kills those that have not at the deadline. False: one lives on.
  bool AwaitEnd(Deadline deadline);

  // What Engine's functions of these names do.
  absl::StatusOr<v1::Run> Get(const std::string& name);
  absl::StatusOr<v1::ListRunsResponse> List(const v1::ListRunsRequest& request);
  absl::Status Delete(const AskedRun& run);
  absl::StatusOr<v1::Run> Ask(const AskedRun& run, RunController::Verb verb);
  absl::StatusOr<v1::Run> Update(const v1::UpdateRunRequest& request);
  absl::StatusOr<uint64_t> Watch(const std::string& name, std::function<void()> on_change);
  absl::StatusOr<uint64_t> WatchAll(std::function<void(const std::string& name)> on_change);
  void Unwatch(uint64_t id);
  absl::StatusOr<v1::GetRunStatisticsResponse> Statistics(
      const v1::GetRunStatisticsRequest& request, const CallContext& context);

  absl::StatusOr<std::shared_ptr<RunLog>> Log(const std::string& name);
  // All that is known of a run. FAILED_PRECONDITION: its record is damaged.
  absl::StatusOr<daemon::v1::RunRecord> Record(const std::string& name);
  // Where outputs are, as a worker that delivers has reported; nothing: none does.
  absl::StatusOr<std::optional<v1::GetPositionsResponse>> Reported(const std::string& name);

  // What a creation meets: the run of that request_id (whose digest is `sha256`), nothing, or an
  // error. Waits for one of the same id or request_id that is being stored.
  absl::StatusOr<std::optional<v1::Run>> FindTaken(const v1::CreateRunRequest& request,
                                                   const std::string& sha256,
                                                   const CallContext& context);
  // Stores and begins a run without a name that `worker` has planned, by the plugins of `snapshot`.
  // The worker is let go of.
  absl::StatusOr<v1::Run> Create(const v1::CreateRunRequest& request, daemon::v1::RunRecord record,
                                 const PluginSnapshot& snapshot, Planner::Asked* worker,
                                 const CallContext& context);
  // Resets the positions of a run at rest, by `reset`, which blocks and is given the outputs.
  using Reset = std::function<absl::StatusOr<v1::GetPositionsResponse>(
      const daemon::v1::RunRecord& record, const std::vector<std::string>& outputs)>;
  absl::StatusOr<v1::ResetPositionsResponse> ResetPositions(
      const v1::ResetPositionsRequest& request, const Reset& reset);

 private:
  class Listener;
  class Lock;
  using Stored = daemon::v1::RunRecord;

  absl::StatusOr<EntryPtr> Find(const std::string& name) const;
  absl::StatusOr<EntryPtr> FindIntact(const std::string& name) const;
  // Of a run of which something is to be changed: once nothing else is being changed of it.
  // ABORTED: its positions are being reset.
  absl::StatusOr<EntryPtr> FindIdle(const std::string& name, bool may_be_damaged, Lock* lock);
  absl::Status Wake(const EntryPtr& entry);
  // What is stored of a run that has ended.
  absl::StatusOr<Stored> Read(const std::string& uid) const;
  // Stores what `decide` makes of a run, and then does it. `is_brake`: even if the disk is full,
  // which keeps nobody from stopping what fills it.
  using Decide = std::function<absl::Status(RunController* after, RunController::Actions* actions)>;
  absl::StatusOr<v1::Run> Change(const AskedRun& asked, bool is_brake, const Decide& decide);
  absl::StatusOr<std::optional<v1::Run>> AwaitTaken(const v1::CreateRunRequest& request,
                                                    const std::string& sha256,
                                                    const CallContext& context, Lock* lock);
  absl::StatusOr<std::optional<v1::Run>> FindTakenNow(const v1::CreateRunRequest& request,
                                                      const std::string& sha256);
  std::string FreeName() const;  // that nobody has or is about to get

  // Does what a controller has decided, tells watchers and ends what has ended.
  void Do(const EntryPtr& entry, const RunController::Actions& actions);
  void Launch(const EntryPtr& entry);
  Stored RecordOf(const EntryPtr& entry, const RunController& decided) const;
  void StoreSoon(const EntryPtr& entry);
  // Says that it was not stored, and tries again until it is.
  void StoreLater(const EntryPtr& entry, const absl::Status& why);
  void SetNotStored(const EntryPtr& entry, const std::string& why);
  // Nothing is being changed of it any more: what has come meanwhile is done.
  void EndChange(const EntryPtr& entry);
  // Does it now, or once nothing is being changed of the run.
  void InTurn(const EntryPtr& entry, std::function<void()> event);
  void StopWorkers();
  bool HasWorkers() const;
  // Forgets those that have ended and are too many.
  void Retire();
  void Release(const Stored& record);
  void ReportTrouble();
  void Remove(const EntryPtr& entry);
  void WatchStore();
  void Note(const EntryPtr& entry, const std::string& level, const std::string& sentence);

  void OnMessage(const EntryPtr& entry, const worker::v1::FromWorker& message);
  void OnEnded(const EntryPtr& entry, const WorkerEnd& end);

  const Parts parts_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;  // a worker has ended or answered, or something is stored
  RunTable table_;
  std::set<std::string> creating_;  // names and request ids of runs that are being stored
  bool is_draining_ = false;
  int unstored_ = 0;     // runs that are not stored as they are
  std::string trouble_;  // as it was told last
  // Lines for logs of runs, which are written when the lock is let go.
  std::vector<std::pair<std::shared_ptr<RunLog>, v1::LogLine>> lines_;
  int64_t last_question_ = 0;
  // GetStatistics that calls wait for, by id, and what the worker said.
  std::map<int64_t, std::optional<worker::v1::StatisticsReport>> questions_;
  bool is_stopping_ = false;
};

}  // namespace throng
