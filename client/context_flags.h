// Daemons on the command line: `throngctl context` and `throngctl daemon`.
#pragma once

#include <CLI/CLI.hpp>

#include "client/flags.h"

namespace throng {

void AddContextCommands(CLI::App* root, const Choose& choose);
void AddDaemonCommands(CLI::App* root, const Choose& choose);

}  // namespace throng
