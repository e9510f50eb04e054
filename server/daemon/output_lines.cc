#include "server/daemon/output_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace throng {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr int64_t kLineCost = 64;  // of a line besides its bytes: time, level, source

// Bytes of the well-formed character (Unicode, table 3-7) that `text` begins with; 0: none does.
size_t CharacterBytes(std::string_view text) {
  const auto at = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_tail = [at](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned least = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned most = first == 0xED ? 0x9F : 0xBF;
    return at(1) >= least && at(1) <= most && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned least = first == 0xF0 ? 0x90 : 0x80;
    const unsigned most = first == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= least && at(1) <= most && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string PlainText(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    size_t bytes = CharacterBytes(text);
    if (first == '\t') {
      plain += ' ';
    } else if (first < 0x20 || first == 0x7F || bytes == 0 ||
               (first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0)) {  // C1 controls
      plain += kReplacement;
      bytes = std::max<size_t>(bytes, 1);
    } else {
      plain += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return plain;
}

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
