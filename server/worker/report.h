// What a run in the foreground tells on stderr: a progress bar on a terminal, else a line every few
// seconds, and what changes in between.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "server/control/plain_text.h"
#include "server/delivery/progress.h"

namespace throng {

// fmt::print, but that nobody can read it (a pipe whose reader went, a full disk) ends nothing, and
// that a terminal obeys nothing of it: sentences of plugins are in it.
template <class... Args>
void Say(std::FILE* stream, fmt::format_string<Args...> format, Args&&... args) {
  std::fputs(PlainLines(fmt::format(format, std::forward<Args>(args)...)).c_str(), stream);
}

class Reporter {
 public:
  // `names` are the outputs'. Quiet: nothing but warnings and errors.
  Reporter(std::vector<std::string> names, bool is_quiet);

  // Shows the outputs' progress, in the order of their names; as often as one likes.
  void Show(const std::vector<OutputProgress>& outputs);
  // Takes the bar away, so that other lines can follow.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string BarLine(const std::vector<OutputProgress>& outputs) const;

  const std::vector<std::string> names_;
  const bool is_quiet_;
  const bool is_terminal_;
  const Clock::time_point start_;
  Clock::time_point last_line_;
  bool has_bar_ = false;
  std::vector<std::string> reasons_;  // that were told
  std::vector<bool> has_told_start_;  // where it went on from
};

// "1.5 MB"
std::string ByteText(int64_t bytes);

}  // namespace throng
