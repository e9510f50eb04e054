// `throngctl generate`: a run of one's own, watched to its end.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string_view>
#include <thread>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/interrupts.h"
#include "client/plan_text.h"
#include "client/progress_bar.h"
#include "client/questions.h"
#include "client/run_text.h"
#include "client/shell_text.h"
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

int DryRun(Daemon* daemon, const GenerateCommand& command, const v1::SpecSource& source) {
  v1::PlanRequest request;
  *request.mutable_source() = source;
  const auto answer = daemon->connection().Plan(request);
  if (!answer.ok()) return Fail(answer.status(), daemon->address());
  if (command.format == PrintFormat::kTable) {
    Out(PlanText(answer->plan()));
  } else {
    PrintOne(command.format, {&answer->plan(), answer->plan().fingerprint()});
  }
  return kDone;
}

// How to go on where the run was interrupted.
std::string GoOnCommand(const Daemon& daemon, const GenerateCommand& command, const v1::Run& run) {
  if (daemon.is_private()) return ShellLine(command.command_line);
  std::vector<std::string> words = {command.command_line[0], "runs", "resume",
                                    ShortName(run.name())};
  if (command.daemon.address) words.insert(words.end(), {"--address", *command.daemon.address});
  return ShellLine(words);
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
    v1::WatchRunRequest watch;
    watch.set_name(name);
    const absl::Status status = daemon->connection().WatchRun(
        watch, Connection::Deadline::max(), [&](const v1::WatchRunResponse& response) {
          run = response.run();
          bar.Show(run);
          return !HasEnded(run) && run.state() != v1::RUN_STATE_STOPPED;
        });
    bar.Clear();
    if (!status.ok()) return Fail(status, daemon->address());
    is_interrupted = guard.IsInterrupted();
  }

  Summarize(run, command.is_quiet);
  if (run.state() == v1::RUN_STATE_SUCCEEDED) {
    if (!command.is_quiet) ShowBlock(&daemon->connection(), run);
    return kDone;
  }
  if (run.state() == v1::RUN_STATE_FAILED && !daemon->is_private()) return kFailed;
  Say(fmt::format("{}{}:\n  {}",
                  is_interrupted ? "To go on" : "Once that is mended, the same command goes on",
                  command.spec.file == "-" ? ", with the same standard input" : "",
                  GoOnCommand(*daemon, command, run)));
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
  std::string text;
  if (command.spec.file) {
    auto read = ReadSpecFile(*command.spec.file);
    if (!read.ok()) return Fail(read.status());
    text = *std::move(read);
  }
  const auto source = MakeSource(command.spec, text, {std::string(kDefaultOutput)});
  if (!source.ok()) return Fail(source.status());
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
  if (command.is_dry_run) return DryRun(&*daemon, command, *source);
  v1::CreateRunRequest request;
  *request.mutable_source() = *source;
  request.set_again(command.again);
  const auto created = daemon->connection().CreateRun(request);
  if (!created.ok()) return Fail(created.status(), daemon->address());
  if (!command.is_quiet) {
    for (const std::string& warning : created->run().warnings()) Say("note: " + warning);
  }
  return WatchToEnd(&*daemon, command, created->run());
}

}  // namespace throng
