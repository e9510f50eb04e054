#include "client/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "client/terminal.h"

namespace throng {
namespace {

constexpr std::chrono::seconds kLineInterval{5};
constexpr std::chrono::milliseconds kBarInterval{100};
constexpr std::chrono::milliseconds kBarDelay{300};  // no flicker for short work
constexpr size_t kMostBarWidth = 24;
constexpr size_t kLeastBarWidth = 6;
constexpr size_t kBarFrame = 3;  // its brackets and the space behind them

}  // namespace

ProgressStyle ProgressStyleOf(bool is_quiet) {
  if (is_quiet) return ProgressStyle::kQuiet;
  if (!IsDrawable(STDERR_FILENO)) return ProgressStyle::kLines;
  return IsColorful(STDERR_FILENO) ? ProgressStyle::kColored : ProgressStyle::kBar;
}

std::string ProgressLine(const RunProgress& progress, ProgressStyle style, size_t width) {
  std::string line;
  if (progress.total_rows > 0) line += fmt::format("{:>4}  ", PercentText(progress));
  line += fmt::format("{} rows  {:.0f} rows/s", progress.rows, progress.rows_per_second);
  if (progress.bytes >= 0) line += "  " + ByteText(progress.bytes);
  if (progress.total_rows > progress.rows && progress.rows_per_second > 0) {
    const auto left = static_cast<double>(progress.total_rows - progress.rows);
    line += fmt::format("  {} left", ClockText(left / progress.rows_per_second));
  }
  if (style != ProgressStyle::kBar && style != ProgressStyle::kColored) return line;
  const size_t room = width > line.size() + kBarFrame ? width - line.size() - kBarFrame : 0;
  if (progress.total_rows <= 0 || room < kLeastBarWidth) return CutTo(line, width);
  const double share =
      std::min(static_cast<double>(progress.rows) / static_cast<double>(progress.total_rows), 1.0);
  const size_t bar_width = std::min(room, kMostBarWidth);
  const auto done = static_cast<size_t>(static_cast<double>(bar_width) * share);
  const bool has_color = style == ProgressStyle::kColored;
  return fmt::format("[{}{}{}{}] {}", has_color ? "\033[32m" : "", std::string(done, '#'),
                     has_color ? "\033[0m" : "", std::string(bar_width - done, '.'), line);
}

ProgressBar::ProgressBar(ProgressStyle style)
    : style_(style), start_(Clock::now()), last_(start_) {}

void ProgressBar::Show(const v1::Run& run) {
  TellReasons(run);
  if (style_ == ProgressStyle::kQuiet) return;
  TellStarts(run);
  if (!HasEnded(run)) Show(ProgressOf(run));
}

void ProgressBar::Show(const RunProgress& progress) {
  if (style_ == ProgressStyle::kQuiet) return;
  const Clock::time_point now = Clock::now();
  if (style_ == ProgressStyle::kLines) {
    if (now - last_ < kLineInterval) return;
    std::fputs((ProgressLine(progress, style_, 0) + "\n").c_str(), stderr);
  } else {
    if (now - start_ < kBarDelay || (has_bar_ && now - last_ < kBarInterval)) return;
    // One column stays free: a terminal may begin a new line after the last.
    const size_t width = SizeOf(STDERR_FILENO).columns - 1;
    std::fputs(("\r\033[K" + ProgressLine(progress, style_, width)).c_str(), stderr);
    has_bar_ = true;
  }
  last_ = now;
}

void ProgressBar::TellReasons(const v1::Run& run) {
  Tell("", run.state() == v1::RUN_STATE_STARTING && !run.reason().empty(), run.reason());
  for (const v1::OutputStatus& output : run.outputs()) {
    Tell(output.name(), output.state() == v1::OUTPUT_STATE_BLOCKED, output.reason());
  }
}

void ProgressBar::TellStarts(const v1::Run& run) {
  for (const v1::OutputStatus& output : run.outputs()) {
    if (!output.has_went_on_from()) continue;
    const auto [told, is_new] = went_on_from_.emplace(output.name(), output.went_on_from());
    if (!is_new && told->second == output.went_on_from()) continue;
    told->second = output.went_on_from();
    Clear();
    const std::string line =
        fmt::format("output {}: goes on from row {}.\n", output.name(), output.went_on_from());
    std::fputs(line.c_str(), stderr);
  }
}

void ProgressBar::Tell(const std::string& subject, bool is_in_trouble, const std::string& reason) {
  std::string& told = told_[subject];
  if (told == (is_in_trouble ? reason : "")) return;
  told = is_in_trouble ? reason : "";
  if (!is_in_trouble) return;  // that it goes on shows
  Clear();
  const std::string line =
      subject.empty() ? fmt::format("starting again: {}\n", reason)
                      : fmt::format("output {}: blocked, trying again: {}\n", subject, reason);
  std::fputs(line.c_str(), stderr);
}

void ProgressBar::Clear() {
  if (has_bar_) std::fputs("\r\033[K", stderr);
  has_bar_ = false;
}

}  // namespace throng
