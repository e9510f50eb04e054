// What commands that take a spec have in common.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/daemon_access.h"
#include "client/print.h"
#include "client/spec_flags.h"

namespace throng {

// The source that the flags and their file make up. Refuses it for what only the client
// understands, together with what the daemon finds wrong in the rest: a sentence a line.
absl::StatusOr<v1::SpecSource> ReadSource(const SpecFlags& flags,
                                          const std::vector<std::string>& default_outputs,
                                          Daemon* daemon);

// A problem as a line without its newline.
std::string ProblemLine(const v1::SpecProblem& problem);

// Prints the full spec and the plan; the exit code.
int DryRun(const v1::SpecSource& source, PrintFormat format, Daemon* daemon);

}  // namespace throng
