// Exit codes of throngctl.
#pragma once

namespace throng {

enum ExitCode : int {
  kDone = 0,           // Done.
  kFailed = 1,         // The job failed: a run, a check, a verification, a step of `doctor`.
  kWrongRequest = 2,   // The request is wrong: flags, spec.
  kNoDaemon = 3,       // There is no daemon, or no connection to it.
  kWrongState = 4,     // Not found, taken, or in a state that this does not fit.
  kTimedOut = 5,       // Timed out.
  kInterrupted = 130,  // Interrupted.
};

}  // namespace throng
