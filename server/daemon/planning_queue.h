// Calls that plan take turns: each plan is a process that works as hard as it can.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "server/daemon/call_context.h"

namespace throng {

// All functions: any thread.
class PlanningQueue {
 public:
  // `at_once` plan at a time, and `waiting` wait for their turns.
  PlanningQueue(int at_once, int waiting) : free_(at_once), room_(waiting) {}

  // Ends when it goes. The queue outlives it.
  class Turn {
   public:
    explicit Turn(PlanningQueue* queue) : queue_(queue) {}
    ~Turn() {
      if (queue_ != nullptr) queue_->End();
    }
    Turn(Turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;

   private:
    PlanningQueue* queue_;
  };

  // Waits for a turn, first come, first served. RESOURCE_EXHAUSTED with a RetryInfo: too many wait
  // already; as NotAwaited: the caller does not wait any longer.
  absl::StatusOr<Turn> Wait(const CallContext& context);

 private:
  void End();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  int free_;
  const int room_;
  uint64_t last_ticket_ = 0;
  std::set<uint64_t> waiting_;  // their tickets
};

}  // namespace throng
