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
#include <thread>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/follow_run.h"
#include "client/interrupts.h"
#include "client/progress_bar.h"
#include "client/questions.h"
#include "client/run_text.h"
#include "client/shell_text.h"
#include "client/spec_calls.h"
#include "proto/statistics_block.h"

namespace throng {
namespace {

void Say(std::string_view line) { std::fputs(fmt::format("{}\n", line).c_str(), stderr); }

std::string RowsIn(const v1::OutputStatus& output) {
  return fmt::format("{} rows{}", output.rows(),
                     output.place().empty() ? "" : " in " + output.place());
}

bool WritesToStdout(const v1::RunSpec& spec) {
  return std::any_of(
      spec.outputs().begin(), spec.outputs().end(),
      [](const v1::OutputSpec& output) { return output.sink().component() == "stdout"; });
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

// The statistics, once the rows of earlier workers are counted too; none of what has none.
void ShowBlock(Connection* connection, const v1::Run& run) {
  v1::GetRunStatisticsRequest request;
  request.set_name(run.name());
  for (;;) {
    const auto answer = connection->GetRunStatistics(request);
    if (!answer.ok()) return;
    if (answer->rows_to_count() > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    const std::string block = StatisticsBlock(answer->statistics()) + "\n";
    if (WritesToStdout(run.spec())) {
      std::fputs(block.c_str(), stderr);
    } else {
      Out(block);
    }
    return;
  }
}

// A command line about the run of a shared daemon.
std::string RunCommand(const char* verb, const GenerateCommand& command, const v1::Run& run) {
  std::vector<std::string> words = {command.command_line[0], "runs", verb, ShortName(run.name())};
  if (command.daemon.address) words.insert(words.end(), {"--address", *command.daemon.address});
  return ShellLine(words);
}

void SayHowToGoOn(std::string_view when, const Daemon& daemon, const GenerateCommand& command,
                  const v1::Run& run) {
  const bool is_the_same = daemon.is_private();
  Say(fmt::format(
      "{}{}:\n  {}", when,
      is_the_same && command.spec.file == "-" ? ", with the same standard input" : "",
      is_the_same ? ShellLine(command.command_line) : RunCommand("resume", command, run)));
}

// Of a run that can be watched no longer; what to do if its daemon is lost.
int GiveUp(const absl::Status& status, const Daemon& daemon, const GenerateCommand& command,
           const v1::Run& run, bool is_interrupted) {
  const int exit_code = Fail(status, daemon);
  if (!absl::IsUnavailable(status)) return exit_code;
  if (daemon.is_private()) {
    SayHowToGoOn("The same command goes on where it was committed", daemon, command, run);
  } else {
    Say(fmt::format("The run {} stays with its daemon. Once that is back, watch it with\n  {}",
                    ShortName(run.name()), RunCommand("watch", command, run)));
  }
  return is_interrupted ? kInterrupted : exit_code;
}

// Watches the run to its end, or until it has stopped when somebody interrupts.
int WatchToEnd(Daemon* daemon, const GenerateCommand& command, v1::Run run) {
  ProgressBar bar(ProgressStyleOf(command.is_quiet));
  bool is_interrupted = false;
  const std::string name = run.name();  // `run` changes while the guard's thread reads this
  {
    const InterruptGuard guard([&] {
      v1::StopRunRequest stop;
      stop.set_name(name);
      (void)daemon->connection().StopRun(stop);  // that it has ended meanwhile is no mistake
    });
    const auto patience = [&]() -> std::chrono::milliseconds {
      // A private daemon does not come back, and who interrupts does not wait.
      const bool waits = !daemon->is_private() && !guard.IsInterrupted();
      return waits ? kDaemonPatience : std::chrono::seconds(0);
    };
    const absl::Status status = FollowRun(
        &daemon->connection(), name, Connection::Deadline::max(), patience,
        [&](const v1::Run& now) {
          run = now;
          bar.Show(run);
          return !HasEnded(run) && run.state() != v1::RUN_STATE_STOPPED;
        },
        /*has_answered=*/true);  // it has created the run
    bar.Clear();
    if (!status.ok()) return GiveUp(status, *daemon, command, run, guard.IsInterrupted());
    is_interrupted = guard.IsInterrupted();
  }

  ShowWarnings(&daemon->connection(), run);
  Summarize(run, command.is_quiet);
  if (run.state() == v1::RUN_STATE_SUCCEEDED) {
    if (!command.is_quiet) ShowBlock(&daemon->connection(), run);
    return kDone;
  }
  if (run.state() == v1::RUN_STATE_FAILED && !daemon->is_private()) return kFailed;
  SayHowToGoOn(is_interrupted ? "To go on" : "Once that is mended, the same command goes on",
               *daemon, command, run);
  return is_interrupted && run.state() == v1::RUN_STATE_STOPPED ? kInterrupted : kFailed;
}

}  // namespace

int Generate(GenerateCommand command) {
  const bool is_at_terminal = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  if (command.spec.IsEmpty() && command.command_line.size() == 2 && is_at_terminal) {
    const auto answers = AskQuestions(std::cin, std::cerr);
    if (!answers) return kInterrupted;
    command.spec = *answers;
    const auto words = WordsOf(*answers);
    command.command_line.insert(command.command_line.end(), words.begin(), words.end());
    Say("The same without questions:\n  " + ShellLine(command.command_line));
  }
  if (NamedAddress(command.daemon)) {
    for (const std::string& output : command.spec.outputs) {
      if (output != "-" && !output.ends_with(":-")) continue;
      Say(fmt::format(
          "--to {}: a daemon cannot write to the standard output of this terminal; leave "
          "out the address, or use `throngctl preview`.",
          output));
      return kWrongRequest;
    }
  }

  if (command.again == "true") {
    command.again = fmt::format("{}", std::chrono::system_clock::now().time_since_epoch().count());
    std::replace(command.command_line.begin(), command.command_line.end(), std::string("--again"),
                 "--again=" + command.again);
  }
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
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
  return WatchToEnd(&*daemon, command, created->run());
}

}  // namespace throng
