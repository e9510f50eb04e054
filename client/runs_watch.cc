// `throngctl runs watch` and `wait`: a run as it changes. Both outlive a daemon that is started
// again.
#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <thread>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_text.h"
#include "proto/option_text.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr milliseconds kRetryInterval{200};
// How long a daemon that was there may be away.
constexpr std::chrono::seconds kPatience{30};

// Calls `take` with the run now and after each change until it returns false (OK), the deadline
// passes, or there is nothing more to hear.
absl::Status Follow(Connection* connection, const std::string& name, Connection::Deadline deadline,
                    const std::function<bool(const v1::Run&)>& take) {
  v1::WatchRunRequest request;
  request.set_name(name);
  auto heard = system_clock::time_point::min();  // never
  for (;;) {
    const absl::Status status =
        connection->WatchRun(request, deadline, [&](const v1::WatchRunResponse& response) {
          heard = system_clock::now();
          return take(response.run());
        });
    const auto now = system_clock::now();
    const bool was_there = heard != system_clock::time_point::min() && now - heard < kPatience;
    const bool is_away = absl::IsUnavailable(status) && was_there;
    if (!is_away) return status;
    if (now >= deadline) return absl::DeadlineExceededError("");
    std::this_thread::sleep_for(kRetryInterval);
  }
}

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

bool IsReached(const v1::Run& run, const std::string& state) {
  return state == "ended" ? HasEnded(run) : StateText(run.state()) == state;
}

}  // namespace

int WatchRun(const NamedCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::Run last;
  const absl::Status status = Follow(&daemon.connection(), FullName("runs", command.name),
                                     Connection::Deadline::max(), [&](const v1::Run& run) {
                                       last = run;
                                       bool is_read = true;
                                       if (command.format == PrintFormat::kTable) {
                                         is_read = Out(ChangeLine(run));
                                       } else if (command.format == PrintFormat::kJsonLines) {
                                         is_read = Out(JsonLine(run));
                                       } else {
                                         PrintOne(command.format, {&run, ShortName(run.name())});
                                       }
                                       return is_read && !HasEnded(run);
                                     });
  if (!status.ok()) return Fail(status, daemon.address());
  return last.state() == v1::RUN_STATE_FAILED ? kFailed : kDone;
}

int WaitForRun(const WaitCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const bool has_deadline = command.timeout > milliseconds(0);
  const auto deadline =
      has_deadline ? system_clock::now() + command.timeout : Connection::Deadline::max();
  v1::Run last;
  const absl::Status status = Follow(&daemon.connection(), FullName("runs", command.name), deadline,
                                     [&](const v1::Run& run) {
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
  if (!status.ok()) return Fail(status, daemon.address());
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
