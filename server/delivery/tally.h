// The statistics of an output, or of a part of it: of rows as they pass, and of those that earlier
// processes delivered.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/dataset/statistics.h"
#include "server/delivery/encoder.h"
#include "server/delivery/table.h"
#include "server/host/instances.h"
#include "throng/v1/statistics.pb.h"

namespace throng {

class Tally {
 public:
  // Of the rows of `slice` in a table of interactions. Those below `position` are there already:
  // they are walked again in the background. Table and environment outlive this.
  Tally(const Table& table, const Environment& environment, const Slice& slice, int64_t position);
  ~Tally();
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  // Adds rows in order, those that pass a second time once, even if in other units. CANCELLED when
  // stopping.
  absl::Status Add(const EncodingWalk::Block& block);
  // Walks rows up to `position` that somebody else delivered. CANCELLED when stopping.
  absl::Status Pass(int64_t position);

  // Whether Finish returns at once.
  bool IsUpToDate() const { return rows_to_count_ == 0; }
  // Of all rows, once those of earlier processes are counted. CANCELLED when stopping.
  absl::StatusOr<v1::Statistics> Finish();

  // Of the rows so far, and how many of an earlier process are not among them yet. Any thread.
  struct Snapshot {
    v1::Statistics statistics;
    int64_t rows_to_count = 0;
  };
  Snapshot Peek() const;

 private:
  // Walks the rows of the slice in [from, to).
  absl::Status Count(int64_t from, int64_t to);

  const Table& table_;
  const Environment& environment_;
  const Slice slice_;
  int64_t counted_;  // the position up to which rows have passed
  mutable std::mutex mutex_;
  Statistics statistics_;
  std::atomic<int64_t> rows_to_count_ = 0;
  std::atomic<bool> is_abandoned_ = false;
  std::thread counting_;
  absl::Status counting_status_;
};

}  // namespace throng
