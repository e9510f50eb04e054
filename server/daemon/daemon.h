// A whole daemon, from its start to its end.
#pragma once

#include "server/daemon/config.h"

namespace throng {

struct DaemonOptions {
  DaemonConfig config;
  // Of one command of its user: everything in memory, no roots, in a process group of its own, and
  // ends with its standard input.
  bool is_ephemeral = false;
  int ready_fd = -1;  // gets "ready\n" once it listens; -1: nobody waits
};

// Serves until SIGTERM, SIGINT or SIGHUP (or the end of standard input); then runs commit and their
// workers end. A second signal ends it at once. What people should know is said on standard error.
// Returns the exit code: 0 when it ended as asked, 1 when it could not start.
int RunDaemon(DaemonOptions options);

}  // namespace throng
