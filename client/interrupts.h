// Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace throng {

// Takes these signals into a thread of its own. Before any other thread is started; once. A signal
// then ends the process at once with exit code 130, unless an InterruptGuard lives.
void WatchInterrupts();

// Gives the signals back to what is executed next.
void ForgetInterrupts();

// What still has to be done before a signal ends the process; an empty one takes it back. It may
// run while any other code is at work.
void SetLastWords(std::function<void()> last_words);

// While it lives the first signal calls `on_interrupt`, on a thread of its own; the next one ends
// the process at once. One at a time.
class InterruptGuard {
 public:
  explicit InterruptGuard(std::function<void()> on_interrupt);
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();  // waits for a call in progress

  bool IsInterrupted() const;
  // What the first signal does. False: it was not the first.
  bool Tell();

 private:
  enum class State { kWatching, kInterrupted, kEnded };

  const std::function<void()> on_interrupt_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kWatching;
  std::thread thread_;
};

}  // namespace throng
