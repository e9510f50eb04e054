#include "client/run_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace throng {
namespace {

std::string Lower(std::string_view name, std::string_view prefix) {
  std::string text(name.substr(std::min(prefix.size(), name.size())));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.empty() ? "unknown" : text;
}

}  // namespace

std::string StateText(v1::RunState state) { return Lower(RunState_Name(state), "RUN_STATE_"); }

std::string StateText(const v1::Run& run) {
  const auto blocked = std::count_if(
      run.outputs().begin(), run.outputs().end(),
      [](const v1::OutputStatus& output) { return output.state() == v1::OUTPUT_STATE_BLOCKED; });
  const std::string state = StateText(run.state());
  if (blocked == 0 || run.state() == v1::RUN_STATE_BLOCKED) return state;
  return fmt::format("{} ({} of {} blocked)", state, blocked, run.outputs_size());
}

std::string StateText(v1::OutputState state) {
  return Lower(OutputState_Name(state), "OUTPUT_STATE_");
}

std::string TargetText(v1::TargetState state) {
  return Lower(TargetState_Name(state), "TARGET_STATE_");
}

bool HasEnded(const v1::Run& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED;
}

RunProgress ProgressOf(const v1::Run& run) {
  RunProgress progress;
  for (const v1::OutputStatus& output : run.outputs()) {
    progress.rows += output.rows();
    progress.bytes += output.bytes();
    progress.rows_per_second += output.rows_per_second();
    const bool is_endless = output.total_rows() < 0 || progress.total_rows < 0;
    progress.total_rows = is_endless ? -1 : progress.total_rows + output.total_rows();
  }
  return progress;
}

std::string PercentText(const RunProgress& progress) {
  if (progress.total_rows <= 0) return "-";
  const double share =
      static_cast<double>(progress.rows) / static_cast<double>(progress.total_rows);
  return fmt::format("{}%", static_cast<int>(100 * std::min(share, 1.0)));
}

std::string ByteText(int64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes) / 1000;
  for (const char* unit : {"kB", "MB", "GB"}) {
    if (value < 1000) return fmt::format("{:.1f} {}", value, unit);
    value /= 1000;
  }
  return fmt::format("{:.1f} TB", value);
}

std::string ClockText(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string FullName(const std::string& collection, const std::string& name) {
  return name.starts_with(collection + "/") ? name : collection + "/" + name;
}

std::string ShortName(const std::string& name) {
  for (const std::string_view collection : {"runs/", "plugins/", "presets/"}) {
    if (name.starts_with(collection)) return name.substr(collection.size());
  }
  return name;  // a/b is a wrong name, and not b
}

}  // namespace throng
