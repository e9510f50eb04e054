// A thread a call: to start one costs microseconds, the calls wait for processes.
#include "server/daemon/call_threads.h"

#include <system_error>
#include <thread>
#include <utility>

namespace throng {

CallThreads::~CallThreads() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return calls_ == 0; });
}

bool CallThreads::Start(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    if (calls_ == most_) return false;
    ++calls_;
  }
  try {
    std::thread([this, call = std::move(call)]() mutable {
      call();
      call = nullptr;  // before this is said to have ended
      End();
    }).detach();
    return true;
  } catch (const std::system_error&) {  // the system has no more
    End();
    return false;
  }
}

void CallThreads::End() {
  const std::lock_guard lock(mutex_);
  --calls_;
  ended_.notify_all();  // within the lock: after it this may be gone
}

}  // namespace throng
