#include "server/dataset/block_cache.h"

#include <algorithm>
#include <utility>

namespace throng {

std::shared_ptr<Columns> BlockCache::MakeRoom(size_t rows) {
  std::shared_ptr<Columns> columns;
  while (entries_.size() >= capacity_ && entries_.back()->is_filled) {
    if (columns == nullptr) columns = std::move(entries_.back()->columns);
    entries_.pop_back();
  }
  if (columns != nullptr && columns.use_count() == 1 && columns->capacity() >= rows) return columns;
  return std::make_shared<Columns>(rows, further_);
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
    filled_.wait(lock, [&] { return entry->is_filled; });
    if (!entry->status.ok()) return entry->status;
    return columns;
  }
  const auto entry = std::make_shared<Entry>();
  entry->first_row = first_row;
  entry->columns = MakeRoom(rows);
  entries_.push_front(entry);
  lock.unlock();
  absl::Status status = absl::ResourceExhaustedError("out of memory");
  const auto finish = [&] {
    lock.lock();
    entry->status = status;
    entry->is_filled = true;
    if (!status.ok()) entries_.remove(entry);
    filled_.notify_all();
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
