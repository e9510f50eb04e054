// Threads for calls that block, so that gRPC's own never do.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

namespace throng {

class CallThreads {
 public:
  // At most `most` calls at a time.
  explicit CallThreads(int most) : most_(most) {}
  // Waits until all calls have returned.
  ~CallThreads();
  CallThreads(const CallThreads&) = delete;
  CallThreads& operator=(const CallThreads&) = delete;

  // Runs `call` on a thread of its own; false: there are too many. Any thread.
  bool Start(std::function<void()> call);

 private:
  void End();

  const int most_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int calls_ = 0;
};

}  // namespace throng
