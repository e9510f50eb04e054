// The command line of throngctl: its commands, flags and help.
#pragma once

namespace throng {

// Parses and executes. The process's exit code.
int ExecuteCommandLine(int argc, char** argv);

}  // namespace throng
