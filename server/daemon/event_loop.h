// One thread that waits for descriptors, times and the calls of other threads, and otherwise
// sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/daemon/descriptor.h"

namespace throng {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Call = std::function<void()>;
  using OnEvents = std::function<void(uint32_t events)>;
  using WatchId = uint64_t;
  using TimerId = std::pair<Clock::time_point, uint64_t>;

  // Throws std::system_error when there are no descriptors or threads left.
  EventLoop();
  ~EventLoop();  // ends the thread; calls that are not due yet are dropped
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Calls once, soon, on the loop's thread, in the order of the posts. Any thread.
  void Post(Call call);
  // Calls once at the time, on the loop's thread. Any thread.
  void CallAt(Clock::time_point time, Call call);

  // ---- On the loop's thread only ----

  // Calls for each event of epoll(7) among `events` (0: errors and hang-ups only), until Unwatch.
  // An error is thrown as std::system_error.
  WatchId Watch(int fd, uint32_t events, OnEvents on_events);
  void Change(WatchId id, uint32_t events);
  // Before the descriptor is closed. Unknown ones are ignored.
  void Unwatch(WatchId id);
  // Events of one round come before its timers.
  TimerId SetTimer(Clock::time_point time, Call call);
  // Unknown ones, such as those that were called, are ignored.
  void CancelTimer(const TimerId& id);
  // Leaves the loop once all that was posted is done.
  void End();

 private:
  struct Watched {
    int fd = -1;
    std::shared_ptr<const OnEvents> on_events;
  };

  void Run();
  int TimeoutMs() const;
  bool RunPosted();
  void RunTimers();

  Descriptor epoll_;
  Descriptor wake_;  // eventfd: something was posted
  mutable std::mutex mutex_;
  std::vector<Call> posted_;
  // Of the loop's thread:
  bool is_ending_ = false;
  uint64_t last_id_ = 0;  // 0 is wake_'s
  std::unordered_map<WatchId, Watched> watched_;
  std::map<TimerId, Call> timers_;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace throng
