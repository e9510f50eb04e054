// Who is in which call of a plugin, in memory that worker and daemon share, so that it is known
// however the worker dies. The worker writes, one slot a thread; the daemon reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace throng {

struct CallSlot {
  std::atomic<int32_t> is_taken;
  std::atomic<int32_t> caller;    // index into names, -1: in no call
  std::atomic<int64_t> row;       // first of the block at hand, -1: none
  std::atomic<int64_t> since_ms;  // CLOCK_MONOTONIC
};

// What the memory holds; all zero before the worker attaches.
struct CallPage {
  static constexpr int kSlots = 512;
  static constexpr int kNames = 64;
  static constexpr int kNameBytes = 96;

  std::atomic<int32_t> names_count;
  std::atomic<int32_t> crashed_slot;      // 1 + slot of the thread that a signal hit; 0: none
  std::atomic<int32_t> is_out_of_memory;  // the worker ended itself, above its memory limit
  char names[kNames][kNameBytes];         // "choice `zipf`", NUL-terminated; written before counted
  CallSlot slots[kSlots];
};
static_assert(std::atomic<int64_t>::is_always_lock_free);

// A call as somebody else sees it.
struct CallInfo {
  std::string component;
  int64_t row = -1;
  int64_t lasts_ms = 0;
};

// The calls in progress, longest first.
std::vector<CallInfo> CallsIn(const CallPage& page);
// The call of the thread that crashed, else the longest; nothing in a call: an empty component.
CallInfo CulpritIn(const CallPage& page);

// ---- The worker's side ----

// Uses the shared page that descriptor `fd` names, or, without one (-1), memory of this process.
void AttachCallPage(int fd);
CallPage& TheCallPage();

// Index of a name, added if it is new.
int32_t CallerIndex(std::string_view name);

// Notes a call for as long as it lives.
class CallScope {
 public:
  CallScope(int32_t caller, int64_t row);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;
};

// On SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT notes the thread's slot, then lets the signal do
// what it does. Threads that call plugins get a signal stack of their own with their first call.
void NoteCrashes();

}  // namespace throng
