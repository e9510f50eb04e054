// What a worker writes to its standard output or standard error, as lines for its run's log:
// printable, cut, and not more than anybody would read.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

class OutputLines {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kMostLineBytes = 4096;    // what follows is cut
  static constexpr int64_t kBurstBytes = 64 << 10;  // taken at once
  static constexpr int64_t kBytesPerSecond = 16 << 10;

  // `source`: for sentences, as "stderr".
  explicit OutputLines(std::string source) : source_(std::move(source)) {}

  // The lines that bytes, as they come, complete. Beyond the limits lines are dropped, and a line
  // says so when that begins, another how many bytes it were when it ends.
  std::vector<std::string> Add(std::string_view bytes, Clock::time_point now);
  // Nothing comes any more: what is left.
  std::vector<std::string> End(Clock::time_point now);

 private:
  void TakeLine(std::vector<std::string>* lines);
  void Refill(Clock::time_point now);
  void TellDropped(std::vector<std::string>* lines);

  const std::string source_;
  std::string line_;       // begun
  size_t line_bytes_ = 0;  // of it, including what was cut
  int64_t budget_ = kBurstBytes;
  Clock::time_point refilled_;
  bool is_dropping_ = false;
  int64_t dropped_bytes_ = 0;
};

}  // namespace throng
