// The daemon's Engine: runs and their workers, driven by one controller each, kept in the store.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/daemon/config.h"
#include "server/daemon/engine.h"
#include "server/daemon/planning_queue.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/run_controller.h"
#include "server/daemon/run_log.h"
#include "server/daemon/run_store.h"
#include "server/daemon/run_troubles.h"
#include "server/daemon/worker_call.h"
#include "server/daemon/workers.h"

namespace throng {

class RunEngine final : public Engine {
 public:
  // What it works with. `workers` and `timers` end before the engine does, so that nothing calls it
  // any more; `index` and `store` outlive it.
  struct Parts {
    DaemonConfig config;
    bool is_ephemeral = false;  // runs are named by what they write, and plugins are not kept
    Workers* workers = nullptr;
    Timers* timers = nullptr;
    PluginIndex* index = nullptr;
    RunStore* store = nullptr;
    // Calls that plan at a time, and those that wait for it.
    int planning_at_once = 2 * static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    int planning_waiting = 256;
    // For the daemon's own log.
    std::function<void(const std::string& sentence)> log;
    // Called when it begins or ceases to be unable to keep what it is told. Quick; calls nothing
    // here.
    std::function<void(bool is_in_trouble)> on_trouble;
  };
  explicit RunEngine(const Parts& parts);
  ~RunEngine() override;

  // Takes up the stored runs: those that should run, run again. Once, before anything else.
  absl::Status Start();
  // Stops all workers at a commit and kills those that have not ended at the deadline. Target
  // states stay. Waiting calls return UNAVAILABLE. False: a worker lives on, since the system
  // cannot end it (it waits for a disk that does not answer).
  bool Stop(Deadline deadline);

  absl::StatusOr<v1::Run> CreateRun(const v1::CreateRunRequest& request,
                                    const CallContext& context) override;
  absl::StatusOr<v1::Plan> Plan(const v1::PlanRequest& request,
                                const CallContext& context) override;
  absl::StatusOr<v1::ValidateSpecResponse> ValidateSpec(const v1::ValidateSpecRequest& request,
                                                        const CallContext& context) override;
  absl::StatusOr<v1::Run> GetRun(const std::string& name) override;
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request) override;
  absl::Status DeleteRun(const std::string& name) override;
  absl::StatusOr<v1::Run> PauseRun(const std::string& name) override;
  absl::StatusOr<v1::Run> ResumeRun(const std::string& name) override;
  absl::StatusOr<v1::Run> StopRun(const std::string& name) override;
  absl::StatusOr<v1::Run> RestartRun(const std::string& name) override;
  absl::StatusOr<uint64_t> Watch(const std::string& name, std::function<void()> on_change) override;
  absl::StatusOr<uint64_t> WatchLog(const std::string& name,
                                    std::function<void()> on_line) override;
  void Unwatch(uint64_t id) override;
  absl::StatusOr<v1::GetPositionsResponse> GetPositions(const v1::GetPositionsRequest& request,
                                                        const CallContext& context) override;
  absl::StatusOr<v1::ResetPositionsResponse> ResetPositions(
      const v1::ResetPositionsRequest& request, const CallContext& context) override;
  absl::StatusOr<v1::GetRunStatisticsResponse> GetRunStatistics(
      const v1::GetRunStatisticsRequest& request, const CallContext& context) override;
  absl::StatusOr<std::vector<v1::LogLine>> ReadLog(const std::string& name,
                                                   uint64_t* next) override;
  absl::StatusOr<uint64_t> FirstOfLog(const std::string& name, int32_t count) override;
  absl::StatusOr<std::unique_ptr<RowStream>> Generate(const v1::GenerateRequest& request,
                                                      const CallContext& context) override;
  absl::StatusOr<std::unique_ptr<RowStream>> Inspect(const worker::v1::InspectJob& job) override;
  absl::StatusOr<v1::ListPluginsResponse> ListPlugins(
      const v1::ListPluginsRequest& request) override;
  absl::StatusOr<v1::GetPluginResponse> GetPlugin(const std::string& name) override;

 private:
  class RunListener;
  // A run, its worker and its log.
  struct Entry {
    Entry(daemon::v1::RunRecord record, bool is_one_shot)
        : controller(std::move(record), is_one_shot) {}
    // As it is stored, and as it is shown.
    v1::Run Stored() const;
    v1::Run Show() const;

    RunController controller;
    std::shared_ptr<RunLog> log;
    RunTroubles troubles;
    WorkerId worker = 0;  // 0: none
    bool is_deleted = false;
    bool is_resetting = false;  // a worker is resetting its positions
    bool is_damaged = false;    // what is stored of it cannot be read: it can only be deleted
    std::string not_stored;     // why a timer will store it; empty: it is stored
    std::map<uint64_t, std::function<void()>> watchers;        // by Watch's id
    std::optional<std::pair<int64_t, std::string>> retirable;  // its key in retirable_
    v1::Run shown;                                             // what watchers were told of last
    int64_t start_time_ms = 0;                                 // 0: not yet, as below
    int64_t end_time_ms = 0;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  // A worker that a call waits for. It ends with this, unless something else takes it over.
  class AskedWorker {
   public:
    AskedWorker(RunEngine* engine, const worker::v1::Start& start, int* row_fd = nullptr);
    ~AskedWorker();
    AskedWorker(const AskedWorker&) = delete;
    AskedWorker& operator=(const AskedWorker&) = delete;

    WorkerId id() const { return id_; }
    const std::shared_ptr<WorkerCall>& call() const { return call_; }
    absl::StatusOr<worker::v1::FromWorker> Answer(const CallContext& context) {
      return call_->Answer(context);
    }
    void LetGo() { is_let_go_ = true; }

   private:
    RunEngine* const engine_;
    const std::shared_ptr<WorkerCall> call_ = std::make_shared<WorkerCall>();
    WorkerId id_ = 0;
    bool is_let_go_ = false;
  };

  static absl::Status Stopping();
  worker::v1::Start NewStart() const;
  // Adds the plugins that a run was planned with.
  absl::Status AddKept(const v1::Run& run, worker::v1::Start* start) const;
  absl::Status WaitToPlan(const CallContext& context, std::optional<PlanningQueue::Turn>* turn);
  // The answer of a worker that is ended then.
  absl::StatusOr<worker::v1::FromWorker> AskWorker(const worker::v1::Start& start,
                                                   const CallContext& context);
  // Of streams, as long as a stream lives; RESOURCE_EXHAUSTED: there are as many as are allowed.
  absl::Status CountStream();
  // What a worker that is let go sends over its row channel; it has been counted.
  // `delivers`: it ends at a commit when nobody reads any more, and else at once.
  std::unique_ptr<RowStream> StreamOf(AskedWorker* worker, int row_fd, bool delivers);
  absl::StatusOr<EntryPtr> Find(const std::string& name) const;
  // FAILED_PRECONDITION as well: its record is damaged.
  absl::StatusOr<EntryPtr> FindIntact(const std::string& name) const;
  // ABORTED as well: its positions are being reset.
  static absl::Status RequireIdle(const EntryPtr& entry);
  // What a creation meets: the run of that request_id, nothing, or an error.
  absl::StatusOr<std::optional<v1::Run>> FindTaken(const v1::CreateRunRequest& request) const;
  absl::StatusOr<v1::Run> Ask(const std::string& name, RunController::Verb verb);
  std::string FreeId() const;
  EntryPtr AddEntry(daemon::v1::RunRecord record);

  // Does what a controller decided, after storing, tells watchers and ends what has ended.
  absl::Status Do(const EntryPtr& entry, const RunController::Actions& actions);
  void LaunchFor(const EntryPtr& entry);
  absl::Status Store(const EntryPtr& entry);
  // Says that it was not, and tries again until it is.
  void StoreLater(const EntryPtr& entry, const absl::Status& why);
  void StoreAgain(const EntryPtr& entry);
  void SetNotStored(const EntryPtr& entry, std::string why);
  // Tells its log and its watchers, if it has changed.
  void ShowChange(const EntryPtr& entry);
  static void Notify(const EntryPtr& entry);
  // Takes note whether it has ended and nobody watches it.
  void Reconsider(const EntryPtr& entry);
  void RetireOld();
  void Forget(const EntryPtr& entry);
  // Looks whether what is to be kept is kept, and tells when that has changed.
  void ReportTrouble();
  // Looks again and again whether the state folder is still there.
  void WatchStore();

  void OnMessage(const EntryPtr& entry, const worker::v1::FromWorker& message);
  void OnEnded(const EntryPtr& entry, const WorkerEnd& end);
  void OnTimer(const EntryPtr& entry);
  void LogTo(const EntryPtr& entry, const std::string& level, const std::string& sentence);

  absl::StatusOr<v1::GetPositionsResponse> AskPlaces(const EntryPtr& entry,
                                                     const std::vector<std::string>& reset,
                                                     const CallContext& context);

  const Parts parts_;
  PlanningQueue planning_{parts_.planning_at_once, parts_.planning_waiting};
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;                  // a worker has ended or answered
  std::map<std::string, EntryPtr> runs_;                 // by name
  std::map<std::string, std::string> requests_;          // by request_id: the name of the run
  std::set<std::pair<int64_t, std::string>> retirable_;  // ended and not watched: when, and names
  size_t damaged_ = 0;                                   // runs with damaged records
  int unstored_ = 0;                                     // runs that are not stored as they are
  std::string trouble_;                                  // as it was told last
  std::map<uint64_t, EntryPtr> watchers_;                // what they watch
  struct LogWatcher {
    std::shared_ptr<RunLog> log;
    uint64_t listener = 0;
  };
  std::map<uint64_t, LogWatcher> log_watchers_;
  uint64_t last_watch_ = 0;  // of either kind
  int64_t last_question_ = 0;
  // GetStatistics that calls wait for, by id, and what the worker said.
  std::map<int64_t, std::optional<worker::v1::StatisticsReport>> questions_;
  std::set<WorkerCall*> calls_;  // that wait for a worker
  const std::shared_ptr<std::atomic<int>> streams_ = std::make_shared<std::atomic<int>>(0);
  std::set<WorkerId> delivering_;  // of streams, and not of runs
  bool is_stopping_ = false;
};

}  // namespace throng
