// Whole blocks that threads share, so that none is computed twice although the units of a walk cut
// through them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/columns.h"

namespace throng {

class BlockCache {
 public:
  // Keeps the last `capacity` blocks that were asked for, at least: one more than there are
  // threads.
  explicit BlockCache(size_t capacity, std::vector<FurtherColumn> further = {});

  // The further columns that blocks have beside the others.
  const std::vector<FurtherColumn>& further() const { return further_; }

  // From now on keeps as many blocks as hold so many rows that follow one another, up to half a
  // million: those that threads may ask for before the last of them asks for the first.
  void Keep(int64_t rows);
  // How many were filled so far.
  int64_t filled() const;

  // The block that begins at a row of the dataset, of `rows` rows. Who asks for it first calls
  // `fill`; who asks meanwhile waits. A failure is everybody's who waited, and is not kept.
  absl::StatusOr<std::shared_ptr<const Columns>> Get(
      int64_t first_row, size_t rows, const std::function<absl::Status(Columns*)>& fill);

 private:
  struct Entry {
    int64_t first_row = 0;
    int64_t rows = 0;
    bool is_filled = false;
    absl::Status status;
    std::shared_ptr<Columns> columns;
  };

  // Columns of blocks that nobody reads any more.
  struct Spare {
    std::mutex mutex;
    std::vector<std::unique_ptr<Columns>> columns;
  };

  // Columns with room for `rows`, spare ones if there are any.
  std::shared_ptr<Columns> MakeRoom(size_t rows);

  const size_t capacity_;
  const std::vector<FurtherColumn> further_;
  const std::shared_ptr<Spare> spare_ = std::make_shared<Spare>();
  mutable std::mutex mutex_;
  std::condition_variable is_filled_;
  std::list<std::shared_ptr<Entry>> entries_;  // the last one asked for first
  int64_t rows_ = 0;                           // of all entries
  int64_t largest_ = 0;                        // of all that were asked for
  int64_t kept_rows_ = 0;
  int64_t filled_ = 0;
};

}  // namespace throng
