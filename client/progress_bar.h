// What a run that is waited for tells on stderr: a bar on a terminal, else a line every few
// seconds, and what happens in between.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "client/run_text.h"
#include "throng/v1/run.pb.h"

namespace throng {

enum class ProgressStyle {
  kQuiet,    // only what goes wrong
  kLines,    // a line every few seconds
  kBar,      // a bar that is drawn over itself
  kColored,  // the same, with colors
};

// Of stderr as it is, and NO_COLOR and TERM.
ProgressStyle ProgressStyleOf(bool is_quiet);

// One line without its newline: share, rows, rows a second, bytes, time left. A bar is as long as
// `width` columns allow, or is left out; a line that is wider still is cut.
std::string ProgressLine(const RunProgress& progress, ProgressStyle style, size_t width);

class ProgressBar {
 public:
  explicit ProgressBar(ProgressStyle style);
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // As often as one likes.
  void Show(const v1::Run& run);
  // Of work that is no run.
  void Show(const RunProgress& progress);
  // Takes the bar away, so that other lines can follow.
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  void TellReasons(const v1::Run& run);
  void TellStarts(const v1::Run& run);
  void Tell(const std::string& subject, bool is_in_trouble, const std::string& reason);

  const ProgressStyle style_;
  const Clock::time_point start_;
  Clock::time_point last_;  // when a bar or line was shown
  bool has_bar_ = false;
  std::map<std::string, std::string> told_;  // of the run ("") and its outputs: what troubles them
  std::map<std::string, int64_t> went_on_from_;  // of its outputs, as it was told
};

}  // namespace throng
