// The commands that look at data on the command line: stats, verify, tap, replay, doctor.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace throng {

// `choose` is called with what executes the command that is given; `words` are the command line.
void AddInspectionCommands(CLI::App* app, const std::vector<std::string>& words,
                           const std::function<void(std::function<int()>)>& choose);

}  // namespace throng
