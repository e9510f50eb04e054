// `throng-worker serve`: a worker that a daemon has started and controls; see control.proto.
#pragma once

namespace throng {

// Serves one job over the descriptors of frame.h, until it is done, stopped, or the daemon is gone.
// The process's exit code.
int ExecuteServe();

}  // namespace throng
