// A run as it changes, also across a daemon that is started again.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "client/connection.h"
#include "throng/v1/run.pb.h"

namespace throng {

// How long a daemon that was there may be away.
inline constexpr std::chrono::seconds kDaemonPatience{30};

// Calls `take` with the run now and after each change until it returns false (OK), the deadline
// passes, or there is nothing more to hear. A daemon that has answered, here or before
// (`has_answered`), and is lost is called again for as long as `patience` says, counted from the
// loss and asked at each call. `name` is "runs/...".
absl::Status FollowRun(Connection* connection, const std::string& name,
                       Connection::Deadline deadline,
                       const std::function<std::chrono::milliseconds()>& patience,
                       const std::function<bool(const v1::Run&)>& take, bool has_answered = false);

}  // namespace throng
