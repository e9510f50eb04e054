#include "server/daemon/planning_queue.h"

#include <fmt/format.h>

#include "server/daemon/errors.h"
#include "server/daemon/worker_call.h"

namespace throng {

absl::StatusOr<PlanningQueue::Turn> PlanningQueue::Wait(const CallContext& context) {
  constexpr std::chrono::milliseconds kRetryDelay{1'000};
  std::unique_lock lock(mutex_);
  if (free_ == 0 && waiting_.size() >= static_cast<size_t>(room_)) {
    return WithRetryDelay(
        MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_PLANS",
                  fmt::format("{} calls wait to plan, and no more are allowed; try again once some "
                              "have been answered.",
                              room_)),
        kRetryDelay);
  }
  const uint64_t ticket = ++last_ticket_;
  waiting_.insert(ticket);
  const bool is_its_turn = changed_.wait_until(lock, context.cancelled, context.deadline, [&] {
    return free_ > 0 && *waiting_.begin() == ticket;
  });
  waiting_.erase(ticket);
  changed_.notify_all();  // who is next looks again
  if (!is_its_turn) return NotAwaited(context);
  --free_;
  return Turn(this);
}

void PlanningQueue::End() {
  const std::lock_guard lock(mutex_);
  ++free_;
  changed_.notify_all();
}

}  // namespace throng
