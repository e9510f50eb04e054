// `throngctl runs wait`: until runs are in a state. It outlives a daemon that is started again.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/follow_run.h"
#include "client/run_page.h"
#include "client/run_text.h"
#include "proto/option_text.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

// What became of one run.
struct Waited {
  absl::Status status;
  v1::Run last;  // without a name: it was never heard of
  bool is_reached = false;
};

bool IsAmong(const std::vector<std::string>& states, const std::string& state) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

bool IsReached(const v1::Run& run, const std::vector<std::string>& states) {
  return IsAmong(states, StateText(run.state())) || (HasEnded(run) && IsAmong(states, "ended"));
}

Waited WaitFor(const std::string& name, const std::vector<std::string>& states,
               Connection::Deadline deadline, Connection* connection) {
  Waited waited;
  const bool is_over_with_its_end = !IsAmong(states, "deleted");
  waited.status = FollowRun(
      connection, FullName("runs", name), deadline, [] { return kDaemonPatience; },
      [&](const v1::Run& run) {
        waited.last = run;
        waited.is_reached = IsReached(run, states);
        return !waited.is_reached && !(HasEnded(run) && is_over_with_its_end);
      });
  if (absl::IsNotFound(waited.status) && !is_over_with_its_end) {
    waited.status = absl::OkStatus();
    waited.is_reached = true;
  }
  return waited;
}

// Tells what one run has not come to; the exit code.
int Tell(const std::string& name, const Waited& waited, const WaitCommand& command,
         const Daemon& daemon) {
  const v1::Run& last = waited.last;
  if (absl::IsDeadlineExceeded(waited.status)) {
    return Fail(
        kTimedOut,
        fmt::format("{} is {} after {}; it was waited for until {}.", ShortName(name),
                    last.name().empty() ? "unknown" : StateText(last.state()),
                    DurationText(command.timeout.count()), fmt::join(command.states, " or ")));
  }
  if (!waited.status.ok()) return Fail(waited.status, daemon);
  if (waited.is_reached) return kDone;
  return Fail(last.state() == v1::RUN_STATE_FAILED ? kFailed : kWrongState,
              fmt::format("{} has {}{}{}", ShortName(name), StateText(last.state()),
                          last.reason().empty() ? "." : ": ", last.reason()));
}

void Print(const WaitCommand& command, const std::vector<Waited>& all) {
  std::vector<Printed> list;
  for (const Waited& waited : all) {
    if (!waited.is_reached || waited.last.name().empty()) continue;
    list.push_back({&waited.last, ShortName(waited.last.name())});
  }
  if (command.format == PrintFormat::kTable) {
    for (const Waited& waited : all) {
      if (!waited.is_reached || waited.last.name().empty()) continue;
      const std::string name =
          all.size() > 1 ? fmt::format("{}  ", ShortName(waited.last.name())) : "";
      Out(name + ChangeLine(waited.last));
    }
  } else if (command.names.size() > 1) {
    PrintList(command.format, list);
  } else if (!list.empty()) {
    PrintOne(command.format, list[0]);
  }
}

}  // namespace

int WaitForRuns(const WaitCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const auto deadline = command.timeout > milliseconds(0) ? system_clock::now() + command.timeout
                                                          : Connection::Deadline::max();
  std::vector<Waited> all(command.names.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, i] {
      all[i] = WaitFor(command.names[i], command.states, deadline, &daemon.connection());
    });
  }
  for (std::thread& thread : threads) thread.join();
  Print(command, all);
  int exit_code = kDone;
  for (size_t i = 0; i < all.size(); ++i) {
    const int told = Tell(command.names[i], all[i], command, daemon);
    if (exit_code == kDone) exit_code = told;
  }
  return exit_code;
}

}  // namespace throng
