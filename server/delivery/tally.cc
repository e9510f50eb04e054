#include "server/delivery/tally.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace throng {
namespace {

constexpr int64_t kUnitRows = 16'384;

}  // namespace

Tally::Tally(const Table& table, const Environment& environment, const Slice& slice,
             int64_t position)
    : table_(table),
      environment_(environment),
      slice_(slice),
      counted_(position),
      statistics_(table.plan().world()),
      rows_to_count_(slice.RowsBelow(position)) {
  if (IsUpToDate()) return;
  counting_ = std::thread([this, position] { counting_status_ = Count(slice_.first(), position); });
}

Tally::~Tally() {
  is_abandoned_ = true;
  if (counting_.joinable()) counting_.join();
}

absl::Status Tally::Add(const EncodingWalk::Block& block) {
  if (block.unit.next <= counted_) return absl::OkStatus();
  if (block.unit.first < counted_) return Pass(block.unit.next);
  const std::lock_guard lock(mutex_);
  const Encoded& rows = block.payload;
  statistics_.Add(rows.user, rows.item, rows.rating, rows.time);
  counted_ = block.unit.next;
  return absl::OkStatus();
}

absl::Status Tally::Pass(int64_t position) {
  const int64_t from = std::exchange(counted_, position);
  rows_to_count_ += slice_.RowsBelow(position) - slice_.RowsBelow(from);
  return Count(from, position);
}

absl::StatusOr<v1::Statistics> Tally::Finish() {
  if (counting_.joinable()) counting_.join();
  if (!counting_status_.ok()) return counting_status_;
  return Peek().statistics;
}

Tally::Snapshot Tally::Peek() const {
  const std::lock_guard lock(mutex_);
  return {statistics_.Derive(), rows_to_count_};
}

absl::Status Tally::Count(int64_t from, int64_t to) {
  auto rows = TableRows::Create(table_, static_cast<size_t>(kUnitRows));
  if (!rows.ok()) return rows.status();
  std::vector<uint32_t> user;
  std::vector<uint32_t> item;
  for (int64_t position = from; position < to;) {
    if (is_abandoned_ || environment_.IsStopping()) {
      return absl::CancelledError("stopped while counting");
    }
    const auto unit = slice_.UnitAt(position, kUnitRows);
    const auto n = static_cast<uint32_t>(std::min<int64_t>(unit->rows, to - unit->first));
    if (absl::Status status = (*rows)->Fill(unit->first, n); !status.ok()) return status;
    const Columns& columns = (*rows)->interactions();
    user.assign(columns.user.begin(), columns.user.begin() + n);
    item.assign(columns.item.begin(), columns.item.begin() + n);
    const std::lock_guard lock(mutex_);
    statistics_.Add(user, item, {columns.rating.data(), n}, {columns.time.data(), n});
    rows_to_count_ -= n;
    position = unit->next;
  }
  return absl::OkStatus();
}

}  // namespace throng
