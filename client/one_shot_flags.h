// The commands that do a job and end, on the command line: generate, preview, validate,
// columns.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/flags.h"

namespace throng {

// `words` are the command line.
void AddOneShotCommands(CLI::App* root, const std::vector<std::string>& words,
                        const Choose& choose);

}  // namespace throng
