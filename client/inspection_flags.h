// The commands that look at data on the command line: stats, verify, tap, replay, doctor.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/flags.h"

namespace throng {

// `words` are the command line.
void AddInspectionCommands(CLI::App* app, const std::vector<std::string>& words,
                           const Choose& choose);

}  // namespace throng
