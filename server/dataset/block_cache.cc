#include "server/dataset/block_cache.h"

#include <algorithm>
#include <utility>

namespace throng {

BlockCache::BlockCache(size_t capacity, std::vector<FurtherColumn> further)
    : capacity_(capacity), further_(std::move(further)) {
  spare_->columns.reserve(capacity);
}

std::shared_ptr<Columns> BlockCache::MakeRoom(size_t rows) {
  // The first and the last of the blocks of kept_rows_ may have but a row each of these.
  largest_ = std::max(largest_, static_cast<int64_t>(rows));
  while (entries_.size() >= capacity_ && entries_.back()->is_filled &&
         rows_ - entries_.back()->rows >= kept_rows_ + 2 * largest_) {
    rows_ -= entries_.back()->rows;
    entries_.pop_back();
  }
  std::unique_ptr<Columns> columns;
  {
    const std::lock_guard lock(spare_->mutex);
    if (!spare_->columns.empty()) {
      columns = std::move(spare_->columns.back());
      spare_->columns.pop_back();
    }
  }
  if (columns == nullptr || columns->capacity() < rows) {
    columns = std::make_unique<Columns>(rows, further_);
  }
  // Whoever lets go of it last hands it back, behind all that was read of it.
  const auto hand_back = [spare = spare_](Columns* unused) {
    std::unique_ptr<Columns> owned(unused);
    const std::lock_guard lock(spare->mutex);
    const bool has_room = spare->columns.size() < spare->columns.capacity();
    if (has_room) spare->columns.push_back(std::move(owned));
  };
  return {columns.release(), hand_back};
}

void BlockCache::Keep(int64_t rows) {
  constexpr int64_t kMostRows = 1 << 19;
  const std::lock_guard lock(mutex_);
  kept_rows_ = std::min(rows, kMostRows);
}

int64_t BlockCache::filled() const {
  const std::lock_guard lock(mutex_);
  return filled_;
}

absl::StatusOr<std::shared_ptr<const Columns>> BlockCache::Get(
    int64_t first_row, size_t rows, const std::function<absl::Status(Columns*)>& fill) {
  std::unique_lock lock(mutex_);
  const auto found = std::find_if(
      entries_.begin(), entries_.end(),
      [&](const std::shared_ptr<Entry>& entry) { return entry->first_row == first_row; });
  if (found != entries_.end()) {
    const std::shared_ptr<Entry> entry = *found;
    // Others may have gone on, and dropped it, before this thread wakes.
    const std::shared_ptr<const Columns> columns = entry->columns;
    entries_.splice(entries_.begin(), entries_, found);
    is_filled_.wait(lock, [&] { return entry->is_filled; });
    if (!entry->status.ok()) return entry->status;
    return columns;
  }
  const auto entry = std::make_shared<Entry>();
  entry->first_row = first_row;
  entry->rows = static_cast<int64_t>(rows);
  entry->columns = MakeRoom(rows);
  entries_.push_front(entry);
  rows_ += entry->rows;
  ++filled_;
  lock.unlock();
  absl::Status status = absl::ResourceExhaustedError("out of memory");
  const auto finish = [&] {
    lock.lock();
    entry->status = status;
    entry->is_filled = true;
    if (!status.ok() && entries_.remove(entry) > 0) rows_ -= entry->rows;
    is_filled_.notify_all();
  };
  try {
    status = fill(entry->columns.get());
  } catch (...) {
    finish();
    throw;
  }
  finish();
  if (!status.ok()) return status;
  return entry->columns;
}

}  // namespace throng
