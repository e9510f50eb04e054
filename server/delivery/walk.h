// The walk: several threads fill the units of a slice, one reader takes them in row order, in
// bounded memory.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"

namespace throng {

// The threads and the order of a walk, whatever is filled: a ring of slots that it only numbers.
class WalkRing {
 public:
  // Fills a slot with a unit, replacing what it holds.
  using Fill = std::function<absl::Status(size_t slot, const Unit& unit)>;
  // Makes one thread's Fill, on that thread.
  using MakeFill = std::function<absl::StatusOr<Fill>()>;

  // Starts `threads` threads at `position`. The slice and what `make` refers to outlive this.
  WalkRing(const Slice& slice, int64_t unit_rows, int64_t position, int threads, MakeFill make);
  ~WalkRing();
  WalkRing(const WalkRing&) = delete;
  WalkRing& operator=(const WalkRing&) = delete;

  // Of a walk of so many threads: one slot filling on each, one with the reader, and as many again
  // ready in between.
  static size_t Slots(int threads) { return 2 * static_cast<size_t>(threads) + 2; }

  // The span of rows that its threads may ask for between two of them that meet at a row: each of
  // them may be all slots ahead of the slowest.
  static int64_t Span(int threads, int64_t unit_rows) {
    return 2 * static_cast<int64_t>(Slots(threads)) * unit_rows;
  }

  // As Walk's; the slot of the next unit, or nothing at the end.
  absl::StatusOr<std::optional<size_t>> Next();
  void Rewind(int64_t position, int64_t unit_rows);

 private:
  enum class SlotState { kFree, kFilling, kReady };
  struct Slot {
    SlotState state = SlotState::kFree;
    uint64_t generation = 0;  // of the walk when its unit was taken
    Unit unit;
    absl::Status status;
  };

  void RunThread();
  // Takes the next unit, waiting for a free slot; its number, or nothing when the walk is over.
  std::optional<size_t> Take(std::unique_lock<std::mutex>* lock);
  void ReleaseCurrent();

  const Slice& slice_;
  const MakeFill make_;

  std::mutex mutex_;
  std::condition_variable slot_is_free_;
  std::condition_variable slot_is_ready_;
  bool is_over_ = false;
  uint64_t generation_ = 0;
  int64_t unit_rows_;
  int64_t position_;  // of the next unit to take
  size_t head_ = 0;   // slot that Next returns
  size_t tail_ = 0;   // slot that Take fills
  bool has_current_ = false;
  absl::Status failure_;  // of making a Fill
  std::vector<Slot> slots_;
  std::vector<std::thread> threads_;
};

// What the filling threads hand to the reader is a Payload, beside the unit that it was made of.
template <class Payload>
class Walk {
 public:
  struct Block {
    Unit unit;
    Payload payload;
  };
  // Fills `payload` with the unit, replacing what it holds.
  using Fill = std::function<absl::Status(const Unit& unit, Payload* payload)>;
  // Makes one thread's Fill, on that thread.
  using MakeFill = std::function<absl::StatusOr<Fill>()>;

  // Starts `threads` threads at `position`. The slice and what `make` refers to outlive this.
  Walk(const Slice& slice, int64_t unit_rows, int64_t position, int threads, MakeFill make)
      : blocks_(WalkRing::Slots(threads)),
        ring_(slice, unit_rows, position, threads, InSlots(std::move(make))) {}
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // The next unit in row order, or nullptr at the end; valid until the next call of anything here.
  // The first error of a unit, or of making a Fill, comes in the unit's place and again. What is
  // taken out of it, the next Fill need not replace.
  absl::StatusOr<Block*> Next() {
    const auto slot = ring_.Next();
    if (!slot.ok()) return slot.status();
    return *slot ? &blocks_[**slot] : nullptr;
  }

  // Goes on from another position, in units of so many rows; drops what was filled ahead.
  void Rewind(int64_t position, int64_t unit_rows) { ring_.Rewind(position, unit_rows); }

 private:
  WalkRing::MakeFill InSlots(MakeFill make) {
    return [this, make = std::move(make)]() -> absl::StatusOr<WalkRing::Fill> {
      auto fill = make();
      if (!fill.ok()) return fill.status();
      return [this, fill = *std::move(fill)](size_t slot, const Unit& unit) {
        blocks_[slot].unit = unit;
        return fill(unit, &blocks_[slot].payload);
      };
    };
  }

  std::vector<Block> blocks_;
  WalkRing ring_;  // its threads end before the blocks do
};

}  // namespace throng
