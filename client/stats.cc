// `throngctl stats`: what data are like, and whether they are fit.
#include <fmt/format.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <filesystem>
#include <sstream>

#include "client/exit_code.h"
#include "client/failure.h"
#include "client/figures_text.h"
#include "client/inspection_commands.h"
#include "client/reading.h"
#include "client/report.h"
#include "client/source_flag.h"
#include "client/spec_calls.h"
#include "client/whole_file.h"
#include "proto/statistics_block.h"

namespace throng {
namespace {

absl::Status WriteState(const std::vector<v1::StatisticsState>& states, const std::string& path) {
  std::ostringstream bytes;
  for (const v1::StatisticsState& state : states) {
    google::protobuf::util::SerializeDelimitedToOstream(state, &bytes);
  }
  if (WriteWholeFile(path, bytes.str())) return absl::OkStatus();
  return absl::InternalError(fmt::format("--state {}: cannot be written.", path));
}

}  // namespace

int Stats(const StatsCommand& command) {
  v1::SummarizeRequest request;
  const auto sources = ParseSources(command.read.places, command.read.maps);
  if (!sources.ok()) return Fail(sources.status());
  for (const v1::DataSource& source : *sources) *request.add_sources() = source;
  for (const std::string& path : command.states) {
    request.add_state_files(std::filesystem::absolute(path).string());
  }
  if (!command.report.empty()) {
    if (const absl::Status status = CheckReportPath(command.report); !status.ok()) {
      return Fail(status);
    }
  }
  if (sources->empty() && command.states.empty() && !command.file) {
    return Fail(kWrongRequest,
                "Nothing to read: name a file or a topic, a spec with -f, or states with --merge.");
  }
  request.set_with_state(!command.state.empty());
  auto daemon = Daemon::OneShot(command.read.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  if (command.file) {
    SpecFlags flags;
    flags.file = command.file;
    const auto source = ReadSource(flags, {}, &*daemon);
    if (!source.ok()) return Fail(source.status());
    *request.mutable_spec() = *source;
  }
  v1::SummarizeResponse result;
  std::vector<v1::StatisticsState> states;
  {
    ReadingBar bar(command.read.is_quiet, !sources->empty() && IsTopic(sources->front()));
    const absl::Status status =
        daemon->connection().Summarize(request, [&](const v1::SummarizeResponse& response) {
          bar.Show(response.progress());
          if (response.has_statistics()) result = response;
          if (response.has_state()) states.push_back(response.state());
          return true;
        });
    bar.Clear();
    if (!status.ok()) return Fail(status, *daemon);
  }
  result.clear_state();
  if (!command.state.empty()) {
    if (const absl::Status status = WriteState(states, command.state); !status.ok()) {
      return Fail(status);
    }
  }
  if (!command.report.empty()) {
    Report report = ReportOn(command.command_line, result);
    report.places = command.read.places;
    if (const absl::Status status = WriteReport(report, command.report); !status.ok()) {
      return Fail(status);
    }
    if (!command.read.is_quiet) Say("report in " + command.report);
  }
  SayDamages(result.damaged_records(), result.damaged());
  if (command.read.format != PrintFormat::kTable) {
    PrintOne(command.read.format,
             {&result, std::to_string(result.statistics().total_interactions())});
  } else if (command.checks) {
    Out(ChecklistText(result.checklist()));
  } else {
    Out(StatisticsBlock(result.statistics()) + "\n");
    if (result.has_figures()) Out("\n" + FiguresText(result.figures()));
  }
  return command.checks && result.checklist().failed() > 0 ? kFailed : kDone;
}

}  // namespace throng
