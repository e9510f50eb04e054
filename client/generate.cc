// `throngctl generate`: a run of one's own, watched to its end.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <set>
#include <string>
#include <string_view>

#include "client/answer_checks.h"
#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/final_statistics.h"
#include "client/follow_run.h"
#include "client/go_on.h"
#include "client/interrupts.h"
#include "client/progress_bar.h"
#include "client/questions.h"
#include "client/reading.h"
#include "client/report.h"
#include "client/run_report.h"
#include "client/run_text.h"
#include "client/shell_text.h"
#include "client/spec_calls.h"
#include "proto/option_text.h"

namespace throng {
namespace {

std::string RowsIn(const v1::OutputStatus& output) {
  return fmt::format("{} rows{}", output.rows(),
                     output.place().empty() ? "" : " in " + output.place());
}

// Tells how each output ended.
void Summarize(const v1::Run& run, bool is_quiet) {
  bool is_reason_told = run.reason().empty();
  for (const v1::OutputStatus& output : run.outputs()) {
    switch (output.state()) {
      case v1::OUTPUT_STATE_SUCCEEDED: {
        // Nothing was left to deliver.
        const bool was_complete = output.bytes() == 0 && output.rows() > 0;
        if (!is_quiet) {
          Say(fmt::format("output {}: {}{}", output.name(),
                          was_complete ? "already complete, " : "", RowsIn(output)));
        }
        break;
      }
      case v1::OUTPUT_STATE_FAILED:
        Say(fmt::format("output {}: failed after {}: {}", output.name(), RowsIn(output),
                        output.reason()));
        is_reason_told = is_reason_told || run.reason().find(output.reason()) != std::string::npos;
        break;
      default:
        Say(fmt::format("output {}: stopped at row {} after {}.", output.name(), output.position(),
                        RowsIn(output)));
    }
  }
  if (!is_reason_told) Say(run.reason());
}

// What components warned of while it ran; what the daemon's own lines say was shown as it happened.
void ShowWarnings(Connection* connection, const v1::Run& run) {
  v1::ReadRunLogsRequest request;
  request.set_name(run.name());
  std::set<std::string> shown;
  (void)connection->ReadRunLogs(request, [&](const v1::ReadRunLogsResponse& response) {
    for (const v1::LogLine& line : response.lines()) {
      if (line.level() != "warning" || line.source() == "daemon") continue;
      std::string text = fmt::format("{}: {}", line.source(), line.message());
      if (const auto [known, is_new] = shown.insert(std::move(text)); is_new) Say(*known);
    }
    return true;
  });
}

// A command line about the run of a shared daemon.
std::string RunCommand(const char* verb, const GenerateCommand& command, const v1::Run& run) {
  std::vector<std::string> words = {command.command_line[0], "runs", verb, ShortName(run.name())};
  const std::vector<std::string> daemon = WordsOf(command.daemon);
  words.insert(words.end(), daemon.begin(), daemon.end());
  return ShellLine(words);
}

// What is watched, and what it was made of.
struct Watched {
  const GenerateCommand& command;
  const v1::SpecSource& source;
  v1::Run run;
};

// Of a run that can be watched no longer; what to do if its daemon is lost.
int GiveUp(const absl::Status& status, const Daemon& daemon, const Watched& watched,
           bool is_interrupted) {
  const int exit_code = Fail(status, daemon);
  if (!absl::IsUnavailable(status)) return exit_code;
  if (daemon.is_private()) {
    Say(HowToGoOn("The same command goes on where it was committed", watched.command,
                  watched.source, watched.run, /*is_stopped=*/false));
  } else {
    Say(fmt::format("The run {} stays with its daemon. Once that is back, watch it with\n  {}",
                    ShortName(watched.run.name()),
                    RunCommand("watch", watched.command, watched.run)));
  }
  return is_interrupted ? kInterrupted : exit_code;
}

// Watches the run to its end, or until it has stopped when somebody interrupts.
int WatchToEnd(Daemon* daemon, Watched watched) {
  const GenerateCommand& command = watched.command;
  v1::Run& run = watched.run;
  ProgressBar bar(ProgressStyleOf(command.is_quiet));
  bool is_interrupted = false;
  bool is_timed_out = false;
  const std::string name = run.name();  // `run` changes while the guard's thread reads this
  {
    InterruptGuard guard([&] {
      v1::StopRunRequest stop;
      stop.set_name(name);
      (void)daemon->connection().StopRun(stop);  // that it has ended meanwhile is no mistake
    });
    const auto patience = [&]() -> std::chrono::milliseconds {
      // A private daemon does not come back, and who interrupts does not wait.
      const bool waits = !daemon->is_private() && !guard.IsInterrupted();
      return waits ? kDaemonPatience : std::chrono::seconds(0);
    };
    const auto follow = [&](Connection::Deadline deadline) {
      return FollowRun(
          &daemon->connection(), name, deadline, patience,
          [&](const v1::Run& now) {
            run = now;
            bar.Show(run);
            return !HasEnded(run) && run.state() != v1::RUN_STATE_STOPPED;
          },
          /*has_answered=*/true);  // it has created the run
    };
    absl::Status status = follow(command.timeout > std::chrono::milliseconds(0)
                                     ? std::chrono::system_clock::now() + command.timeout
                                     : Connection::Deadline::max());
    if (absl::IsDeadlineExceeded(status)) {
      // As if somebody had pressed Ctrl-C.
      is_timed_out = guard.Tell();
      status = follow(Connection::Deadline::max());
    }
    bar.Clear();
    if (!status.ok()) return GiveUp(status, *daemon, watched, guard.IsInterrupted());
    is_interrupted = guard.IsInterrupted();
  }

  ShowWarnings(&daemon->connection(), run);
  Summarize(run, command.is_quiet);
  if (run.state() == v1::RUN_STATE_SUCCEEDED) {
    if (!command.is_quiet) ShowFinalStatistics(&daemon->connection(), run);
    if (command.report.empty()) return kDone;
    const absl::Status status = WriteRunReport(&daemon->connection(), run, command.report,
                                               command.command_line, command.is_quiet);
    return status.ok() ? kDone : Fail(status, *daemon);
  }
  if (run.state() == v1::RUN_STATE_FAILED && !daemon->is_private()) return kFailed;
  const bool is_stopped = run.state() == v1::RUN_STATE_STOPPED;
  if (is_timed_out) {
    Say(fmt::format("--timeout: it was not done after {}.", DurationText(command.timeout.count())));
  }
  const std::string when =
      is_interrupted ? "To go on" : "Once that is mended, the same command goes on";
  Say(daemon->is_private() ? HowToGoOn(when, command, watched.source, run, is_stopped)
                           : when + ":\n  " + RunCommand("resume", command, run));
  if (!is_interrupted || !is_stopped) return kFailed;
  return is_timed_out ? kTimedOut : kInterrupted;
}

// Puts what is answered into the command; its exit code if nothing comes of it.
int TakeAnswers(Daemon* daemon, GenerateCommand* command) {
  const auto answers = AskQuestions(std::cin, std::cerr, ChecksBy(daemon));
  if (absl::IsCancelled(answers.status())) return kInterrupted;
  if (absl::IsAborted(answers.status())) return Fail(answers.status());
  if (!answers.ok()) return Fail(answers.status(), *daemon);
  command->spec = *answers;
  const auto words = WordsOf(*answers);
  command->command_line.insert(command->command_line.end(), words.begin(), words.end());
  Say("The same without questions:\n  " + ShellLine(command->command_line));
  return kDone;
}

}  // namespace

int Generate(GenerateCommand command) {
  if (NamedAddress(command.daemon)) {
    for (const std::string& output : command.spec.outputs) {
      if (output != "-" && !output.ends_with(":-")) continue;
      return Fail(kWrongRequest,
                  fmt::format("--to {}: a daemon cannot write to the standard output of this "
                              "terminal; leave out the address, or use `throngctl preview`.",
                              output));
    }
  }

  if (!command.report.empty()) {
    if (const absl::Status status = CheckReportPath(command.report); !status.ok()) {
      return Fail(status);
    }
  }
  if (command.again == "true") {
    command.again = fmt::format("{}", std::chrono::system_clock::now().time_since_epoch().count());
    std::replace(command.command_line.begin(), command.command_line.end(), std::string("--again"),
                 "--again=" + command.again);
  }
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const bool is_at_terminal = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  if (command.spec.IsEmpty() && command.command_line.size() == 2 && is_at_terminal) {
    if (const int exit_code = TakeAnswers(&*daemon, &command); exit_code != kDone) return exit_code;
  }
  const auto source = ReadSource(command.spec, {std::string(kDefaultOutput)}, &*daemon);
  if (!source.ok()) return Fail(source.status());
  if (command.is_dry_run) return DryRun(*source, command.format, &*daemon);
  v1::CreateRunRequest request;
  *request.mutable_source() = *source;
  request.set_again(command.again);
  const auto created = daemon->connection().CreateRun(request);
  if (!created.ok()) return Fail(created.status(), *daemon);
  if (!command.is_quiet) {
    for (const std::string& warning : created->run().warnings()) Say("note: " + warning);
  }
  return WatchToEnd(&*daemon, {command, *source, created->run()});
}

}  // namespace throng
