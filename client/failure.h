// Why something could not be done: sentences for people, and the exit code.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/daemon_access.h"
#include "client/exit_code.h"

namespace throng {

// Of UNAVAILABLE, kNoDaemon only if there is none, or if it ends: else it answered, and the job
// failed.
ExitCode ExitCodeOf(const absl::Status& status);

// What to tell about a call to the daemon at `address` that failed: each mistake of a request in a
// line of its own, `field: sentence`, and how many more there are; else the message; of a
// connection that failed what to do.
std::vector<std::string> FailureLines(const absl::Status& status, const std::string& address,
                                      bool is_private);

// Tells it on stderr; the exit code that follows.
ExitCode Fail(const absl::Status& status, const Daemon& daemon);
// Of something that has nothing to do with a daemon.
ExitCode Fail(const absl::Status& status);

}  // namespace throng
