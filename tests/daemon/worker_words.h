// What workers say and how they end, for tests of those that listen.
#pragma once

#include <cstdint>
#include <string>

#include "server/daemon/workers.h"

namespace throng {

v1::OutputStatus OutputOf(const std::string& name, v1::OutputState state, int64_t position);
// Of one output, `csv`, that has taken all commands.
worker::v1::FromWorker ProgressOf(v1::OutputState state, int64_t position = 0);
WorkerEnd FinishedAs(v1::OutputState state, int64_t position = 0);
WorkerEnd CrashedIn(const std::string& component, int64_t row);
WorkerEnd KilledFromOutside();

}  // namespace throng
