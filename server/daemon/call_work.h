// Who works on calls that do not answer at once, with a limit for each kind: calls of one kind,
// however many, keep none of another out.
#pragma once

#include "server/daemon/call_threads.h"
#include "server/daemon/stream_pump.h"

namespace throng {

struct CallWork {
  CallThreads planning{1024};  // calls that wait for a worker: all but a few for their turns
  CallThreads changes{256};    // calls that wait for the disk
  CallThreads rows{2048};      // streams of rows, of which the engine lets as many begin as it may
  StreamPump watches{16'384};  // streams of runs
  StreamPump logs{4'096};      // streams of logs
};

}  // namespace throng
