#include "client/interrupts.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "client/exit_code.h"

namespace throng {
namespace {

struct Watch {
  std::mutex mutex;
  InterruptGuard* guard = nullptr;
  std::function<void()> last_words;
};

// Never destroyed: the signals' thread outlives main.
Watch& TheWatch() {
  static Watch& watch = *new Watch;
  return watch;
}

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);  // else nohup has us outlive it
  return signals;
}

void OnSignal() {
  Watch& watch = TheWatch();
  const std::lock_guard lock(watch.mutex);
  if (watch.guard != nullptr && watch.guard->Tell()) return;
  if (watch.last_words) watch.last_words();
  _exit(kInterrupted);
}

}  // namespace

void WatchInterrupts() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    for (;;) {
      int signal = 0;
      if (sigwait(&signals, &signal) == 0) OnSignal();
    }
  }).detach();
}

void ForgetInterrupts() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

void SetLastWords(std::function<void()> last_words) {
  const std::lock_guard lock(TheWatch().mutex);
  TheWatch().last_words = std::move(last_words);
}

InterruptGuard::InterruptGuard(std::function<void()> on_interrupt)
    : on_interrupt_(std::move(on_interrupt)), thread_([this] {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [this] { return state_ != State::kWatching; });
          if (state_ == State::kEnded) return;
        }
        on_interrupt_();
      }) {
  const std::lock_guard lock(TheWatch().mutex);
  TheWatch().guard = this;
}

InterruptGuard::~InterruptGuard() {
  {
    const std::lock_guard lock(TheWatch().mutex);
    TheWatch().guard = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kWatching) state_ = State::kEnded;
    changed_.notify_all();
  }
  thread_.join();
}

bool InterruptGuard::IsInterrupted() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kInterrupted;
}

bool InterruptGuard::Tell() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kWatching) return false;
  state_ = State::kInterrupted;
  changed_.notify_all();
  return true;
}

}  // namespace throng
