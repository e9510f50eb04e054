// A whole daemon, from its start to its end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/daemon/config.h"

namespace throng {

struct DaemonOptions {
  DaemonConfig config;
  // Reads the same flags and throngd.yaml again; nothing: what is wrong is in `mistakes`.
  std::function<std::optional<DaemonConfig>(std::string* mistakes)> read_config;
  // Of one command of its user: everything in memory, no roots, in a process group of its own, and
  // ends with its standard input.
  bool is_ephemeral = false;
  int ready_fd = -1;  // gets "ready\n" once it listens; -1: nobody waits
};

// Serves until SIGTERM or SIGINT (an ephemeral one: or SIGHUP, or the end of standard input); then
// runs commit and their workers end. A second signal ends it at once. SIGHUP reads the settings
// again. What people should know is said on standard error.
// Returns the exit code: 0 when it ended as asked, 1 when it could not start.
int RunDaemon(DaemonOptions options);

}  // namespace throng
