// What the daemon can do, behind its gRPC services: runs, plans, rows. Functions that say so block,
// as long as the context of their call lets them; all may be called by any thread. Errors are absl
// statuses with payloads of google.rpc details (errors.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/call_context.h"
#include "throng/v1/generation_service.pb.h"
#include "throng/v1/plugin_service.pb.h"
#include "throng/v1/run_service.pb.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// Serialized messages of a response, as GenerateResponse, as they come from a worker.
class RowStream {
 public:
  virtual ~RowStream() = default;  // ends the worker
  // The next message; nothing at the end. Blocks. An error ends the stream.
  virtual absl::StatusOr<std::optional<std::string>> Next() = 0;
  // Ends the worker at once; Next returns CANCELLED. Any thread.
  virtual void Cancel() = 0;
};

// A run that is to be changed.
struct AskedRun {
  std::string name;       // `runs/ID`
  std::string etag = {};  // ABORTED: it has another one. Empty: whatever it has.
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Block while a worker plans. A call that is cancelled ends its worker and leaves nothing behind.
  // RESOURCE_EXHAUSTED with a RetryInfo: too many calls wait to plan.
  virtual absl::StatusOr<v1::Run> CreateRun(const v1::CreateRunRequest& request,
                                            const CallContext& context) = 0;
  virtual absl::StatusOr<v1::Plan> Plan(const v1::PlanRequest& request,
                                        const CallContext& context) = 0;
  virtual absl::StatusOr<v1::ValidateSpecResponse> ValidateSpec(
      const v1::ValidateSpecRequest& request, const CallContext& context) = 0;

  // Names are `runs/ID`.
  virtual absl::StatusOr<v1::Run> GetRun(const std::string& name) = 0;
  virtual absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request) = 0;
  // These wait for the disk, and for no worker.
  virtual absl::StatusOr<v1::Run> UpdateRun(const v1::UpdateRunRequest& request) = 0;
  virtual absl::Status DeleteRun(const AskedRun& run) = 0;
  virtual absl::StatusOr<v1::Run> PauseRun(const AskedRun& run) = 0;
  virtual absl::StatusOr<v1::Run> ResumeRun(const AskedRun& run) = 0;
  virtual absl::StatusOr<v1::Run> StopRun(const AskedRun& run) = 0;
  virtual absl::StatusOr<v1::Run> RestartRun(const AskedRun& run) = 0;

  // Calls `on_change` after each change of the run and when it is deleted, until Unwatch, which
  // waits for a call in progress. It is quick and calls nothing here.
  virtual absl::StatusOr<uint64_t> Watch(const std::string& name,
                                         std::function<void()> on_change) = 0;
  // Likewise for every run, with its name: at once for each that there is. An empty name: the
  // daemon ends.
  virtual absl::StatusOr<uint64_t> WatchAll(
      std::function<void(const std::string& name)> on_change) = 0;
  // Likewise after lines were added to its log.
  virtual absl::StatusOr<uint64_t> WatchLog(const std::string& name,
                                            std::function<void()> on_line) = 0;
  virtual void Unwatch(uint64_t id) = 0;

  // Stops all runs for the daemon's end and lets nothing begin; waits until nothing is delivered.
  // DEADLINE_EXCEEDED: something still is.
  virtual absl::Status Drain(const CallContext& context) = 0;

  // Block while a worker answers.
  virtual absl::StatusOr<v1::GetPositionsResponse> GetPositions(
      const v1::GetPositionsRequest& request, const CallContext& context) = 0;
  virtual absl::StatusOr<v1::ResetPositionsResponse> ResetPositions(
      const v1::ResetPositionsRequest& request, const CallContext& context) = 0;
  virtual absl::StatusOr<v1::GetRunStatisticsResponse> GetRunStatistics(
      const v1::GetRunStatisticsRequest& request, const CallContext& context) = 0;

  // The kept lines from line number `*next` on (numbers only grow; 0: the first that is kept), at
  // most 1000; advances `*next`.
  virtual absl::StatusOr<std::vector<v1::LogLine>> ReadLog(const std::string& name,
                                                           uint64_t* next) = 0;
  // The number of the first of the last `count` kept lines, for ReadLog.
  virtual absl::StatusOr<uint64_t> FirstOfLog(const std::string& name, int32_t count) = 0;

  // Blocks while a worker plans, as above. RESOURCE_EXHAUSTED: too many streams are open, too.
  virtual absl::StatusOr<std::unique_ptr<RowStream>> Generate(const v1::GenerateRequest& request,
                                                              const CallContext& context) = 0;

  // Looks at data: messages of the response of the request that `job` holds. Its other fields are
  // filled in here. What is wrong with the request, and all else, ends the stream. Blocks while new
  // plugins are described. NOT_FOUND: a run that it names; RESOURCE_EXHAUSTED as above.
  virtual absl::StatusOr<std::unique_ptr<RowStream>> Inspect(const worker::v1::InspectJob& job) = 0;

  // Block while new plugins are described.
  virtual absl::StatusOr<v1::ListPluginsResponse> ListPlugins(
      const v1::ListPluginsRequest& request) = 0;
  virtual absl::StatusOr<v1::GetPluginResponse> GetPlugin(const std::string& name) = 0;
};

}  // namespace throng
