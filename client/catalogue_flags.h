// What specs are made of, on the command line: plugins, presets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/flags.h"

namespace throng {

// `words` are the command line.
void AddCatalogueCommands(CLI::App* root, const std::vector<std::string>& words,
                          const Choose& choose);

}  // namespace throng
