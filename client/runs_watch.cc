// `throngctl runs watch`: a run, or all of them, as they change. It outlives a daemon that is
// started again.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/follow_run.h"
#include "client/live_page.h"
#include "client/run_calls.h"
#include "client/run_columns.h"
#include "client/run_page.h"
#include "client/run_text.h"

namespace throng {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kLookInterval{1};  // at all runs

// A table that is drawn over itself, until the caller ends it.
int WatchAll(Daemon* daemon) {
  LivePage page;
  steady_clock::time_point heard = steady_clock::now();
  for (bool has_answered = false;;) {
    const auto runs = ListedRuns(&daemon->connection(), "", "");
    if (runs.ok()) {
      has_answered = true;
      heard = steady_clock::now();
      if (!page.Show(RunsTable(*runs, UsualColumns(), IsColorful(STDOUT_FILENO)))) return kDone;
    } else if (!absl::IsUnavailable(runs.status()) || !has_answered ||
               steady_clock::now() - heard > kDaemonPatience) {
      return Fail(runs.status(), *daemon);
    }
    std::this_thread::sleep_for(kLookInterval);
  }
}

}  // namespace

int WatchRun(const NamedCommand& command) {
  const bool is_live = command.format == PrintFormat::kTable && IsDrawable(STDOUT_FILENO);
  if (command.name.empty() && !is_live) {
    return Fail(kWrongRequest,
                "Which run? Name it; all of them are watched on a terminal only, as a table.");
  }
  Daemon daemon = Daemon::Shared(command.daemon);
  if (command.name.empty()) return WatchAll(&daemon);
  LivePage page;
  v1::Run last;
  const absl::Status status = FollowRun(
      &daemon.connection(), FullName("runs", command.name), Connection::Deadline::max(),
      [] { return kDaemonPatience; },
      [&](const v1::Run& run) {
        last = run;
        bool is_read = false;
        if (is_live) {
          is_read = page.Show(
              LiveText(run, SizeOf(STDOUT_FILENO).columns - 1, IsColorful(STDOUT_FILENO)));
        } else if (command.format == PrintFormat::kTable) {
          is_read = Out(ChangeLine(run));
        } else {
          is_read = PrintOne(command.format, {&run, ShortName(run.name())});
        }
        return is_read && !HasEnded(run);
      });
  if (!status.ok()) return Fail(status, daemon);
  return last.state() == v1::RUN_STATE_FAILED ? kFailed : kDone;
}

}  // namespace throng
