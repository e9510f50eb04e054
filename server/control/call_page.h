// Who is in which call of a plugin, in memory that worker and daemon share, so that it is known
// however the worker dies. The worker writes, one slot a thread; the daemon reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace throng {

struct CallSlot {
  std::atomic<int32_t> is_taken;
  std::atomic<int32_t> caller;    // 1 + index into names, 0: in no call
  std::atomic<int64_t> row;       // first of the block at hand, -1: none
  std::atomic<int64_t> since_ms;  // CLOCK_MONOTONIC
};

// What the memory holds; all zero before the worker attaches.
struct CallPage {
  static constexpr int kSlots = 512;
  static constexpr int kNames = 256;
  static constexpr int kNameBytes = 96;

  std::atomic<int32_t> names_count;
  std::atomic<int32_t> crashed_slot;      // 1 + slot of the thread that crashed; 0: none is known
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
// The call of the thread that crashed, or the longest if none is known to have; an empty component
// if that is no call.
CallInfo CulpritIn(const CallPage& page);

// ---- The worker's side ----

// Uses the shared page that descriptor `fd` names, or, without one (-1), memory of this process.
// Before the first call is noted. INVALID_ARGUMENT: the descriptor holds no such page.
absl::Status AttachCallPage(int fd);
CallPage& TheCallPage();

// What stands for a name in a slot. The name is added if it is new, and cut to what fits; beyond
// kNames all new ones are called after the last. Any thread.
int32_t CallerOf(std::string_view name);

// The call that this thread is in; an empty component: none.
CallInfo CallOfThread();

// Notes a call for as long as it lives; they do not nest. Costs some nanoseconds.
class CallScope {
 public:
  CallScope(int32_t caller, int64_t row);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;
};

// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT note the slot of the thread that caused
// them, and then do what they do. Threads that call plugins get a signal stack of their own with
// their first call, so that this holds for a stack that is full as well. `tells`: they say so on
// standard error, for people.
void NoteCrashes(bool tells = false);

}  // namespace throng
