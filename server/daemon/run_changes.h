// What an operator should know of a run that has changed.
#pragma once

#include <string>
#include <vector>

#include "server/daemon/daemon_log.h"
#include "throng/v1/run.pb.h"

namespace throng {

struct RunChange {
  LogLevel level = LogLevel::kInfo;
  std::string sentence;
};

// From what was last known of a run (nothing, without a name: it is new) to what is known now
// (without a name: it was deleted). Progress is no change.
std::vector<RunChange> ChangesOf(const v1::Run& before, const v1::Run& now);

}  // namespace throng
