// Workers that calls wait for: they plan, check specs and ask places.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/call_context.h"
#include "server/daemon/config.h"
#include "server/daemon/planning_queue.h"
#include "server/daemon/plugin_index.h"
#include "server/daemon/worker_call.h"
#include "server/daemon/workers.h"
#include "throng/daemon/v1/run_record.pb.h"
#include "throng/v1/generation_service.pb.h"
#include "throng/v1/plugin_service.pb.h"
#include "throng/v1/run_service.pb.h"

namespace throng {

// Within which a worker that was killed has ended, unless the system cannot end it.
inline constexpr std::chrono::seconds kKilledWithin{2};

// UNAVAILABLE, DAEMON_STOPPING.
absl::Status DaemonStopping();
// UNAVAILABLE: nothing begins any more.
absl::Status DaemonDraining();

// All functions: any thread.
class Planner {
 public:
  struct Parts {
    const DaemonConfig* config = nullptr;
    bool is_ephemeral = false;
    Workers* workers = nullptr;
    PluginIndex* index = nullptr;
    // Calls that plan at a time, and those that wait for it.
    int at_once = 2 * static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    int waiting = 256;
  };
  // All that `parts` names outlives it.
  explicit Planner(const Parts& parts) : parts_(parts), queue_(parts.at_once, parts.waiting) {}

  // A worker that a call waits for. It ends with this, unless something else takes it over.
  class Asked {
   public:
    // `row_fd`: as of LaunchOptions. After Stop nothing is started.
    Asked(Planner* planner, const worker::v1::Start& start, int* row_fd = nullptr);
    ~Asked();
    Asked(const Asked&) = delete;
    Asked& operator=(const Asked&) = delete;

    WorkerId id() const { return id_; }  // 0: none was started
    const std::shared_ptr<WorkerCall>& call() const { return call_; }
    absl::StatusOr<worker::v1::FromWorker> Answer(const CallContext& context) {
      return call_->Answer(context);
    }
    void LetGo() { is_let_go_ = true; }

   private:
    Planner* const planner_;
    const std::shared_ptr<WorkerCall> call_ = std::make_shared<WorkerCall>();
    WorkerId id_ = 0;
    bool is_let_go_ = false;
  };

  // What every worker is told: where it may read and write, and its limits.
  worker::v1::Start NewStart() const;
  // Adds the plugins that a run was planned with. FAILED_PRECONDITION: they are not as they were.
  absl::Status AddKept(const v1::Run& run, worker::v1::Start* start) const;
  // Waits for a turn to plan.
  absl::Status WaitForTurn(const CallContext& context, std::optional<PlanningQueue::Turn>* turn);

  absl::StatusOr<v1::Plan> Plan(const v1::PlanRequest& request, const CallContext& context);
  absl::StatusOr<v1::ValidateSpecResponse> ValidateSpec(const v1::ValidateSpecRequest& request,
                                                        const CallContext& context);
  // The positions of a run's outputs, as their places hold them, after a reset of those that
  // `reset` names.
  absl::StatusOr<v1::GetPositionsResponse> AskPlaces(const daemon::v1::RunRecord& record,
                                                     const std::vector<std::string>& reset,
                                                     const CallContext& context);

  // Waiting calls return DaemonStopping, and so do new ones.
  void Stop();

 private:
  const Parts parts_;
  PlanningQueue queue_;
  std::mutex mutex_;
  std::set<WorkerCall*> calls_;  // that wait for a worker
  bool is_stopping_ = false;
};

}  // namespace throng
