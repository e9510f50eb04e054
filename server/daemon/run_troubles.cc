#include "server/daemon/run_troubles.h"

#include <fmt/format.h>

namespace throng {
namespace {

// Another reason of an output that is still blocked is told after so long.
constexpr std::chrono::seconds kPause{30};

}  // namespace

std::vector<RunTroubles::Line> RunTroubles::Look(const v1::Run& run, Clock::time_point now) {
  std::vector<Line> lines;
  for (const v1::OutputStatus& output : run.outputs()) {
    Told& told = told_[output.name()];
    const std::string& reason = output.reason();
    const bool is_news =
        reason != told.reason && (told.reason.empty() || now - told.time >= kPause);
    if (output.state() == v1::OUTPUT_STATE_BLOCKED && !reason.empty()) {
      if (!is_news) continue;
      lines.push_back({"warning", fmt::format("output {} is blocked: {}", output.name(), reason)});
      told = {reason, now, output.position()};
    } else if (output.state() == v1::OUTPUT_STATE_FAILED) {
      if (reason == told.reason) continue;
      lines.push_back({"error", fmt::format("output {} failed: {}", output.name(), reason)});
      told = {reason, now, output.position()};
    } else if (!told.reason.empty() && (output.position() > told.position ||
                                        output.state() == v1::OUTPUT_STATE_SUCCEEDED)) {
      lines.push_back({"info", fmt::format("output {} goes on.", output.name())});
      told = {};
    }
  }
  return lines;
}

}  // namespace throng
