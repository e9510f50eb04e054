#include "server/worker/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace throng {
namespace {

constexpr std::chrono::seconds kLineInterval{5};
constexpr const char* kClearLine = "\r\033[K";

// "3:05", "1:02:03"
std::string TimeText(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

std::string ByteText(int64_t bytes) {
  auto value = static_cast<double>(bytes);
  for (const char* unit : {"bytes", "kB", "MB", "GB"}) {
    if (value < 1000) {
      return value == static_cast<double>(bytes) ? fmt::format("{} {}", bytes, unit)
                                                 : fmt::format("{:.1f} {}", value, unit);
    }
    value /= 1000;
  }
  return fmt::format("{:.1f} TB", value);
}

Reporter::Reporter(std::vector<std::string> names, bool is_quiet)
    : names_(std::move(names)),
      is_quiet_(is_quiet),
      is_terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_line_(start_),
      reasons_(names_.size()),
      has_told_start_(names_.size()) {}

void Reporter::Show(const std::vector<OutputProgress>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool is_blocked = outputs[i].state == OutputState::kBlocked;
    const std::string reason = is_blocked ? outputs[i].reason : "";
    if (reason == reasons_[i]) continue;
    reasons_[i] = reason;
    const bool has_given_up =
        outputs[i].state == OutputState::kFailed || outputs[i].state == OutputState::kStopped;
    if (has_given_up) continue;  // which is told at the end
    Clear();
    Say(stderr, "output {}: {}\n", names_[i],
        is_blocked ? "blocked, trying again: " + reason : "goes on.");
  }
  if (is_quiet_) return;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].went_on_from || has_told_start_[i]) continue;
    has_told_start_[i] = true;
    Clear();
    Say(stderr, "output {}: goes on from row {}.\n", names_[i], *outputs[i].went_on_from);
  }
  const Clock::time_point now = Clock::now();
  if (is_terminal_) {
    if (now - start_ < std::chrono::milliseconds(300)) return;  // no flicker for short work
    std::fputs((kClearLine + BarLine(outputs)).c_str(), stderr);
    std::fflush(stderr);
    has_bar_ = true;
  } else if (now - last_line_ >= kLineInterval) {
    last_line_ = now;
    Say(stderr, "{}\n", BarLine(outputs));
  }
}

void Reporter::Clear() {
  if (!has_bar_) return;
  std::fputs(kClearLine, stderr);
  std::fflush(stderr);
  has_bar_ = false;
}

std::string Reporter::BarLine(const std::vector<OutputProgress>& outputs) const {
  int64_t rows = 0;
  int64_t new_rows = 0;
  int64_t bytes = 0;
  int64_t total = 0;
  for (const OutputProgress& output : outputs) {
    rows += output.rows;
    new_rows += output.new_rows;
    bytes += output.bytes;
    total = output.total_rows < 0 || total < 0 ? -1 : total + output.total_rows;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = static_cast<double>(new_rows) / std::max(seconds, 1e-3);
  std::string line;
  if (total > 0) {
    constexpr int64_t kWidth = 24;
    const int64_t done = std::min(kWidth, kWidth * rows / total);
    if (is_terminal_) {
      line = fmt::format("[{:#<{}}{:.<{}}] ", "", static_cast<int>(done), "",
                         static_cast<int>(kWidth - done));
    }
    line += fmt::format("{:3}%  ", 100 * rows / total);
  }
  line += fmt::format("{} rows  {:.0f} rows/s  {}", rows, rate, ByteText(bytes));
  if (total > rows && rate > 0) {
    line += fmt::format("  {} left", TimeText(static_cast<double>(total - rows) / rate));
  }
  return line;
}

}  // namespace throng
