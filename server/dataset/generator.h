// One thread's instances of the four behaviours: rows -> columns.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/behaviour.h"
#include "server/dataset/block_cache.h"
#include "server/dataset/columns.h"
#include "server/dataset/order.h"
#include "server/dataset/segments.h"
#include "throng/plugin.h"

namespace throng {

// What generators are made for; outlives them.
struct GeneratorParameters {
  uint64_t seed = 0;
  int64_t plan_size = 0;
  const throng_world* world = nullptr;
  OrderParameters order;
  // By role: activity, clock, choice, rating.
  std::array<std::unique_ptr<ChosenBehaviour>, kBehaviours> behaviours;
};

// A mistake found while a behaviour was made.
struct RoleError {
  Role role;
  absl::Status status;
};

class Generator {
 public:
  // Rows that are filled at once: enough to pay for a call, few enough for the level-2 cache.
  static constexpr int64_t kBatchRows = 2048;

  // The errors of all four are collected, as far as they do not follow from one another. Where
  // behaviours wish for blocks, the generators of a walk share `blocks`, which also says what
  // further columns there are.
  static std::unique_ptr<Generator> Create(const GeneratorParameters& parameters,
                                           const Remark& remark, std::shared_ptr<BlockCache> blocks,
                                           std::vector<RoleError>* errors);

  // Whether the order goes with the behaviours.
  absl::Status CheckOrder() const;

  // Fills `rows` rows of the dataset from `first_row` on into `columns` from `offset` on. Fails
  // when a behaviour does or fills what no such column can hold, and OUT_OF_RANGE when event times
  // leave the years 1 to 9999.
  absl::Status Fill(int64_t first_row, int64_t rows, Columns* columns, size_t offset);

  // Fills the further columns of a side table for n users or items, by rank, from element 0 on.
  absl::Status FillSide(v1::Table table, const int64_t* rank, size_t n, Columns* columns);

  // Reasons for a choice, at least one, with their rows an epoch.
  const std::vector<KindRows>& kinds() const { return kinds_; }
  // The largest wish for blocks; 0: batches are of any rows.
  int64_t block_rows() const { return block_rows_; }
  // Whether some rows have no rating.
  bool leaves_out_ratings() const { return leaves_out_; }
  Behaviour& behaviour(size_t role) { return *behaviours_[role]; }

 private:
  Generator(const GeneratorParameters& parameters, std::shared_ptr<BlockCache> blocks);
  bool Make(size_t role, throng_dataset dataset, const Remark& remark,
            std::vector<RoleError>* errors);
  // The choice's kinds, into kinds_ and `dataset`, which borrows them.
  absl::Status TakeKinds(throng_dataset* dataset);
  absl::Status StartEpoch(int64_t epoch);
  // Fills rows of the current epoch, as many as lie together, and says how many those were.
  absl::StatusOr<int64_t> FillSome(int64_t epoch_row, int64_t rows, Columns* columns,
                                   size_t offset);
  // Fills session, session_row and session_rows, from what order and activity filled.
  void FillSessions(const throng_batch& batch) const;
  // Fills the rows of a range into `columns` from `offset` on.
  absl::Status FillRange(const SegmentRange& range, Columns* columns, size_t offset);
  absl::Status Check(size_t role, const throng_batch& batch) const;
  // Where a behaviour's further columns go, from element `offset` on; null if it has none. Valid
  // until the next call.
  void* const* FurtherOf(size_t role, Columns* columns, size_t offset);
  absl::Status CheckFurther(size_t role, size_t n, Columns* columns, size_t offset) const;

  const GeneratorParameters& parameters_;
  const std::shared_ptr<BlockCache> blocks_;
  std::vector<KindRows> kinds_;
  std::vector<throng_kind> kind_table_;  // of kinds_
  std::vector<const throng_kind*> kind_pointers_;
  std::unique_ptr<Behaviour> behaviours_[kBehaviours];
  std::array<uint64_t, 256> kind_rows_{};  // of kinds_
  Order order_;
  int64_t block_rows_ = 0;
  bool sorts_ = false;
  bool leaves_out_ = false;
  std::array<void*, kMostFurtherColumns> further_{};  // scratch

  // Of the epoch that was filled last.
  int64_t epoch_ = -1;
  Segments segments_;
};

}  // namespace throng
