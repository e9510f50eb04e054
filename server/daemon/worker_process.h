// A process of throng-worker: its start with the descriptors of the protocol and nothing else, and
// its end, with that of all that it has started itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/control/call_page.h"
#include "server/daemon/descriptor.h"

namespace throng {

struct WorkerCommand {
  std::string path;                      // absolute
  std::string folder;                    // to work in; empty: the daemon's
  std::vector<std::string> environment;  // NAME=VALUE
  bool inherits_stdout = false;
  int row_fd = -1;  // becomes descriptor 5, by MakeRowChannel; -1: none
};

// A row channel with room for some batches, so that a worker can generate while the reader is busy
// elsewhere. UNAVAILABLE: the system has no descriptor to spare.
absl::Status MakeRowChannel(Descriptor* reading, Descriptor* writing);

// How a process ended: by exit(value), or by the signal `value`.
struct ProcessEnd {
  bool is_signal = false;
  int value = 0;
};

class WorkerProcess {
 public:
  // UNAVAILABLE: the system has no process, memory or descriptor to spare. FAILED_PRECONDITION: it
  // can never be started so.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const WorkerCommand& command);
  ~WorkerProcess();  // kills it and waits for it, if it is not reaped
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  int control_fd() const { return control_.get(); }
  int stdout_fd() const { return stdout_.get(); }  // does not block; -1: inherited
  int stderr_fd() const { return stderr_.get(); }  // does not block
  int end_fd() const { return pidfd_.get(); }      // readable once it has ended
  const CallPage& calls() const { return *calls_; }

  void Signal(int signal) const;
  // Once end_fd() is readable: how it ended; what it has started itself is killed.
  ProcessEnd Reap();

 private:
  WorkerProcess() = default;
  void KillGroup() const;

  Descriptor control_;
  Descriptor stdout_;
  Descriptor stderr_;
  Descriptor pidfd_;
  const CallPage* calls_ = nullptr;
  int pid_ = -1;  // -1: reaped
};

}  // namespace throng
