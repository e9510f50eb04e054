// The life of one run: what was asked for, what its worker does, and what to do about it. The one
// place that decides; it does nothing itself.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/daemon/workers.h"
#include "throng/daemon/v1/run_record.pb.h"
#include "throng/v1/run_service.pb.h"

namespace throng {

class RunController {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Verb { kPause, kResume, kStop, kRestart };

  // What is to be done, in this order. A run has one worker at most.
  struct Actions {
    bool store = false;   // before anything else
    bool launch = false;  // a worker, which will plan
    bool begin = false;   // tell the worker that has planned to deliver
    bool pause = false;   // tell the worker
    bool resume = false;
    bool tune = false;
    bool stop = false;
    bool kill = false;
    std::optional<Clock::time_point> wake;  // call OnTimer then
  };

  // A run as it was stored, or is about to be, without a worker. `is_one_shot`: somebody waits for
  // its end, so what its worker has given up is given up.
  explicit RunController(daemon::v1::RunRecord record, bool is_one_shot = false)
      : record_(std::move(record)), is_one_shot_(is_one_shot) {}

  const daemon::v1::RunRecord& record() const { return record_; }
  const v1::Run& run() const { return record_.run(); }
  bool HasEnded() const;
  bool HasWorker() const { return worker_ != Worker::kNone; }
  // Whether it may be deleted and its positions reset: nothing is delivered, nor will be by itself.
  bool IsAtRest() const;

  // The daemon has started: what should run runs again.
  Actions OnDaemonStart();
  // It was created, and its worker has planned already.
  Actions OnCreated();
  // FAILED_PRECONDITION: the verb does not fit its state; the sentence says which do.
  absl::Status Ask(Verb verb, Actions* actions);
  // Changes what the request names, which is known. FAILED_PRECONDITION: the run has succeeded, and
  // it is something that only matters before.
  absl::Status Update(const v1::UpdateRunRequest& request, int64_t now_ms, Actions* actions);
  // How fast its worker is to deliver, of a run that began at `start_ms`.
  worker::v1::Tune Tune(int64_t start_ms) const;
  // A caller has changed it now.
  void MarkChanged(int64_t now_ms);
  // Its positions were reset and are these: an ended run counts as stopped.
  Actions OnReset(const google::protobuf::RepeatedPtrField<v1::Position>& positions);
  // The daemon ends: workers stop, target states stay. Nothing is launched any more.
  Actions OnDaemonStop();

  Actions OnPlanned();
  Actions OnProgress(const worker::v1::Progress& progress, Clock::time_point now);
  Actions OnEnded(const WorkerEnd& end, Clock::time_point now);
  Actions OnTimer(Clock::time_point now);
  // A worker could not even be asked for: as if it had ended so.
  Actions OnLaunchFailed(const absl::Status& status, Clock::time_point now);

 private:
  // kPlanning: started, and not told to deliver. kStopping: told to stop.
  enum class Worker { kNone, kPlanning, kDelivering, kStopping };

  // Rows that an output had delivered at a time.
  struct Sample {
    Clock::time_point time;
    int64_t rows;
  };
  // Component and first row of the block, -1: none.
  using Place = std::pair<std::string, int64_t>;

  static bool IsEnd(v1::OutputState state);
  v1::Run* mutable_run() { return record_.mutable_run(); }
  void Launch(Actions* actions);
  // Ends the worker's planning or lets it stop.
  void EndWorker(Actions* actions);
  void TakeFinished(const worker::v1::Finished& finished, bool was_stopping, Clock::time_point now,
                    Actions* actions);
  void KeepStatistics(const v1::GetRunStatisticsResponse& final);
  void TakeCrash(const WorkerEnd& end, Clock::time_point now, Actions* actions);
  // Starts a worker again after a back-off; `reason` says why.
  void BackOff(const std::string& reason, Clock::time_point now, Actions* actions);
  void Fail(const std::string& reason, Actions* actions);
  void TakeOutputs(const google::protobuf::RepeatedPtrField<v1::OutputStatus>& outputs);
  // PAUSED is a promise that is not, or no longer, given: outputs that say so may deliver.
  void TakeBackPaused();
  void ForgetPassedCrashes();
  void MeasureRates(Clock::time_point now);
  // Sets what outputs do while no worker lives.
  void SettleOutputs(v1::OutputState state);
  void DeriveState();
  void ForgetTroubles();

  daemon::v1::RunRecord record_;
  Worker worker_ = Worker::kNone;
  bool is_daemon_stopping_ = false;
  bool is_one_shot_;
  int64_t commands_ = 0;                     // Pause and Resume sent to this worker
  std::optional<Clock::time_point> wake_;    // when it is to be launched again
  std::chrono::milliseconds back_off_{0};    // before the last launch
  std::set<Place> crashes_;                  // of its own making, that may come again
  std::vector<std::deque<Sample>> samples_;  // of each output, while it delivers
};

}  // namespace throng
