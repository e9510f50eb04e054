// What an output is doing and how far it got, written by its walk and read by whoever reports it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace throng {

enum class OutputState { kStarting, kRunning, kBlocked, kPaused, kStopped, kSucceeded, kFailed };

// How long commits took, counted in buckets.
struct CommitTimes {
  // Upper bounds in seconds; what took longer is in one more bucket.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
  std::array<int64_t, kBounds.size() + 1> counts{};
  double seconds = 0;  // of all together

  void Add(double took) {
    const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), took);
    ++counts[static_cast<size_t>(bound - kBounds.begin())];
    seconds += took;
  }
};

struct OutputProgress {
  OutputState state = OutputState::kStarting;
  std::string reason;          // of kBlocked and kFailed: a sentence
  int64_t rows = 0;            // delivered since the output was first opened
  int64_t new_rows = 0;        // of these, by this process
  int64_t total_rows = 0;      // -1: without end
  int64_t bytes = 0;           // delivered by this process
  int64_t position = 0;        // committed
  int64_t committed_rows = 0;  // of the rows
  double asked_rate = 0;       // rows a second that the pace asks for; 0: none, or any
  // How far the time of the last row is behind the present, of a live output.
  std::optional<int64_t> lag_ms;
  int64_t retries = 0;       // of what was refused for a time, by this process
  CommitTimes commit_times;  // by this process
  std::optional<int64_t>
      went_on_from;  // the row that this process went on from, if it did not begin
};

class ProgressMonitor {
 public:
  // `on_change` hears of new states and positions, on the thread that changes them; may be empty.
  explicit ProgressMonitor(std::function<void()> on_change) : on_change_(std::move(on_change)) {}

  OutputProgress Read() const {
    const std::lock_guard lock(mutex_);
    return progress_;
  }
  void SetState(OutputState state, std::string reason = "") {
    Change([&](OutputProgress* p) {
      p->state = state;
      p->reason = std::move(reason);
      if (state == OutputState::kBlocked) ++p->retries;  // said before each new try
    });
  }
  template <class F>
  void Change(F&& change) {
    bool is_news = false;
    {
      const std::lock_guard lock(mutex_);
      const OutputState state = progress_.state;
      const int64_t position = progress_.position;
      change(&progress_);
      is_news = progress_.state != state || progress_.position != position;
    }
    if (is_news && on_change_) on_change_();
  }

 private:
  const std::function<void()> on_change_;
  mutable std::mutex mutex_;
  OutputProgress progress_;
};

}  // namespace throng
