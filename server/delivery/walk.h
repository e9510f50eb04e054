// The walk: several threads encode the units of a slice, one reader takes them in row order, in
// bounded memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/host/instances.h"

namespace throng {

// One encoded unit.
struct Block {
  Unit unit;
  RecordBuffer records;
  std::vector<uint32_t> key_end;  // messages only, see throng_records
  std::vector<uint32_t> value_end;
  // Interactions only: what statistics and message times need of each row.
  std::vector<uint32_t> user;
  std::vector<uint32_t> item;
  std::vector<int32_t> rating;
  std::vector<int64_t> time;
};

class Walk {
 public:
  // Encodes a block's unit into it, replacing what it holds.
  using Encode = std::function<absl::Status(Block* block)>;
  // Makes one thread's Encode, on that thread.
  using MakeEncode = std::function<absl::StatusOr<Encode>()>;

  // Starts `threads` threads at `position`. The slice and what `make` refers to outlive this.
  Walk(const Slice& slice, int64_t unit_rows, int64_t position, int threads, MakeEncode make);
  ~Walk();
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // The next unit in row order, or nullptr at the end; valid until the next call of anything here.
  // The first error of a unit, or of making an Encode, comes in the unit's place and again.
  absl::StatusOr<const Block*> Next();

  // Goes on from another position; drops what was encoded ahead.
  void Rewind(int64_t position);

 private:
  enum class SlotState { kFree, kFilling, kReady };
  struct Slot {
    SlotState state = SlotState::kFree;
    uint64_t generation = 0;  // of the walk when its unit was taken
    Block block;
    absl::Status status;
  };

  void RunThread();
  // Takes the next unit, waiting for a free slot; nullptr when the walk is over.
  Slot* Take(std::unique_lock<std::mutex>* lock);
  void ReleaseCurrent();

  const Slice& slice_;
  const int64_t unit_rows_;
  const MakeEncode make_;

  std::mutex mutex_;
  std::condition_variable slot_is_free_;
  std::condition_variable slot_is_ready_;
  bool is_over_ = false;
  uint64_t generation_ = 0;
  int64_t position_;  // of the next unit to take
  size_t head_ = 0;   // slot that Next returns
  size_t tail_ = 0;   // slot that Take fills
  bool has_current_ = false;
  absl::Status failure_;  // of making an Encode
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::thread> threads_;
};

}  // namespace throng
