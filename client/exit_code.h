// Exit codes of throngctl.
#pragma once

namespace throng {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,        // the job failed
  kWrongRequest = 2,  // flags, spec
  kNoDaemon = 3,      // there is none, or no connection to it
  kWrongState = 4,    // not found, taken, or in a state that this does not fit
  kTimedOut = 5,
  kInterrupted = 130,
};

}  // namespace throng
