// `throngctl runs` on the command line.
#pragma once

#include <CLI/CLI.hpp>

#include "client/flags.h"

namespace throng {

void AddRunsCommands(CLI::App* root, const Choose& choose);

}  // namespace throng
