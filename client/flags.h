// What flags of several commands have in common. Beside the files *_flags.cc that add commands and
// command_line.cc, the only one that knows CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "client/daemon_access.h"
#include "client/print.h"

namespace throng {

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 the job failed, 2 the request is wrong, 3 no daemon, 4 not found or "
    "wrong "
    "state, 5 timed out, 130 interrupted.";

// One of the words between the bars, which are the option's type_name as well.
CLI::Validator OneOf(const std::string& words);
CLI::Validator AtLeast(int64_t least);
// 50k and the like, as digits. CLI11 checks these.
CLI::Validator AsCount();

// KEY=VALUE; the value may be empty.
CLI::Validator AsPair();

// -o, and the daemon; `is_one_shot`: a private one does as well.
void AddFormat(CLI::App* app, PrintFormat* format);
// --report.
void AddReport(CLI::App* app, std::string* path);
void AddAddress(CLI::App* app, DaemonFlags* daemon, bool is_one_shot);

}  // namespace throng
