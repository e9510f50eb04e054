#include "server/daemon/event_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace throng {
namespace {

constexpr size_t kEventsPerRound = 64;

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Signals are for the main thread: a thread is born with those blocked that its maker blocks.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_.is_open()) Throw("epoll_create1");
  if (!wake_.is_open()) Throw("eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) Throw("epoll_ctl");
  const BlockedSignals blocked;
  thread_ = std::thread([this] { Run(); });
}

EventLoop::~EventLoop() {
  Post([this] { End(); });
  thread_.join();
}

void EventLoop::Post(Call call) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = posted_.empty();
    posted_.push_back(std::move(call));
  }
  if (!is_first || std::this_thread::get_id() == thread_.get_id()) return;
  const uint64_t one = 1;
  // It fails only when the counter is full, and then the loop wakes up as well.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void EventLoop::CallAt(Clock::time_point time, Call call) {
  Post([this, time, call = std::move(call)]() mutable { SetTimer(time, std::move(call)); });
}

EventLoop::WatchId EventLoop::Watch(int fd, uint32_t events, OnEvents on_events) {
  const WatchId id = ++last_id_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) Throw("epoll_ctl");
  watched_[id] = {fd, std::make_shared<const OnEvents>(std::move(on_events))};
  return id;
}

void EventLoop::Change(WatchId id, uint32_t events) {
  const auto found = watched_.find(id);
  if (found == watched_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void EventLoop::Unwatch(WatchId id) {
  const auto found = watched_.find(id);
  if (found == watched_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watched_.erase(found);
}

EventLoop::TimerId EventLoop::SetTimer(Clock::time_point time, Call call) {
  const TimerId id(time, ++last_id_);
  timers_.emplace(id, std::move(call));
  return id;
}

void EventLoop::CancelTimer(const TimerId& id) { timers_.erase(id); }

void EventLoop::End() { is_ending_ = true; }

void EventLoop::Run() {
  pthread_setname_np(pthread_self(), "supervisor");
  std::array<epoll_event, kEventsPerRound> events;
  for (;;) {
    if (!RunPosted() && is_ending_) return;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), TimeoutMs());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.u64 == 0) {
        uint64_t posts = 0;
        [[maybe_unused]] const ssize_t got = read(wake_.get(), &posts, sizeof posts);
        continue;
      }
      // Gone if an earlier event of this round had it unwatched; held, since it may unwatch itself.
      const auto found = watched_.find(event.data.u64);
      if (found == watched_.end()) continue;
      const std::shared_ptr<const OnEvents> on_events = found->second.on_events;
      (*on_events)(event.events);
    }
    RunTimers();
  }
}

int EventLoop::TimeoutMs() const {
  {
    const std::lock_guard lock(mutex_);
    if (!posted_.empty() || is_ending_) return 0;
  }
  if (timers_.empty()) return -1;
  const auto left = timers_.begin()->first.first - Clock::now();
  const int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000));
}

bool EventLoop::RunPosted() {
  std::vector<Call> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(posted_);
  }
  for (const Call& call : calls) call();
  return !calls.empty();
}

void EventLoop::RunTimers() {
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Call call = std::move(timers_.extract(timers_.begin()).mapped());
    call();
  }
}

}  // namespace throng
