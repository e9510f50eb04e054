// The daemon's Engine: what is asked of it, handed to those who do it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/daemon/config.h"
#include "server/daemon/engine.h"
#include "server/daemon/planner.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/row_streams.h"
#include "server/daemon/run_driver.h"
#include "server/daemon/run_store.h"
#include "server/daemon/workers.h"

namespace throng {

class RunEngine final : public Engine {
 public:
  // What it works with. `workers` and `timers` end before the engine does, so that nothing calls it
  // any more; `index` and `store` outlive it.
  struct Parts {
    DaemonConfig config;
    bool is_ephemeral = false;  // runs are named by what they write, and nothing is kept
    Workers* workers = nullptr;
    Timers* timers = nullptr;
    PluginIndex* index = nullptr;
    RunStore* store = nullptr;
    // As of RunDriver.
    std::function<void(const std::string& sentence)> log;
    std::function<void(const std::string& trouble)> on_trouble;
    std::function<void(const std::string& name, const v1::Run& now)> on_change;
    // It is being drained. Quick.
    std::function<void()> on_drain;
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
  absl::StatusOr<v1::Run> UpdateRun(const v1::UpdateRunRequest& request) override;
  absl::Status DeleteRun(const AskedRun& run) override;
  absl::StatusOr<v1::Run> PauseRun(const AskedRun& run) override;
  absl::StatusOr<v1::Run> ResumeRun(const AskedRun& run) override;
  absl::StatusOr<v1::Run> StopRun(const AskedRun& run) override;
  absl::StatusOr<v1::Run> RestartRun(const AskedRun& run) override;
  absl::StatusOr<uint64_t> Watch(const std::string& name, std::function<void()> on_change) override;
  absl::StatusOr<uint64_t> WatchAll(
      std::function<void(const std::string& name)> on_change) override;
  absl::StatusOr<uint64_t> WatchLog(const std::string& name,
                                    std::function<void()> on_line) override;
  void Unwatch(uint64_t id) override;
  absl::Status Drain(const CallContext& context) override;
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
  const Parts parts_;
  Planner planner_;
  RunDriver driver_;
  RowStreams streams_;

  std::atomic<bool> is_draining_ = false;
  std::mutex log_mutex_;
  // By WatchLog's id: the log, and its listener.
  std::map<uint64_t, std::pair<std::shared_ptr<RunLog>, uint64_t>> log_watches_;
  uint64_t last_log_watch_ = 0;
};

}  // namespace throng
