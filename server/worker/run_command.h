// `throng-worker run`: a run in the foreground, without any daemon.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace throng {

struct RunCommand {
  std::string spec_file;  // "-": standard input
  std::vector<std::string> plugin_folders;
  int threads = 0;    // 0: as the spec says
  std::string again;  // empty: goes on with the run of the same outputs
  bool is_quiet = false;
  std::chrono::milliseconds retry_timeout{10'000};
  std::string command_line;  // to say how to go on
};

// The process's exit code: 0 done, 1 failed, 2 the request is wrong, 130 interrupted.
int ExecuteRun(const RunCommand& command);

// Whether it is a plugin that ends the process with this code, in the middle of a run: then it is
// named on standard error, and the exit code is to be 1.
bool IsEndedByAPlugin(int code);

}  // namespace throng
