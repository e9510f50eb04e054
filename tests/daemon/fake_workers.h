// Workers and time for tests of what stands above them: one thread plays the supervisor's, workers
// say what a test makes them say, and time passes when a test says so.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/daemon/workers.h"
#include "tests/daemon/worker_words.h"

namespace throng {

class FakeWorkers final : public Workers, public Timers {
 public:
  // What a worker does by itself, on the supervisor's thread; replaced by tests that want another
  // one. These plan at once, stop when asked to, and know no positions.
  std::function<void(WorkerId, const worker::v1::Start&)> on_launch;
  std::function<void(WorkerId, const worker::v1::ToWorker&)> on_message;

  // What Kill asks for does not happen, as of a worker that waits for a dead disk.
  std::atomic<bool> is_deaf_to_kill = false;

  FakeWorkers();
  // Ends all workers.
  ~FakeWorkers() override;

  WorkerId Launch(const worker::v1::Start& start, std::shared_ptr<WorkerListener> listener,
                  const LaunchOptions& options) override;
  void Send(WorkerId id, const worker::v1::ToWorker& message) override;
  void Kill(WorkerId id) override;
  Clock::time_point Now() const override;
  void CallAt(Clock::time_point time, std::function<void()> call) override;

  // ---- what a worker says; any thread ----
  void Say(WorkerId id, const worker::v1::FromWorker& message);
  void End(WorkerId id, const WorkerEnd& end);
  // Returns once the supervisor's thread has done all that was to do. Not on that thread.
  void Settle();
  // Lets time pass, calls what is due, and settles.
  void Advance(std::chrono::milliseconds time);

  // ---- what was asked for ----
  size_t launches() const;
  WorkerId last() const;  // 0: none yet
  bool IsAlive(WorkerId id) const;
  size_t alive() const;
  worker::v1::Start StartOf(WorkerId id) const;
  // "begin pause stop kill" and the like.
  std::string SentTo(WorkerId id) const;
  // The most workers of one run that lived at the same time.
  int most_of_a_run() const;

 private:
  struct FakeWorker {
    worker::v1::Start start;
    std::shared_ptr<WorkerListener> listener;
    std::string sent;
    bool is_alive = true;
    int row_fd = -1;  // the writing end
  };

  void Post(std::function<void()> work);
  void Work();
  void Note(WorkerId id, const std::string& word);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<WorkerId, FakeWorker> workers_;
  std::map<std::string, int> alive_of_run_;  // by uid
  int most_of_a_run_ = 0;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  Clock::time_point now_{std::chrono::hours(1)};
  std::deque<std::function<void()>> work_;
  bool is_over_ = false;
  std::thread thread_;  // last: it uses all of the above
};

// What a worker says that has planned.
worker::v1::FromWorker PlannedFor(const worker::v1::Start& start,
                                  const std::vector<std::string>& outputs = {"csv"});

}  // namespace throng
