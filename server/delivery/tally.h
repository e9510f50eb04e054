// The statistics of an output and, where it is rolled, of the part at hand: of rows as they pass,
// and of those that earlier processes delivered.
//
// The writer hands over what it has delivered, and the threads that fill units count it: a unit
// that is dropped is never counted, and there is one set of counters however many threads there
// are.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/slice.h"
#include "server/dataset/statistics.h"
#include "server/delivery/table.h"
#include "server/host/instances.h"
#include "throng/v1/statistics.pb.h"
#include "throng/worker/v1/host_state.pb.h"

namespace throng {

class Tally {
 public:
  // Of the rows of `slice` in a table of interactions, and of those in `part` if there is one.
  // Those below `position`, which is in the part, are there already: what `stored` does not count
  // of them is walked again in the background, by so many threads. Table and environment outlive
  // this.
  Tally(const Table& table, const Environment& environment, const Slice& slice,
        const std::optional<Slice>& part, int64_t position, const worker::v1::Counts& stored,
        int threads);
  ~Tally();
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  // ---- Of the writer ----
  // Takes delivered rows in order, those that pass a second time once, even if in other units.
  // CANCELLED when stopping.
  absl::Status Add(const Unit& unit, SeenRows* rows);
  // Walks rows up to `position` that somebody else delivered. CANCELLED when stopping.
  absl::Status Pass(int64_t position);
  // Goes on with the next part, of which rows up to `position` are there already; as Pass.
  absl::Status BeginPart(int64_t position);

  // Whether FinishOutput or FinishPart returns at once.
  bool IsOutputCounted() const { return IsCounted(output_); }
  bool IsPartCounted() const { return IsCounted(part_); }
  // Of all rows, once those of earlier processes are counted. CANCELLED when stopping.
  absl::StatusOr<v1::Statistics> FinishOutput() { return Finish(output_); }
  absl::StatusOr<v1::Statistics> FinishPart() { return Finish(part_); }
  // What to go on with from `position`, if that is known and small.
  std::optional<worker::v1::Counts> CountsAt(int64_t position);

  // ---- Of any thread ----
  // Counts what was handed over, unless another thread does.
  void CountPending();
  // Of the rows so far, and how many of an earlier process are not among them yet.
  struct Snapshot {
    v1::Statistics statistics;
    int64_t rows_to_count = 0;
  };
  Snapshot Peek();

 private:
  struct Counted {
    Statistics statistics;
    int64_t rows_to_count = 0;
  };

  // Whose rows some are.
  struct Whose {
    bool output = true;
    bool part = true;
  };

  // Walks the rows of the slice in [from, to).
  absl::Status Walk(int64_t from, int64_t to, Whose whose);
  bool IsCounted(const std::optional<Counted>& counted) const;
  absl::StatusOr<v1::Statistics> Finish(const std::optional<Counted>& counted);
  // With mutex_ held:
  void Drain();
  void Count(const SeenRows& rows, Whose whose);

  const Table& table_;
  const Environment& environment_;
  const Slice slice_;
  const int threads_;
  int64_t passed_;  // the position up to which rows have passed; of the writer

  mutable std::mutex mutex_;  // of the counters; held while a few units are counted
  std::condition_variable changed_;
  std::optional<Counted> output_;
  std::optional<Counted> part_;
  absl::Status failure_;  // of counting
  bool is_abandoned_ = false;

  std::mutex pending_mutex_;  // taken last, and held for no time
  std::deque<SeenRows> pending_;
  std::vector<SeenRows> spare_;  // their memory, once they are counted

  std::thread earlier_;
};

}  // namespace throng
