#include "server/delivery/walk.h"

#include <new>
#include <utility>

namespace throng {

Walk::Walk(const Slice& slice, int64_t unit_rows, int64_t position, int threads, MakeEncode make)
    : slice_(slice), unit_rows_(unit_rows), make_(std::move(make)), position_(position) {
  // One slot filling on each thread, one with the reader, and as many again ready in between.
  for (int i = 0; i < 2 * threads + 2; ++i) slots_.push_back(std::make_unique<Slot>());
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { RunThread(); });
}

Walk::~Walk() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  slot_is_free_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Walk::RunThread() {
  absl::StatusOr<Encode> encode = absl::ResourceExhaustedError("out of memory");
  try {
    encode = make_();
  } catch (const std::bad_alloc&) {
    // said already
  }
  std::unique_lock lock(mutex_);
  if (!encode.ok()) {
    failure_.Update(encode.status());
    slot_is_ready_.notify_all();
    return;
  }
  while (Slot* slot = Take(&lock)) {
    lock.unlock();
    absl::Status status = absl::ResourceExhaustedError("out of memory");
    try {
      status = (*encode)(&slot->block);
    } catch (const std::bad_alloc&) {
      // said already
    }
    lock.lock();
    if (slot->generation != generation_) {  // rewound meanwhile
      slot->state = SlotState::kFree;
      slot_is_free_.notify_all();
      slot_is_ready_.notify_all();  // the reader may wait to learn that this was the last
      continue;
    }
    slot->status = std::move(status);
    slot->state = SlotState::kReady;
    slot_is_ready_.notify_all();
  }
}

Walk::Slot* Walk::Take(std::unique_lock<std::mutex>* lock) {
  while (true) {
    if (is_over_) return nullptr;
    Slot& slot = *slots_[tail_];
    const auto unit = slice_.UnitAt(position_, unit_rows_);
    if (slot.state == SlotState::kFree && unit) {
      slot.state = SlotState::kFilling;
      slot.generation = generation_;
      slot.block.unit = *unit;
      position_ = unit->next;
      tail_ = (tail_ + 1) % slots_.size();
      return &slot;
    }
    slot_is_free_.wait(*lock);
  }
}

void Walk::ReleaseCurrent() {
  if (!std::exchange(has_current_, false)) return;
  slots_[head_]->state = SlotState::kFree;
  head_ = (head_ + 1) % slots_.size();
  slot_is_free_.notify_all();
}

absl::StatusOr<const Block*> Walk::Next() {
  std::unique_lock lock(mutex_);
  ReleaseCurrent();
  while (true) {
    if (!failure_.ok()) return failure_;
    Slot& slot = *slots_[head_];
    if (slot.state == SlotState::kReady) {
      if (!slot.status.ok()) return slot.status;
      has_current_ = true;
      return &slot.block;
    }
    if (slot.state == SlotState::kFree && !slice_.UnitAt(position_, unit_rows_)) return nullptr;
    slot_is_ready_.wait(lock);
  }
}

void Walk::Rewind(int64_t position) {
  const std::lock_guard lock(mutex_);
  ReleaseCurrent();
  ++generation_;
  position_ = position;
  // Blocks that are still being filled free themselves; the ring goes on behind them.
  for (const auto& slot : slots_) {
    if (slot->state == SlotState::kReady) slot->state = SlotState::kFree;
  }
  head_ = tail_;
  slot_is_free_.notify_all();
}

}  // namespace throng
