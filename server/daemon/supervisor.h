// Worker processes, started and watched by one thread: what they say, how they come to their end,
// and that they do.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/daemon/workers.h"

namespace throng {

class EventLoop;
class SupervisedWorker;

struct SupervisorOptions {
  std::string worker_path;     // of throng-worker
  std::string working_folder;  // of workers; empty: the daemon's
  // Variables that a worker gets besides PATH, HOME and TMPDIR, as far as the daemon has them and
  // what the worker is to do names them, as `env:NAME`.
  std::vector<std::string> environment;
  bool inherits_environment = false;  // workers get all variables: the daemon is its user's own
  bool inherits_stdout = false;       // workers of runs write to the daemon's standard output
  std::optional<mode_t> umask;        // of workers; none: the daemon's
  int64_t worker_memory = 0;          // limit of their memory in bytes, for sentences; 0: none

  // After Stop a worker has so long to commit and end.
  std::chrono::milliseconds stop_timeout{10'000};
  // Within which a worker says Hello.
  std::chrono::milliseconds hello_timeout{2'000};
  // After which a worker that says nothing is taken for hung.
  std::chrono::milliseconds silence_timeout{5'000};
  // From SIGABRT to SIGKILL, and for a worker that has said its last word to exit.
  std::chrono::milliseconds grace{2'000};
};

class Supervisor final : public Workers, public Timers {
 public:
  explicit Supervisor(SupervisorOptions options);
  // Stops all workers and waits for their ends; calls that are not due are dropped. Nobody may call
  // anything here any more, but listeners: what they launch ends as kKilled.
  ~Supervisor() override;

  WorkerId Launch(const worker::v1::Start& start, std::shared_ptr<WorkerListener> listener,
                  const LaunchOptions& options) override;
  void Send(WorkerId id, const worker::v1::ToWorker& message) override;
  void Kill(WorkerId id) override;

  Clock::time_point Now() const override;
  void CallAt(Clock::time_point time, std::function<void()> call) override;

 private:
  struct Launching;

  void StartWorker(Launching* launching);
  void Remove(WorkerId id);

  const SupervisorOptions options_;
  std::atomic<WorkerId> last_id_ = 0;
  std::promise<void> all_ended_;  // set once is_ending_
  // Of the loop's thread alone:
  std::map<WorkerId, std::unique_ptr<SupervisedWorker>> workers_;
  bool is_ending_ = false;
  std::unique_ptr<EventLoop> loop_;  // last: it ends before what it uses
};

}  // namespace throng
