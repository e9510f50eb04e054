#include "server/worker/call_page.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <mutex>
#include <new>

namespace throng {
namespace {

CallPage* page = nullptr;
std::mutex names_mutex;

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

constexpr size_t kSignalStackBytes = 64 << 10;
bool notes_crashes = false;

// A thread's slot and signal stack, from its first call of a plugin to its end.
class ThreadSlot {
 public:
  ThreadSlot() {
    CallPage& p = TheCallPage();
    for (int i = 0; i < CallPage::kSlots && index_ < 0; ++i) {
      int32_t free = 0;
      if (p.slots[i].is_taken.compare_exchange_strong(free, 1)) index_ = i;
    }
    if (index_ >= 0) p.slots[index_].caller = -1;
    if (!notes_crashes) return;
    stack_t stack{};
    stack.ss_sp = signal_stack_.data();
    stack.ss_size = signal_stack_.size();
    sigaltstack(&stack, nullptr);
  }
  ~ThreadSlot() {
    if (notes_crashes) {
      stack_t none{};
      none.ss_flags = SS_DISABLE;
      sigaltstack(&none, nullptr);
    }
    if (index_ >= 0) TheCallPage().slots[index_].is_taken = 0;
    index_ = -1;
  }
  ThreadSlot(const ThreadSlot&) = delete;
  ThreadSlot& operator=(const ThreadSlot&) = delete;
  int index() const { return index_; }

 private:
  int index_ = -1;  // -1: more threads than slots; their calls are not noted
  std::array<char, kSignalStackBytes> signal_stack_{};
};

// What a signal handler may read of the thread it hit.
thread_local int my_slot = -1;

CallSlot* MySlot() {
  thread_local ThreadSlot slot;
  my_slot = slot.index();
  return my_slot < 0 ? nullptr : &TheCallPage().slots[my_slot];
}

void OnCrash(int signal) {
  if (page != nullptr && my_slot >= 0) page->crashed_slot = 1 + my_slot;
  std::signal(signal, SIG_DFL);
  raise(signal);  // delivered when this returns
}

CallInfo InfoOf(const CallPage& p, const CallSlot& slot, int64_t now) {
  CallInfo info;
  const int32_t caller = slot.caller;
  if (slot.is_taken == 0 || caller < 0 || caller >= std::min(p.names_count.load(), p.kNames)) {
    return info;
  }
  const char* name = p.names[caller];
  info.component.assign(name, strnlen(name, CallPage::kNameBytes));
  info.row = slot.row;
  info.lasts_ms = std::max<int64_t>(0, now - slot.since_ms);
  return info;
}

}  // namespace

std::vector<CallInfo> CallsIn(const CallPage& p) {
  std::vector<CallInfo> calls;
  const int64_t now = NowMs();
  for (const CallSlot& slot : p.slots) {
    CallInfo info = InfoOf(p, slot, now);
    if (!info.component.empty()) calls.push_back(std::move(info));
  }
  std::stable_sort(calls.begin(), calls.end(),
                   [](const CallInfo& a, const CallInfo& b) { return a.lasts_ms > b.lasts_ms; });
  return calls;
}

CallInfo CulpritIn(const CallPage& p) {
  const int32_t crashed = p.crashed_slot;
  if (crashed > 0 && crashed <= CallPage::kSlots) {
    CallInfo info = InfoOf(p, p.slots[crashed - 1], NowMs());
    if (!info.component.empty()) return info;
  }
  std::vector<CallInfo> calls = CallsIn(p);
  return calls.empty() ? CallInfo{} : std::move(calls.front());
}

void AttachCallPage(int fd) {
  if (page != nullptr) return;
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = mmap(nullptr, sizeof(CallPage), PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  page = static_cast<CallPage*>(memory);  // all zero is a page without calls
}

CallPage& TheCallPage() {
  static std::once_flag once;
  std::call_once(once, [] { AttachCallPage(-1); });
  return *page;
}

int32_t CallerIndex(std::string_view name) {
  CallPage& p = TheCallPage();
  name = name.substr(0, CallPage::kNameBytes - 1);
  const std::lock_guard lock(names_mutex);
  const int32_t count = p.names_count;
  for (int32_t i = 0; i < count; ++i) {
    if (name == p.names[i]) return i;
  }
  if (count == CallPage::kNames) return count - 1;  // a wrong name, but only of the last ones
  name.copy(p.names[count], name.size());
  p.names_count = count + 1;
  return count;
}

CallScope::CallScope(int32_t caller, int64_t row) {
  CallSlot* slot = MySlot();
  if (slot == nullptr) return;
  slot->row.store(row, std::memory_order_relaxed);
  slot->since_ms.store(NowMs(), std::memory_order_relaxed);
  slot->caller.store(caller, std::memory_order_release);
}

CallScope::~CallScope() {
  if (my_slot >= 0) TheCallPage().slots[my_slot].caller.store(-1, std::memory_order_release);
}

void NoteCrashes() {
  notes_crashes = true;
  struct sigaction action {};
  action.sa_handler = OnCrash;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace throng
