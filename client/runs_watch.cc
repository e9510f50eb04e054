// `throngctl runs watch` and `wait`: a run as it changes. Both outlive a daemon that is started
// again.
#include <fmt/format.h>

#include <cstdio>
#include <functional>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/follow_run.h"
#include "client/run_text.h"
#include "proto/option_text.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

// One line for a change: when, what, how far.
std::string ChangeLine(const v1::Run& run) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch());
  const RunProgress progress = ProgressOf(run);
  std::string line = fmt::format("{}  {:9}  {:>4}  {} rows  {:.0f} rows/s",
                                 TimestampText(now.count() * 1000), StateText(run.state()),
                                 PercentText(progress), progress.rows, progress.rows_per_second);
  for (const v1::OutputStatus& output : run.outputs()) {
    line +=
        fmt::format("  {}: {} at {}", output.name(), StateText(output.state()), output.position());
    if (!output.reason().empty()) line += fmt::format(" ({})", output.reason());
  }
  if (!run.reason().empty()) line += "  " + run.reason();
  return line + "\n";
}

absl::Status Follow(Daemon* daemon, const std::string& name, Connection::Deadline deadline,
                    const std::function<bool(const v1::Run&)>& take) {
  return FollowRun(
      &daemon->connection(), FullName("runs", name), deadline, [] { return kDaemonPatience; },
      take);
}

bool IsReached(const v1::Run& run, const std::string& state) {
  return state == "ended" ? HasEnded(run) : StateText(run.state()) == state;
}

}  // namespace

int WatchRun(const NamedCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::Run last;
  const absl::Status status =
      Follow(&daemon, command.name, Connection::Deadline::max(), [&](const v1::Run& run) {
        last = run;
        const bool is_read = command.format == PrintFormat::kTable
                                 ? Out(ChangeLine(run))
                                 : PrintOne(command.format, {&run, ShortName(run.name())});
        return is_read && !HasEnded(run);
      });
  if (!status.ok()) return Fail(status, daemon);
  return last.state() == v1::RUN_STATE_FAILED ? kFailed : kDone;
}

int WaitForRun(const WaitCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const bool has_deadline = command.timeout > milliseconds(0);
  const auto deadline =
      has_deadline ? system_clock::now() + command.timeout : Connection::Deadline::max();
  v1::Run last;
  const absl::Status status = Follow(&daemon, command.name, deadline, [&](const v1::Run& run) {
    last = run;
    return !IsReached(run, command.state) && !HasEnded(run);
  });
  if (absl::IsDeadlineExceeded(status)) {
    std::fputs(
        fmt::format("{} is {} after {}; it was waited for until {}.\n", ShortName(command.name),
                    last.name().empty() ? "unknown" : StateText(last.state()),
                    DurationText(command.timeout.count()), command.state)
            .c_str(),
        stderr);
    return kTimedOut;
  }
  if (!status.ok()) return Fail(status, daemon);
  if (IsReached(last, command.state)) {
    if (command.format == PrintFormat::kTable) {
      Out(ChangeLine(last));
    } else {
      PrintOne(command.format, {&last, ShortName(last.name())});
    }
    return kDone;
  }
  std::fputs(fmt::format("{} has {}{}{}\n", ShortName(last.name()), StateText(last.state()),
                         last.reason().empty() ? "." : ": ", last.reason())
                 .c_str(),
             stderr);
  return last.state() == v1::RUN_STATE_FAILED ? kFailed : kWrongState;
}

}  // namespace throng
