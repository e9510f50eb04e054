// The writer's side of an output: takes encoded blocks in row order, writes and commits them, and
// finishes the output.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/worker/encoder.h"
#include "server/worker/instances.h"
#include "server/worker/progress.h"
#include "server/worker/slice.h"
#include "server/worker/statistics.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

// How an output is walked; decides nothing about what is written.
struct WalkSettings {
  int threads = 1;
  double rate = 0;  // rows a second; 0: as fast as possible
  // How long a sink that is full or out of reach is offered the same again before the output fails;
  // 0: without end.
  std::chrono::milliseconds retry_timeout{10'000};
};

// What a delivery works with; all of it outlives the delivery.
struct DeliveryJob {
  const Encoding* encoding = nullptr;
  const Slice* slice = nullptr;
  Sink* sink = nullptr;
  std::optional<int64_t> position;  // as the sink opened; none: nothing was committed
  WalkSettings settings;
  int64_t commit_rows = 0;                       // commit at the latest after so many; 0: no limit
  std::chrono::milliseconds commit_interval{0};  // likewise; 0: no limit
  const Environment* environment = nullptr;
  ProgressMonitor* monitor = nullptr;
  // The statistics as a JSON object, "{}" if there are none.
  std::function<std::string(const std::optional<v1::Statistics>&)> statistics_json;
  // The host state to commit, with the statistics once all rows were seen.
  std::function<std::string(const std::optional<v1::Statistics>&)> host_state;
  // The manifest, likewise, as a JSON object.
  std::function<std::string(const std::optional<v1::Statistics>&)> manifest;
};

class Delivery {
 public:
  explicit Delivery(const DeliveryJob& job);
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Delivers from the position to the end and finishes; true. False: stopped at a commit because
  // the environment is stopping. Once.
  absl::StatusOr<bool> Run();

  // Of the whole output, for interactions, after Run returned true.
  const std::optional<v1::Statistics>& statistics() const { return derived_; }

  // Of the rows delivered so far, and how many of an earlier process are not counted yet. Nothing
  // for other tables, and before the first row. Any thread.
  struct Snapshot {
    v1::Statistics statistics;
    int64_t rows_to_count = 0;
  };
  std::optional<Snapshot> Peek() const;

 private:
  using Clock = std::chrono::steady_clock;

  enum class Step { kContinue, kStopped, kFinished };

  absl::StatusOr<Step> Start();
  // Delivers one block, or ends: at a commit when stopping, else at the end of the slice.
  absl::StatusOr<Step> Advance();
  // Writes what comes before the first row, unless it is committed.
  absl::StatusOr<Step> Prologue();
  absl::Status Deliver(const Block& block);
  absl::Status Commit();
  absl::Status Finish();
  // Goes back to the last commit: `reason` says why the sink has nothing of what came after it.
  absl::StatusOr<Step> GoBack(const absl::Status& reason);
  bool IsCommitDue() const;
  bool IsStopping() const { return job_.environment->IsStopping(); }
  bool IsPaused() const { return job_.environment->IsPaused(); }
  // Commits, if the sink takes it, and waits to be resumed or stopped.
  absl::Status Hold();
  // Waits to be resumed or stopped.
  void AwaitResume();
  int64_t UnitRows() const;
  // Waits until the next row is due, and commits meanwhile when that is due.
  absl::Status AwaitPace();
  // Sleeps until `due`, or until stopping or paused.
  void SleepUntil(Clock::time_point due) const;
  // Calls until it no longer says that the sink is full or out of reach.
  absl::Status Retry(const std::function<absl::Status()>& call);
  // Walks the rows that earlier processes committed, for their statistics.
  absl::Status CountEarlierRows();

  const DeliveryJob& job_;
  const bool is_interactions_;
  std::optional<Walk> walk_;
  bool has_commit_ = false;  // of any process
  int64_t committed_ = 0;    // position of the last commit, or the first row
  int64_t position_ = 0;     // after what was written
  int64_t uncommitted_rows_ = 0;
  int64_t new_rows_ = 0;  // written by this process
  bool has_own_commit_ = false;
  Clock::time_point pace_start_;   // since it began or was resumed
  int64_t pace_rows_ = 0;          // new_rows_ then
  Clock::time_point first_write_;  // since the last commit
  Clock::time_point first_abort_;  // since the last commit
  int aborts_ = 0;                 // likewise
  int64_t counted_ = 0;            // position up to which rows were counted
  mutable std::mutex statistics_mutex_;
  std::optional<Statistics> statistics_;  // of rows that passed
  std::optional<Statistics> earlier_;     // of rows committed before
  std::atomic<bool> is_counted_ = false;  // earlier_ is whole
  std::atomic<bool> is_abandoned_ = false;
  std::thread counting_;
  absl::Status counting_status_;
  std::optional<v1::Statistics> derived_;
};

}  // namespace throng
