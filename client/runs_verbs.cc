// `throngctl runs pause`, `resume`, `stop`, `restart` and `delete`: of named runs, or of all that a
// filter lets through.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <string>
#include <vector>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_calls.h"
#include "client/run_text.h"
#include "client/terminal.h"

namespace throng {
namespace {

constexpr size_t kMostNames = 5;  // in a question

// The run after the verb; of a deleted one its name is left.
absl::StatusOr<v1::Run> Apply(RunVerb verb, const std::string& name, Connection* connection) {
  const auto call = [&](auto method, auto request) -> absl::StatusOr<v1::Run> {
    request.set_name(name);
    const auto answer = (connection->*method)(request);
    if (!answer.ok()) return answer.status();
    return answer->run();
  };
  switch (verb) {
    case RunVerb::kPause:
      return call(&Connection::PauseRun, v1::PauseRunRequest());
    case RunVerb::kResume:
      return call(&Connection::ResumeRun, v1::ResumeRunRequest());
    case RunVerb::kStop:
      return call(&Connection::StopRun, v1::StopRunRequest());
    case RunVerb::kRestart:
      return call(&Connection::RestartRun, v1::RestartRunRequest());
    case RunVerb::kDelete:
      break;
  }
  v1::DeleteRunRequest request;
  request.set_name(name);
  if (const auto answer = connection->DeleteRun(request); !answer.ok()) return answer.status();
  v1::Run run;
  run.set_name(name);
  return run;
}

// Whether the verb means anything to a run that nobody named: what has ended is not paused, and
// what is paused need not be.
bool IsMeant(RunVerb verb, const v1::Run& run) {
  switch (verb) {
    case RunVerb::kPause:
      return !HasEnded(run) && run.target_state() == v1::TARGET_STATE_RUNNING;
    case RunVerb::kResume:
      return !HasEnded(run) && run.target_state() != v1::TARGET_STATE_RUNNING;
    case RunVerb::kStop:
      return !HasEnded(run) && run.target_state() != v1::TARGET_STATE_STOPPED;
    case RunVerb::kRestart:
      return run.state() != v1::RUN_STATE_SUCCEEDED;
    case RunVerb::kDelete:
      return true;
  }
  return true;
}

// "3 runs (a, b, c)", "12 runs (a, b, c, d, e and 7 more)".
std::string NamesText(const std::vector<std::string>& names) {
  if (names.size() == 1) return "run " + names[0];
  std::vector<std::string> shown = names;
  if (names.size() > kMostNames) shown.resize(kMostNames);
  std::string text = fmt::format("{} runs ({}", names.size(), fmt::join(shown, ", "));
  if (shown.size() < names.size()) {
    text += fmt::format(" and {} more", names.size() - shown.size());
  }
  return text + ")";
}

absl::StatusOr<std::vector<std::string>> NamesOf(const VerbCommand& command,
                                                 Connection* connection) {
  if (!command.is_all) return command.names;
  const auto runs = ListedRuns(connection, command.filter, "");
  if (!runs.ok()) return runs.status();
  std::vector<std::string> names;
  for (const v1::Run& run : *runs) {
    if (IsMeant(command.verb, run)) names.push_back(ShortName(run.name()));
  }
  return names;
}

}  // namespace

// Every name is tried; the first failure is the exit code.
int Execute(const VerbCommand& command) {
  if (command.names.empty() != command.is_all) {
    return Fail(kWrongRequest, command.is_all ? "Name runs, or say --all or --filter; not both."
                                              : "Which runs? Name them, or say --all or --filter.");
  }
  Daemon daemon = Daemon::Shared(command.daemon);
  const auto names = NamesOf(command, &daemon.connection());
  if (!names.ok()) return Fail(names.status(), daemon);
  if (names->empty()) {
    std::fputs("note: there is no such run.\n", stderr);
    return kDone;
  }
  if (command.verb == RunVerb::kDelete && !command.is_confirmed &&
      !IsConfirmed(fmt::format("Delete {}? What was delivered stays.", NamesText(*names)))) {
    return Fail(kInterrupted, "Nothing was deleted.");
  }
  int exit_code = kDone;
  for (const std::string& name : *names) {
    const auto run = Apply(command.verb, FullName("runs", name), &daemon.connection());
    if (!run.ok()) {
      const int failure = Fail(run.status(), daemon);
      if (exit_code == kDone) exit_code = failure;
    } else if (command.verb == RunVerb::kDelete && command.format == PrintFormat::kTable) {
      Out(fmt::format("Deleted {}.\n", ShortName(run->name())));
    } else {
      PrintRun(command.format, *run);
    }
  }
  return exit_code;
}

}  // namespace throng
