#include "server/control/call_page.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <system_error>

namespace throng {
namespace {

constexpr size_t kSignalStackBytes = 64 << 10;

CallPage own_page;
std::atomic<CallPage*> the_page = &own_page;
std::atomic<bool> notes_crashes = false;
std::atomic<bool> tells_of_crashes = false;

// Read by signal handlers, so without construction; nullptr: the thread has made no call yet, or
// there are more threads than slots.
constinit thread_local CallSlot* slot_of_thread = nullptr;

int64_t NowMs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

CallSlot* TakeSlot() {
  for (CallSlot& slot : TheCallPage().slots) {
    int32_t expected = 0;
    if (slot.is_taken.compare_exchange_strong(expected, 1)) return &slot;
  }
  return nullptr;
}

// What a thread holds from its first call to its end.
class ThreadsSlot {
 public:
  ThreadsSlot() {
    slot_of_thread = TakeSlot();
    if (notes_crashes) GiveSignalStack();
  }
  ThreadsSlot(const ThreadsSlot&) = delete;
  ThreadsSlot& operator=(const ThreadsSlot&) = delete;
  ~ThreadsSlot() {
    if (signal_stack_ != nullptr) {
      stack_t none{};
      none.ss_flags = SS_DISABLE;
      sigaltstack(&none, nullptr);
    }
    if (slot_of_thread == nullptr) return;
    CallSlot* slot = slot_of_thread;
    slot_of_thread = nullptr;
    slot->caller = 0;
    slot->is_taken = 0;
  }

 private:
  void GiveSignalStack() {
    stack_t present{};
    // Sanitizers give their threads one.
    if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
    signal_stack_ = std::make_unique<char[]>(kSignalStackBytes);
    stack_t ours{};
    ours.ss_sp = signal_stack_.get();
    ours.ss_size = kSignalStackBytes;
    sigaltstack(&ours, nullptr);
  }

  std::unique_ptr<char[]> signal_stack_;
};

// Takes the thread's slot with its first call.
CallSlot* SlotOfThread() {
  if (slot_of_thread != nullptr) return slot_of_thread;
  static thread_local const ThreadsSlot kHolder;
  return slot_of_thread;
}

// The name that a caller stands for; whoever wrote it may be broken.
std::string_view NameOf(const CallPage& page, int32_t caller) {
  if (caller < 1 || caller > std::min<int32_t>(page.names_count, CallPage::kNames)) return "";
  const char* name = page.names[caller - 1];
  return {name, strnlen(name, CallPage::kNameBytes)};
}

// "SIGSEGV in choice `zipf` at row 4096.", without the heap, which may be what is broken.
void Tell(int signal, const CallSlot& slot) {
  const std::string_view name = NameOf(TheCallPage(), slot.caller);
  if (name.empty()) return;
  char text[256];
  const int64_t row = slot.row;
  const char* what = sigabbrev_np(signal);
  const auto written =
      row < 0 ? fmt::format_to_n(text, sizeof text, "SIG{} in {}.\n", what, name)
              : fmt::format_to_n(text, sizeof text, "SIG{} in {} at row {}.\n", what, name, row);
  (void)!write(STDERR_FILENO, text, std::min(written.size, sizeof text));
}

void OnCrash(int signal, siginfo_t* info, void* /*context*/) {
  // One sent by another process says nothing about the thread that it meets.
  if (slot_of_thread != nullptr && info->si_code != SI_USER) {
    CallPage& page = TheCallPage();
    int32_t none = 0;
    page.crashed_slot.compare_exchange_strong(
        none, 1 + static_cast<int32_t>(slot_of_thread - page.slots));
    if (tells_of_crashes) Tell(signal, *slot_of_thread);
  }
  raise(signal);  // whose default action holds again
}

// What a slot holds; an empty component: no call.
CallInfo CallIn(const CallPage& page, const CallSlot& slot, int64_t now_ms) {
  CallInfo call;
  if (slot.is_taken == 0) return call;
  call.component = NameOf(page, slot.caller.load(std::memory_order_acquire));
  call.row = slot.row;
  call.lasts_ms = std::max<int64_t>(0, now_ms - slot.since_ms);
  return call;
}

}  // namespace

std::vector<CallInfo> CallsIn(const CallPage& page) {
  const int64_t now_ms = NowMs(CLOCK_MONOTONIC);
  std::vector<CallInfo> calls;
  for (const CallSlot& slot : page.slots) {
    CallInfo call = CallIn(page, slot, now_ms);
    if (!call.component.empty()) calls.push_back(std::move(call));
  }
  std::stable_sort(calls.begin(), calls.end(),
                   [](const CallInfo& a, const CallInfo& b) { return a.lasts_ms > b.lasts_ms; });
  return calls;
}

CallInfo CulpritIn(const CallPage& page) {
  const int32_t crashed = page.crashed_slot;
  if (crashed > 0 && crashed <= CallPage::kSlots) {
    CallInfo call = CallIn(page, page.slots[crashed - 1], NowMs(CLOCK_MONOTONIC));
    return call.component.empty() ? CallInfo() : call;
  }
  std::vector<CallInfo> calls = CallsIn(page);
  return calls.empty() ? CallInfo() : std::move(calls.front());
}

absl::Status AttachCallPage(int fd) {
  if (fd < 0) {
    the_page = &own_page;
    return absl::OkStatus();
  }
  struct stat found {};
  void* memory = MAP_FAILED;
  if (fstat(fd, &found) == 0 && found.st_size >= static_cast<off_t>(sizeof(CallPage))) {
    memory = mmap(nullptr, sizeof(CallPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  if (memory == MAP_FAILED) {
    return absl::InvalidArgumentError(
        fmt::format("descriptor {} holds no page for calls of {} bytes.", fd, sizeof(CallPage)));
  }
  the_page = static_cast<CallPage*>(memory);
  return absl::OkStatus();
}

CallPage& TheCallPage() { return *the_page.load(std::memory_order_relaxed); }

int32_t CallerOf(std::string_view name) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  CallPage& page = TheCallPage();
  name = name.substr(0, CallPage::kNameBytes - 1);
  const int32_t count = page.names_count;
  for (int32_t caller = 1; caller <= count; ++caller) {
    if (NameOf(page, caller) == name) return caller;
  }
  if (count == CallPage::kNames) return count;
  std::copy(name.begin(), name.end(), page.names[count]);
  page.names_count = count + 1;
  return count + 1;
}

CallInfo CallOfThread() {
  if (slot_of_thread == nullptr) return {};
  return CallIn(TheCallPage(), *slot_of_thread, NowMs(CLOCK_MONOTONIC));
}

CallScope::CallScope(int32_t caller, int64_t row) {
  CallSlot* slot = SlotOfThread();
  if (slot == nullptr) return;
  slot->row.store(row, std::memory_order_relaxed);
  // The coarse clock is the same clock, some milliseconds late, at a third of the price.
  slot->since_ms.store(NowMs(CLOCK_MONOTONIC_COARSE), std::memory_order_relaxed);
  slot->caller.store(caller, std::memory_order_release);
}

CallScope::~CallScope() {
  if (slot_of_thread != nullptr) slot_of_thread->caller.store(0, std::memory_order_release);
}

void NoteCrashes(bool tells) {
  notes_crashes = true;
  tells_of_crashes = tells;
  struct sigaction action {};
  action.sa_sigaction = OnCrash;
  // Once: raised again, and in any other thread, the signal does what it does by default.
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace throng
