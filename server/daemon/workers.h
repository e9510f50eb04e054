// Worker processes as the rest of the daemon sees them. Supervisor is the real one; tests have
// theirs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// How a worker came to its end.
struct WorkerEnd {
  enum class Kind {
    kFinished,  // it said Finished
    kCrashed,   // of its own making: SEGV, BUS, FPE, ILL, ABRT, a call over its limit, its memory
                // limit, exit without Finished, a closed control socket, a frame that is none
    kKilled,   // from outside: any other signal, Kill, the end of the supervisor; or the system has
               // no process, descriptor or time to spare for it (no Hello)
    kRefused,  // of another version than the daemon, or it cannot be started or exits before Hello
  };
  Kind kind = Kind::kFinished;
  worker::v1::Finished finished;  // of kFinished
  std::string sentence;           // else: "SIGSEGV in choice `zipf` at row 4096."
  std::string component;          // in call when it ended: "choice `zipf`"; empty: none
  int64_t row = -1;               // first row of the block at hand; -1: none
};

// Hears of one worker, on the supervisor's thread; never inside a call of Workers. Nothing follows
// OnEnded, which always comes.
class WorkerListener {
 public:
  virtual ~WorkerListener() = default;
  virtual void OnMessage(const worker::v1::FromWorker& message) = 0;  // neither Hello nor Finished
  virtual void OnEnded(const WorkerEnd& end) = 0;
};

// Never 0.
using WorkerId = uint64_t;

struct LaunchOptions {
  // Set by Launch to the reading end of the row channel, which the caller closes (-1: none was to
  // be had, and the worker ends as kKilled); nullptr: the job has none.
  int* row_fd = nullptr;
  // Longest call of a behaviour or format; sinks have their own timeouts.
  std::chrono::milliseconds call_limit{10'000};
};

class Workers {
 public:
  virtual ~Workers() = default;
  // Starts a worker and sends `start` once it has said Hello. Any thread; returns at once.
  // A worker that cannot be started ends as kRefused (kKilled if it may be possible later).
  virtual WorkerId Launch(const worker::v1::Start& start, std::shared_ptr<WorkerListener> listener,
                          const LaunchOptions& options) = 0;
  // Sends a message, unless the worker has ended. After Stop it has `stop_timeout` to end, then it
  // is aborted, and killed. Any thread; returns at once.
  virtual void Send(WorkerId id, const worker::v1::ToWorker& message) = 0;
  // SIGKILL, unless it has ended; OnEnded comes as kKilled. Any thread; returns at once.
  virtual void Kill(WorkerId id) = 0;
};

// Time, and calls that wait for it. The supervisor's loop is the real one.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Timers() = default;
  virtual Clock::time_point Now() const = 0;
  // Calls once at the time, on the supervisor's thread. Any thread.
  virtual void CallAt(Clock::time_point time, std::function<void()> call) = 0;
};

}  // namespace throng
