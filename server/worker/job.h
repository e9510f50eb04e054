// A job of a worker that a daemon controls, and how it speaks with the daemon.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/delivery/run.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/spec/problem.h"
#include "throng/v1/spec_source.pb.h"
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
  void Begin(bool is_paused);
  void SetPaused(bool is_paused);
  void Stop();
  bool IsStopping() const { return is_stopping_; }
  // Waits for Begin; false: stopped instead.
  bool AwaitBegin();
  // Waits until it is not, or no longer, paused; false: stopped instead.
  bool AwaitResume();
  bool IsPaused() const { return is_paused_; }
  // Calls this when it stops, at once if it does already; it is quick. Empty: nothing any more.
  void OnStop(std::function<void()> call);

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
  Environment environment_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_begun_ = false;
  bool is_dirty_ = false;
  bool is_over_ = false;
  std::function<void()> on_stop_;
  std::mutex run_mutex_;
  const Run* run_ = nullptr;
};

// A spec as the daemon hands it over. `asked` is empty when it cannot even be read.
struct SpecRequest {
  const v1::SpecSource* source = nullptr;
  const v1::RunSpec* asked = nullptr;
  bool needs_outputs = true;
};
std::optional<v1::RunSpec> ReadSpecRequest(const SpecRequest& request, Problems* problems);

// ---- The jobs; each returns what Finished says ----
worker::v1::Finished Execute(const worker::v1::RunJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control);
worker::v1::Finished Execute(const worker::v1::GenerateJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control);
worker::v1::Finished Execute(const worker::v1::DescribeJob& job, JobControl* control);
worker::v1::Finished Execute(const worker::v1::PositionsJob& job, const Catalogue& catalogue,
                             JobControl* control);

worker::v1::Finished AsFinished(const absl::Status& status);
worker::v1::Finished AsFinished(const Problems& problems);

// What a plan promises, and each output of `run` (nullptr: of a dataset only).
v1::Plan PlanMessage(const Plan& plan, const Run* run);
v1::OutputStatus StatusMessage(const Output& output);

}  // namespace throng
