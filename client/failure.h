// Why something could not be done: sentences for people, and the exit code.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/exit_code.h"

namespace throng {

ExitCode ExitCodeOf(const absl::Status& status);

// What to tell about a call to the daemon at `address` that failed: each mistake of a request in a
// line of its own, `field: sentence`; else the message; of a connection that failed how to get one.
std::vector<std::string> FailureLines(const absl::Status& status, const std::string& address);

// Tells it on stderr; the exit code that follows.
ExitCode Fail(const absl::Status& status, const std::string& address);
// Of something that has nothing to do with a daemon.
ExitCode Fail(const absl::Status& status);

}  // namespace throng
