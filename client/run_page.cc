#include "client/run_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "client/print.h"
#include "client/progress_bar.h"
#include "client/run_columns.h"
#include "client/run_text.h"
#include "client/terminal.h"
#include "proto/option_text.h"

namespace throng {
namespace {

constexpr size_t kDigestLetters = 12;  // enough to tell files apart

std::string Line(const char* name, const std::string& value) {
  return value.empty() ? "" : fmt::format("{:13}{}\n", name, value);
}

// "diurnal (start=2024-01-01T00:00:00Z, window=30d)".
std::string ComponentText(const v1::Component& component) {
  const std::string options = PairsText(component.options());
  return options.empty() ? component.component()
                         : fmt::format("{} ({})", component.component(), options);
}

std::string OutputsTable(const v1::Run& run, bool has_color) {
  TextTable table({"OUTPUT", "STATE", "POSITION", "ROWS", "OF", "BYTES", "ROWS/S", "PLACE"});
  for (const v1::OutputStatus& output : run.outputs()) {
    const std::string state = StateText(output.state());
    table.Add({output.name(), has_color ? InColorOf(output.state(), state) : state,
               std::to_string(output.position()), std::to_string(output.rows()),
               output.total_rows() < 0 ? "-" : std::to_string(output.total_rows()),
               std::to_string(output.bytes()), fmt::format("{:.0f}", output.rows_per_second()),
               output.place().empty() ? "-" : output.place()});
  }
  std::string text = table.ToText();
  for (const v1::OutputStatus& output : run.outputs()) {
    if (!output.reason().empty()) {
      text += fmt::format("output {}: {}\n", output.name(), output.reason());
    }
  }
  return text;
}

std::string SpecText(const v1::RunSpec& spec) {
  const v1::DatasetSpec& dataset = spec.dataset();
  std::string rows = dataset.has_interactions() ? std::to_string(dataset.interactions())
                                                : std::string("without end");
  if (dataset.has_plan_size() &&
      (!dataset.has_interactions() || dataset.plan_size() != dataset.interactions())) {
    rows += fmt::format(", in epochs of {}", dataset.plan_size());
  }
  std::string text = Line("Dataset:", fmt::format("preset {}, size {}, seed {}", dataset.preset(),
                                                  dataset.size(), dataset.seed()));
  text += Line("World:",
               fmt::format("{} users, {} items", dataset.world().users(), dataset.world().items()));
  text += Line("Rows:", rows);
  text += Line("Activity:", ComponentText(dataset.activity()));
  text += Line("Clock:", ComponentText(dataset.clock()));
  text += Line("Choice:", ComponentText(dataset.choice()));
  text += Line("Rating:", ComponentText(dataset.rating()));
  text += Line("Order:", ComponentText(dataset.order()));
  for (const v1::OutputSpec& output : spec.outputs()) {
    text +=
        Line("Output:", fmt::format("{}: {} to {}", output.name(), ComponentText(output.format()),
                                    ComponentText(output.sink())));
  }
  if (spec.slice().count() > 1) {
    text += Line("Slice:", fmt::format("{} of {}", spec.slice().index(), spec.slice().count()));
  }
  text += Line("Threads:",
               spec.threads() == 0 ? std::string("one a CPU") : std::to_string(spec.threads()));
  return text;
}

std::string PluginsTable(const v1::Run& run) {
  TextTable table({"ROLE", "COMPONENT", "PLUGIN", "VERSION", "SHA-256"});
  for (const v1::PluginUse& use : run.plugins()) {
    table.Add({use.role(), use.component(), use.plugin(), use.version(),
               use.sha256().substr(0, kDigestLetters)});
  }
  return table.ToText();
}

std::string PaceText(const v1::Run& run) {
  const v1::Pace& pace = run.spec().pace();
  double asked = 0;
  int64_t lag_ms = 0;
  for (const v1::OutputStatus& output : run.outputs()) {
    asked = std::max(asked, output.asked_rows_per_second());
    lag_ms = std::max(lag_ms, output.lag().seconds() * 1000 + output.lag().nanos() / 1'000'000);
  }
  if (pace.has_live()) {
    return fmt::format("live, {:.1f} s behind", static_cast<double>(lag_ms) / 1000);
  }
  if (!pace.profile().empty()) {
    return fmt::format("profile of {} steps, {:.6g} rows/s at present", pace.profile_size(), asked);
  }
  return pace.rate() > 0 ? fmt::format("{:.6g} rows/s", pace.rate()) : "as fast as possible";
}

}  // namespace

std::string RunText(const v1::Run& run, bool has_color) {
  const std::string state = StateText(run);
  std::string text = Line("Name:", ShortName(run.name()));
  text += Line("State:",
               fmt::format("{} (asked to be {})", has_color ? InColorOf(run.state(), state) : state,
                           TargetText(run.target_state())));
  if (run.state() != v1::RUN_STATE_BLOCKED) text += Line("Reason:", run.reason());  // see outputs
  text += Line("Pace:", PaceText(run));
  text += Line("Created:", MomentText(run.create_time()));
  text += Line("Updated:", MomentText(run.update_time()));
  text += Line("Started:", MomentText(run.start_time()));
  text += Line("Ended:", MomentText(run.end_time()));
  text += Line("Labels:", PairsText(run.labels()));
  text += Line("Annotations:", PairsText(run.annotations()));
  text += Line("Restarts:", std::to_string(run.restarts()));
  text += Line("Fingerprint:", run.fingerprint());
  for (const std::string& warning : run.warnings()) text += Line("Note:", warning);
  return text + "\n" + OutputsTable(run, has_color);
}

std::string RunPage(const v1::Run& run, const std::vector<v1::LogLine>& last_lines,
                    bool has_color) {
  std::string text = RunText(run, has_color) + "\n" + SpecText(run.spec());
  if (run.plugins_size() > 0) text += "\n" + PluginsTable(run);
  if (last_lines.empty()) return text;
  text += fmt::format("\nLast lines of its log; `throngctl runs logs {}` has all:\n",
                      ShortName(run.name()));
  for (const v1::LogLine& line : last_lines) text += LogText(line);
  return text;
}

std::string LiveText(const v1::Run& run, size_t width, bool has_color) {
  const std::string state = StateText(run);
  std::string text = fmt::format("{}  {}\n", ShortName(run.name()),
                                 has_color ? InColorOf(run.state(), state) : state);
  text += ProgressLine(ProgressOf(run), has_color ? ProgressStyle::kColored : ProgressStyle::kBar,
                       width) +
          "\n";
  if (!run.reason().empty()) text += run.reason() + "\n";
  return text + "\n" + OutputsTable(run, has_color);
}

std::string ChangeLine(const v1::Run& run) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
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

std::string LogText(const v1::LogLine& line) {
  const int64_t ms = line.time().seconds() * 1000 + line.time().nanos() / 1'000'000;
  return fmt::format("{}  {:7}  {}: {}\n", TimestampText(ms), line.level(), line.source(),
                     line.message());
}

}  // namespace throng
