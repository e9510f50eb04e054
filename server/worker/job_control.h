// How a job of a worker and the daemon that controls it speak with each other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/delivery/run.h"
#include "server/host/instances.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// What the daemon asks of the job, and what the job tells. All of it may be used by any thread.
class JobControl {
 public:
  explicit JobControl(int control_fd);

  // ---- told to the daemon ----
  // Nothing follows Finish, the first of which counts.
  void Send(worker::v1::FromWorker message);
  void Finish(const worker::v1::Finished& finished);
  void Log(int32_t level, const std::string& source, const std::string& sentence);

  // ---- asked by the daemon ----
  void Begin(const worker::v1::Begin& begin);
  void SetPaused(bool is_paused);
  void Tune(const worker::v1::Tune& tune);
  void Stop();
  bool IsStopping() const { return is_stopping_; }
  // Waits for Begin; false: stopped instead.
  bool AwaitBegin();
  // Waits until it is not, or no longer, paused; false: stopped instead.
  bool AwaitResume();
  bool IsPaused() const { return is_paused_; }
  // Calls this when it stops, at once if it does already; it is quick. Empty: nothing any more.
  void OnStop(std::function<void()> call);
  // Calls this with each Tune, at once with what came last; it is quick. Empty: nothing any more.
  void OnTune(std::function<void(const worker::v1::Tune&)> call);

  // What instances of plugins need, wired to the above.
  Environment* environment() { return &environment_; }

  // The run whose progress is reported, while it lives.
  void Show(const Run* run);
  // Tells the daemon how far the run is; each second anyway.
  void ReportSoon();
  worker::v1::Progress Progress();
  void AnswerStatistics(const worker::v1::GetStatistics& request);
  // Reports until EndReports; of a thread that calls no plugin.
  void Report();
  void EndReports();

 private:
  // Of the output of that name; empty: of the first of interactions.
  absl::StatusOr<v1::GetRunStatisticsResponse> Statistics(const std::string& name);

  const int fd_;
  std::mutex send_mutex_;
  bool has_finished_ = false;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_paused_ = false;
  std::atomic<int64_t> commands_ = 0;  // how often SetPaused was called
  Metrics metrics_;
  Environment environment_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_begun_ = false;
  bool is_dirty_ = false;
  bool is_over_ = false;
  std::function<void()> on_stop_;
  std::optional<worker::v1::Tune> tune_;
  std::function<void(const worker::v1::Tune&)> on_tune_;
  std::mutex statistics_mutex_;  // held while statistics are read; taken before run_mutex_
  std::mutex run_mutex_;         // what a heartbeat needs: held for no time
  const Run* run_ = nullptr;
};

}  // namespace throng
