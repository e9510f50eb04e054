#include "server/daemon/output_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/control/plain_text.h"

namespace throng {
namespace {

constexpr int64_t kLineCost = 64;  // of a line besides its bytes: time, level, source

}  // namespace

std::vector<std::string> OutputLines::Add(std::string_view bytes, Clock::time_point now) {
  std::vector<std::string> lines;
  Refill(now);
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    line_.append(piece.substr(0, kMostLineBytes - std::min(kMostLineBytes, line_.size())));
    line_bytes_ += piece.size();
    if (end == std::string_view::npos) break;
    TakeLine(&lines);
    bytes.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<std::string> OutputLines::End(Clock::time_point now) {
  std::vector<std::string> lines;
  Refill(now);
  if (line_bytes_ > 0) TakeLine(&lines);
  if (dropped_bytes_ > 0) TellDropped(&lines);
  return lines;
}

void OutputLines::TakeLine(std::vector<std::string>* lines) {
  const size_t bytes = std::exchange(line_bytes_, 0);
  std::string line = std::exchange(line_, {});
  if (is_dropping_ && budget_ >= kBurstBytes / 2) TellDropped(lines);
  const int64_t cost = static_cast<int64_t>(line.size()) + kLineCost;
  if (!is_dropping_ && cost > budget_) {
    is_dropping_ = true;
    lines->push_back(fmt::format("More than {} bytes a second come from {}; some are dropped.",
                                 kBytesPerSecond, source_));
  }
  if (is_dropping_) {
    dropped_bytes_ += static_cast<int64_t>(bytes) + 1;
    return;
  }
  budget_ -= cost;
  if (line.ends_with('\r')) line.pop_back();
  line = PlainText(line);
  if (bytes > kMostLineBytes) line += fmt::format(" ... ({} bytes)", bytes);
  lines->push_back(std::move(line));
}

void OutputLines::Refill(Clock::time_point now) {
  if (refilled_ == Clock::time_point()) refilled_ = now;
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - refilled_);
  // The remainder of a fraction of a millisecond waits for the next time.
  refilled_ += passed;
  const int64_t most_ms = kBurstBytes * 1000 / kBytesPerSecond;
  budget_ = std::min(kBurstBytes,
                     budget_ + std::min<int64_t>(passed.count(), most_ms) * kBytesPerSecond / 1000);
}

void OutputLines::TellDropped(std::vector<std::string>* lines) {
  lines->push_back(fmt::format("{} bytes from {} were dropped.", dropped_bytes_, source_));
  dropped_bytes_ = 0;
  is_dropping_ = false;
}

}  // namespace throng
