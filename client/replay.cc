// `throngctl replay`: rows of files, delivered to a topic exactly once.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/inspection_commands.h"
#include "client/interrupts.h"
#include "client/reading.h"
#include "client/shell_text.h"
#include "client/source_flag.h"
#include "client/spec_flags.h"

namespace throng {
namespace {

// Rows a second of --rate and --delay; 0: as fast as possible.
absl::StatusOr<double> RateOf(const ReplayCommand& command) {
  if (command.rate && command.delay_ms > 0) {
    return absl::InvalidArgumentError("--delay: --rate says how fast already; keep one of both.");
  }
  if (command.delay_ms > 0) return 1000.0 / static_cast<double>(command.delay_ms);
  if (!command.rate) return 0.0;
  const auto text = ParseRate(*command.rate);
  if (!text.ok()) return text.status();
  double rate = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), rate);
  const bool is_number = error == std::errc() && end == text->data() + text->size();
  if (is_number && std::isfinite(rate) && rate > 0) return rate;
  return absl::InvalidArgumentError(
      fmt::format("--rate {}: write rows a second above 0, as 1000/s.", *command.rate));
}

void Summarize(const v1::ReplayResponse& end, const std::string& place, bool is_quiet) {
  if (!is_quiet) {
    const int64_t sent = end.rows() - end.rows_before();
    Say(fmt::format("{}: {}{} rows delivered{}", place,
                    sent == 0 && end.rows() > 0 ? "already complete, " : "", end.rows(),
                    sent > 0 && end.rows_before() > 0
                        ? fmt::format(", {} of them by earlier commands", end.rows_before())
                        : ""));
  }
  SayDamages(end.damaged_records(), end.damaged());
}

}  // namespace

int Replay(ReplayCommand command) {
  const auto sources = ParseSources(command.read.places, command.read.maps);
  if (!sources.ok()) return Fail(sources.status());
  const auto output = ParseOutputSpec(command.output);
  if (!output.ok()) return Fail(output.status());
  const auto rate = RateOf(command);
  if (!rate.ok()) return Fail(rate.status());
  if (command.again == "true") {
    command.again = fmt::format("{}", std::chrono::system_clock::now().time_since_epoch().count());
    std::replace(command.command_line.begin(), command.command_line.end(), std::string("--again"),
                 "--again=" + command.again);
  }
  v1::ReplayRequest request;
  *request.mutable_source() = sources->front();
  *request.mutable_output() = *output;
  request.set_rate(*rate);
  if (command.passes) request.set_passes(*command.passes);
  request.set_again(command.again);
  auto daemon = Daemon::OneShot(command.read.daemon);
  if (!daemon.ok()) return Fail(daemon.status());

  const auto& sink_options = output->sink().options();
  const auto topic = sink_options.find("topic");
  const std::string place =
      topic == sink_options.end() ? output->sink().component() : topic->second;
  v1::ReplayResponse last;
  Cancellation cancellation;
  bool is_interrupted = false;
  absl::Status status;
  {
    ReadingBar bar(command.read.is_quiet, /*is_topic=*/false);
    const InterruptGuard guard([&] { cancellation.Cancel(); });
    status = daemon->connection().Replay(
        request,
        [&](const v1::ReplayResponse& response) {
          last = response;
          if (!response.is_complete()) bar.Show(response.progress());
          return true;
        },
        &cancellation);
    is_interrupted = guard.IsInterrupted();
  }
  if (last.is_complete()) {
    Summarize(last, place, command.read.is_quiet);
    return kDone;
  }
  const bool is_wrong = !is_interrupted && ExitCodeOf(status) == kWrongRequest;
  const int exit_code = is_interrupted ? kInterrupted : static_cast<int>(Fail(status, *daemon));
  if (is_wrong || absl::IsNotFound(status)) return exit_code;
  Say(fmt::format("{}: {} rows are delivered. {}, each row once:\n  {}", place, last.rows(),
                  is_interrupted ? "To go on" : "Once that is mended, the same command goes on",
                  ShellLine(command.command_line)));
  return exit_code;
}

}  // namespace throng
