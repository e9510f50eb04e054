// A state folder without its daemon: what of it is damaged, and its runs as specs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace throng {

struct StateFindings {
  int runs = 0;                     // that are stored, damaged ones among them
  std::vector<std::string> faults;  // sentences: what is wrong, and how it is mended
};

// Looks at the database, at each record, and at the plugins that runs use. FAILED_PRECONDITION: the
// folder is no state folder, or a daemon uses it; other errors: it cannot be read at all.
absl::StatusOr<StateFindings> CheckState(const std::string& folder);

// A run in the form that creates it again.
struct ExportedRun {
  std::string id;    // as `nightly`
  std::string spec;  // as it was asked for, JSON; ends with a newline
  // Flags of `throngctl runs create` beside the spec, with a space before each; quoted for a shell.
  std::string flags;
  std::string end;  // "succeeded", "failed" or "stopped"; empty: it is asked to deliver
};

// The word, quoted for a POSIX shell where it must be.
std::string ShellWord(const std::string& text);

// Calls `on_run` for each run whose record can be read, in the order of their creation, and
// `on_damaged` with the id of each other. Errors as of CheckState; they may come after some runs.
absl::Status ExportRuns(const std::string& folder,
                        const std::function<void(const ExportedRun&)>& on_run,
                        const std::function<void(const std::string& id)>& on_damaged);

}  // namespace throng
