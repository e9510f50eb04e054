#include "server/worker/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "proto/statistics_blocks.h"
#include "server/control/call_page.h"
#include "server/control/status.h"
#include "server/dataset/statistics.h"
#include "server/delivery/run.h"
#include "server/spec/reader.h"
#include "server/worker/report.h"

namespace throng {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongRequest = 2;
constexpr int kInterrupted = 130;
constexpr std::chrono::hours kForever{24 * 365 * 100};

std::atomic<bool> is_stopping = false;
std::atomic<pid_t> running_process = 0;  // this one, while a run goes on in it

// The first signal asks for an end at a commit; the second one does not wait for it.
void OnSignal(int /*signal*/) {
  if (is_stopping.exchange(true)) _exit(kInterrupted);
}

// As long as there is one, who ends the process is a plugin.
class Running {
 public:
  Running() { running_process = getpid(); }
  ~Running() { running_process = 0; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

void HandleSignals() {
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a sink says it in a sentence
  signal(SIGXFSZ, SIG_IGN);  // likewise
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a stream holds, but no more than is needed to refuse it as too long a spec.
std::optional<std::string> TakeText(std::istream* stream) {
  constexpr size_t kEnough = 2 << 20;
  std::string text(kEnough, '\0');
  stream->read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream->bad()) return std::nullopt;
  text.resize(static_cast<size_t>(stream->gcount()));
  return text;
}

std::optional<std::string> ReadAll(const std::string& file) {
  if (file == "-") {
    return TakeText(&std::cin);
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  return TakeText(&stream);
}

int Refuse(const Problems& problems) {
  Say(stderr, "{}", ToString(problems));
  return kWrongRequest;
}

std::string RowText(const Output& output) {
  const OutputProgress progress = output.progress();
  const std::string place = output.place().empty() ? "" : fmt::format(" in {}", output.place());
  return fmt::format("{} rows{}", progress.rows, place);
}

// Tells how each output ended; the exit code that follows from it.
int Summarize(const Run& run, const RunCommand& command) {
  int exit_code = kDone;
  bool is_stdout_taken = false;
  bool goes_on = false;
  std::vector<OutputStatistics> statistics;
  for (const auto& output : run.outputs()) {
    is_stdout_taken = is_stdout_taken || output->request().WritesToStdout();
    const OutputProgress progress = output->progress();
    goes_on = goes_on || output->request().IsDurable();
    switch (progress.state) {
      case OutputState::kSucceeded:
        if (output->statistics()) statistics.push_back({output->name(), *output->statistics()});
        if (command.is_quiet) break;
        Say(stderr, "output {}: {}{}\n", output->name(),
            output->WasComplete() ? "already complete, " : "", RowText(*output));
        break;
      case OutputState::kStopped:
        Say(stderr, "output {}: stopped at row {} after {}.\n", output->name(), progress.position,
            RowText(*output));
        if (exit_code == kDone) exit_code = kInterrupted;
        break;
      default:
        Say(stderr, "output {}: failed after {}: {}\n", output->name(), RowText(*output),
            progress.reason);
        exit_code = kFailed;
    }
  }
  if (exit_code != kDone) {
    Say(stderr, "The same command {}:\n  {}\n", goes_on ? "goes on where it ended" : "starts over",
        command.command_line);
  } else if (!command.is_quiet) {
    // stdout is for data: the blocks go there only if no output does.
    Say(is_stdout_taken ? stderr : stdout, "{}",
        StatisticsBlocks(statistics, static_cast<int>(run.outputs().size())));
  }
  return exit_code;
}

}  // namespace

bool IsEndedByAPlugin(int code) {
  // A child that a plugin has forked ends as it likes, and a second signal ends by OnSignal.
  if (running_process != getpid() || (code == kInterrupted && is_stopping)) return false;
  running_process = 0;
  const CallInfo call = CallOfThread();
  const bool is_known = !call.component.empty();
  Say(stderr,
      "{}{} ended the process, and the run with it. {}; the same command then goes on where it was "
      "committed.\n",
      is_known ? call.component : "A plugin",
      call.row < 0 ? "" : fmt::format(" at row {}", call.row),
      is_known ? "Correct or replace that plugin" : "`throng-worker check FILE.so` finds which");
  std::fflush(stderr);
  return true;
}

int ExecuteRun(const RunCommand& command) {
  const Running running;
  NoteCrashes(true);
  HandleSignals();
  const std::optional<std::string> text = ReadAll(command.spec_file);
  if (!text) {
    return Refuse({{"--spec", fmt::format("{} cannot be read.", command.spec_file)}});
  }
  Problems problems;
  const SpecLayer layer{command.spec_file == "-" ? "stdin" : command.spec_file, *text};
  std::optional<v1::RunSpec> spec = ReadSpec({&layer, 1}, &problems);
  if (!spec) return Refuse(problems);  // not even readable
  if (command.threads > 0) spec->set_threads(command.threads);

  const auto catalogue = Catalogue::Load(command.plugin_folders);
  if (!catalogue.ok()) {
    return Refuse({{"--plugin-dir", MessageOf(catalogue.status())}});
  }
  Metrics metrics;
  Environment environment;
  environment.is_stopping = &is_stopping;
  environment.metrics = &metrics;
  environment.log = [&](int32_t level, const std::string& source, const std::string& sentence) {
    if (level < (command.is_quiet ? THRONG_LOG_WARNING : THRONG_LOG_INFO)) return;
    Say(stderr, "{}: {}\n", source, PlainText(sentence));  // one line, whatever it holds
  };
  for (const std::string& error : catalogue->errors()) {
    if (!command.is_quiet) Say(stderr, "note: {}\n", error);
  }
  if (!problems.empty()) {
    Run::CheckComponents(*spec, *catalogue, environment, Now(), &problems);  // all mistakes at once
    return Refuse(problems);
  }
  const auto run = Run::Create(*spec, *catalogue, environment, Now(), &problems);
  if (run != nullptr) run->CheckPaths(&problems);
  if (!problems.empty()) return Refuse(problems);
  run->SetAgain(command.again);
  if (!command.is_quiet) {
    for (const std::string& warning : run->Warnings()) {
      Say(stderr, "note: {}\n", warning);
    }
  }
  // Clocks hold less than a duration can say.
  const auto retry_timeout = std::min<std::chrono::milliseconds>(command.retry_timeout, kForever);
  if (const absl::Status status = run->Open(retry_timeout); !status.ok()) {
    Say(stderr, "{}\n", MessageOf(status));
    return is_stopping ? kInterrupted : absl::IsInvalidArgument(status) ? kWrongRequest : kFailed;
  }
  run->Start(retry_timeout);

  std::vector<std::string> names;
  for (const auto& output : run->outputs()) names.push_back(output->name());
  Reporter reporter(names, command.is_quiet);
  do {
    run->Wait(std::chrono::milliseconds(100));
    std::vector<OutputProgress> progress;
    for (const auto& output : run->outputs()) progress.push_back(output->progress());
    reporter.Show(progress);
  } while (!run->HasEnded());
  reporter.Clear();
  for (const Metric& metric : command.is_quiet ? std::vector<Metric>() : metrics.Read()) {
    Say(stderr, "{} `{}`: {} {}\n", RoleName(metric.role), metric.component, metric.name,
        metric.value);
  }
  return Summarize(*run, command);
}

}  // namespace throng
