// `throng-worker check`: whether a plugin keeps the contract of plugin.h. Each check runs in a
// process of its own, so that a plugin that crashes, hangs or exits has failed that check.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace throng {

struct CheckRequest {
  std::string file;
  // COMPONENT.OPTION=VALUE; {dir} in a value stands for an empty folder of each check's own.
  std::vector<std::string> settings;
  // Prints what the folder {dir} of a check of a sink holds: of a stream its bytes, of messages
  // lines as ParseMessages reads them (messages.h). Empty: there is no such command.
  std::string read{};
  uint64_t seed = 0;  // of what is drawn at random: the same for the same seed
  std::string only;   // part of the lines that say what was checked; empty: all of them
  std::chrono::milliseconds time_limit{30'000};  // of each check
  // For debuggers: the checks are made in this process, which a crash then ends; without a limit,
  // and without those that compare processes.
  bool is_in_process = false;
  bool is_quiet = false;  // prints what failed, and nothing else
};

struct CheckResult {
  std::string component;  // "choice `zipf`"; empty: the plugin as a whole
  std::string check;
  bool is_ok = false;
  std::string fault;      // a sentence
  std::string skipped{};  // a sentence that says why it was not made; empty: it was
};

// Makes all checks, in order, but for those that compare processes, which come last; `on_result`
// hears of each at once. INVALID_ARGUMENT: `settings` are wrong, or no check has the text `only`.
absl::StatusOr<std::vector<CheckResult>> CheckPlugin(
    const CheckRequest& request, const std::function<void(const CheckResult&)>& on_result);

// The names of all checks that there are, for some plugin.
std::vector<std::string> CheckNames();

// Prints a line a check. The process's exit code: 0 all is well, 1 something is not, 2 the request
// is wrong.
int ExecuteCheck(const CheckRequest& request);

}  // namespace throng
