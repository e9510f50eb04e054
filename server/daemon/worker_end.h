// What came to pass when a worker's process has ended, as a sentence for its run.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/control/call_page.h"
#include "server/daemon/worker_process.h"
#include "server/daemon/workers.h"

namespace throng {

// All that is known of a worker whose process has ended.
struct WorkerRemains {
  ProcessEnd process;
  CallInfo culprit;                              // CulpritIn its page
  std::optional<worker::v1::Finished> finished;  // it said so
  std::optional<WorkerEnd> verdict;              // why the supervisor ended it
  bool has_said_hello = false;
  bool is_kill_asked = false;     // by Workers::Kill
  bool is_out_of_memory = false;  // by its page
  int64_t worker_memory = 0;      // its limit in bytes; 0: none
  std::string path;               // of throng-worker
};

WorkerEnd EndOf(const WorkerRemains& remains);

// An end whose sentence is `what` and where it happened: " in choice `zipf` at row 4096.".
WorkerEnd EndIn(WorkerEnd::Kind kind, const std::string& what, const CallInfo& culprit);

// "10 s", "0.25 s".
std::string DurationText(std::chrono::milliseconds duration);

}  // namespace throng
