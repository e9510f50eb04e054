// What a call of the API carries through all that works on it.
#pragma once

#include <chrono>
#include <stop_token>

namespace throng {

// By a clock that nobody sets.
using Deadline = std::chrono::steady_clock::time_point;

struct CallContext {
  Deadline deadline;
  std::stop_token cancelled = {};  // nobody waits for the answer any more
};

}  // namespace throng
