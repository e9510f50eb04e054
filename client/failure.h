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

// The same as one line of JSON without its newline: {"error": {code, exit_code, message, reason,
// metadata, fields: [{field, description}]}}, the last three where the daemon says so.
std::string FailureJson(const absl::Status& status, const std::vector<std::string>& lines,
                        ExitCode exit_code);

// From now on failures are told as JSON.
void TellFailuresAsJson();

// Tells it on stderr; the exit code that follows.
ExitCode Fail(const absl::Status& status, const Daemon& daemon);
// Of something that has nothing to do with a daemon.
ExitCode Fail(const absl::Status& status);
// Of what the client finds out itself.
ExitCode Fail(ExitCode exit_code, const std::string& sentence);

}  // namespace throng
