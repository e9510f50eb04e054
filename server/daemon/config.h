// What an operator decides: throngd.yaml and the flags above it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/daemon/daemon_log.h"
#include "server/daemon/listener.h"
#include "server/spec/problem.h"
#include "server/spec/tree.h"
#include "throng/daemon/v1/config.pb.h"

namespace throng {

// Resolved; proto/throng/daemon/v1/config.proto has ranges and defaults.
struct DaemonConfig {
  std::vector<Listener> listeners;  // at least one
  std::optional<Listener> http;     // of metrics and health; none: nowhere
  LogSettings log;
  std::string state_folder;                 // runs, logs, kept plugins; empty: nothing is kept
  std::vector<std::string> plugin_folders;  // empty: those that came with the daemon
  std::vector<std::string> output_roots;    // empty: anywhere
  std::vector<std::string> input_roots;     // of data that are read; empty: none may be
  std::vector<std::string> source_roots;    // of secrets given as file:/path; empty: none may be
  std::vector<std::string> environment;     // variables that workers get, for secrets env:NAME
  int64_t worker_memory = 0;                // resident bytes of one worker; 0: no limit
  std::chrono::milliseconds call_limit{10'000};    // longest call of a behaviour or format
  std::chrono::milliseconds stop_timeout{10'000};  // a worker has to commit and end in
  int32_t max_streams = 64;                        // of rows and of inspections at a time
  int32_t ended_runs = 1000;                       // kept, the newest
  int64_t log_bytes = 4 << 20;                     // kept of each run
  daemon::v1::Config given;                        // without defaults
};

// A layer of settings for ReadConfig: `text` is YAML of a throng.daemon.v1.Config.
SpecLayer ConfigLayer(std::string name, std::string text, bool has_lines);

// The settings of `layers`, weakest first (throngd.yaml, then flags), over the defaults. Nothing if
// there are mistakes: each is in `problems`, with its field and its place in the layers. Folders
// are not looked at. A layer of comments alone sets nothing. `is_insecure_said`: the command line
// has --insecure.
std::optional<DaemonConfig> ReadConfig(std::span<const SpecLayer> layers, bool is_insecure_said,
                                       Problems* problems);

}  // namespace throng
