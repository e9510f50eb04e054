// `throngctl runs describe`, `stats`, `logs` and `positions`: what else there is to know of a run.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_page.h"
#include "client/run_text.h"
#include "client/terminal.h"
#include "proto/statistics_blocks.h"

namespace throng {
namespace {

constexpr int kLastLines = 10;  // of the log, on the page of a run

}  // namespace

int ShowStatistics(const StatisticsCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::GetRunStatisticsRequest request;
  request.set_name(FullName("runs", command.name));
  request.set_output(command.output);
  const auto answer = daemon.connection().GetRunStatistics(request);
  if (!answer.ok()) return Fail(answer.status(), daemon);
  if (command.format != PrintFormat::kTable) {
    PrintOne(command.format, {&*answer, answer->output()});
    return kDone;
  }
  if (answer->rows_to_count() > 0) {
    std::fputs(fmt::format("note: {} rows of an earlier worker are still to be counted.\n",
                           answer->rows_to_count())
                   .c_str(),
               stderr);
  }
  v1::GetRunRequest get;
  get.set_name(request.name());
  const auto run = daemon.connection().GetRun(get);
  if (!run.ok()) return Fail(run.status(), daemon);
  Out(NamedBlock(answer->output(), answer->statistics(), run->run().outputs_size()));
  return kDone;
}

int ReadLogs(const LogsCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::ReadRunLogsRequest request;
  request.set_name(FullName("runs", command.name));
  request.set_tail_lines(command.tail_lines);
  request.set_follow(command.follows);
  std::vector<v1::LogLine> collected;  // of the formats that are one document
  const bool is_document =
      command.format == PrintFormat::kJson || command.format == PrintFormat::kYaml;
  const absl::Status status =
      daemon.connection().ReadRunLogs(request, [&](const v1::ReadRunLogsResponse& response) {
        std::string text;
        for (const v1::LogLine& line : response.lines()) {
          if (is_document) {
            collected.push_back(line);
          } else if (command.format == PrintFormat::kJsonLines) {
            text += JsonLine(line);
          } else {
            text += LogText(line);
          }
        }
        return Out(text);
      });
  if (!status.ok()) return Fail(status, daemon);
  if (is_document) {
    std::vector<Printed> list;
    list.reserve(collected.size());
    for (const v1::LogLine& line : collected) list.push_back({&line, ""});
    PrintList(command.format, list);
  }
  return kDone;
}

int DescribeRun(const NamedCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::GetRunRequest get;
  get.set_name(FullName("runs", command.name));
  const auto run = daemon.connection().GetRun(get);
  if (!run.ok()) return Fail(run.status(), daemon);
  if (command.format != PrintFormat::kTable) {
    PrintOne(command.format, {&run->run(), ShortName(run->run().name())});
    return kDone;
  }
  v1::ReadRunLogsRequest logs;
  logs.set_name(get.name());
  logs.set_tail_lines(kLastLines);
  std::vector<v1::LogLine> lines;
  const absl::Status status =
      daemon.connection().ReadRunLogs(logs, [&](const v1::ReadRunLogsResponse& response) {
        lines.insert(lines.end(), response.lines().begin(), response.lines().end());
        return true;
      });
  if (!status.ok()) return Fail(status, daemon);
  Out(RunPage(run->run(), lines, IsColorful(STDOUT_FILENO)));
  return kDone;
}

int Positions(const PositionsCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const std::string name = FullName("runs", command.name);
  if (command.is_reset && !command.is_confirmed &&
      !IsConfirmed(fmt::format("Forget how far {} of {} came, and remove what was delivered there?",
                               command.outputs.empty()
                                   ? "all outputs"
                                   : fmt::format("{}", fmt::join(command.outputs, ", ")),
                               ShortName(command.name)))) {
    return Fail(kInterrupted, "Nothing was reset.");
  }
  google::protobuf::RepeatedPtrField<v1::Position> positions;
  if (command.is_reset) {
    v1::ResetPositionsRequest request;
    request.set_name(name);
    for (const std::string& output : command.outputs) request.add_outputs(output);
    const auto answer = daemon.connection().ResetPositions(request);
    if (!answer.ok()) return Fail(answer.status(), daemon);
    positions = answer->positions();
  } else {
    v1::GetPositionsRequest request;
    request.set_name(name);
    const auto answer = daemon.connection().GetPositions(request);
    if (!answer.ok()) return Fail(answer.status(), daemon);
    positions = answer->positions();
  }
  if (command.format != PrintFormat::kTable) {
    std::vector<Printed> list;
    for (const v1::Position& position : positions) list.push_back({&position, position.output()});
    PrintList(command.format, list);
    return kDone;
  }
  TextTable table({"OUTPUT", "ROW", "COMPLETE", "PLACE", "REMARK"});
  for (const v1::Position& position : positions) {
    table.Add({position.output(), position.has_row() ? std::to_string(position.row()) : "-",
               position.is_complete() ? "yes" : "no",
               position.place().empty() ? "-" : position.place(), position.reason()});
  }
  Out(table.ToText());
  return kDone;
}

}  // namespace throng
