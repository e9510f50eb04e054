#include "server/delivery/walk.h"

#include <new>
#include <utility>

namespace throng {

WalkRing::WalkRing(const Slice& slice, int64_t unit_rows, int64_t position, int threads,
                   MakeFill make)
    : slice_(slice),
      make_(std::move(make)),
      unit_rows_(unit_rows),
      position_(position),
      slots_(Slots(threads)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { RunThread(); });
}

WalkRing::~WalkRing() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  slot_is_free_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WalkRing::RunThread() {
  absl::StatusOr<Fill> fill = absl::ResourceExhaustedError("out of memory");
  try {
    fill = make_();
  } catch (const std::bad_alloc&) {
    // said already
  }
  std::unique_lock lock(mutex_);
  if (!fill.ok()) {
    failure_.Update(fill.status());
    slot_is_ready_.notify_all();
    return;
  }
  while (const std::optional<size_t> taken = Take(&lock)) {
    Slot& slot = slots_[*taken];
    lock.unlock();
    absl::Status status = absl::ResourceExhaustedError("out of memory");
    try {
      status = (*fill)(*taken, slot.unit);
    } catch (const std::bad_alloc&) {
      // said already
    }
    lock.lock();
    if (slot.generation != generation_) {  // rewound meanwhile
      slot.state = SlotState::kFree;
      slot_is_free_.notify_all();
      slot_is_ready_.notify_all();  // the reader may wait to learn that this was the last
      continue;
    }
    slot.status = std::move(status);
    slot.state = SlotState::kReady;
    slot_is_ready_.notify_all();
  }
}

std::optional<size_t> WalkRing::Take(std::unique_lock<std::mutex>* lock) {
  while (true) {
    if (is_over_) return std::nullopt;
    Slot& slot = slots_[tail_];
    const auto unit = slice_.UnitAt(position_, unit_rows_);
    if (slot.state == SlotState::kFree && unit) {
      slot.state = SlotState::kFilling;
      slot.generation = generation_;
      slot.unit = *unit;
      position_ = unit->next;
      return std::exchange(tail_, (tail_ + 1) % slots_.size());
    }
    slot_is_free_.wait(*lock);
  }
}

void WalkRing::ReleaseCurrent() {
  if (!std::exchange(has_current_, false)) return;
  slots_[head_].state = SlotState::kFree;
  head_ = (head_ + 1) % slots_.size();
  slot_is_free_.notify_all();
}

absl::StatusOr<std::optional<size_t>> WalkRing::Next() {
  std::unique_lock lock(mutex_);
  ReleaseCurrent();
  while (true) {
    if (!failure_.ok()) return failure_;
    Slot& slot = slots_[head_];
    if (slot.state == SlotState::kReady) {
      if (!slot.status.ok()) return slot.status;
      has_current_ = true;
      return head_;
    }
    if (slot.state == SlotState::kFree && !slice_.UnitAt(position_, unit_rows_)) {
      return std::nullopt;
    }
    slot_is_ready_.wait(lock);
  }
}

void WalkRing::Rewind(int64_t position, int64_t unit_rows) {
  const std::lock_guard lock(mutex_);
  ReleaseCurrent();
  ++generation_;
  unit_rows_ = unit_rows;
  position_ = position;
  // Blocks that are still being filled free themselves; the ring goes on behind them.
  for (Slot& slot : slots_) {
    if (slot.state == SlotState::kReady) slot.state = SlotState::kFree;
  }
  head_ = tail_;
  slot_is_free_.notify_all();
}

}  // namespace throng
