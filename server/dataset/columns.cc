#include "server/dataset/columns.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace throng {

Columns::Columns(size_t n, const std::vector<FurtherColumn>& further)
    : place(n),
      piece_row(n),
      piece_rows(n, 1),
      user(n),
      user_row(n),
      user_rows(n),
      run_row(n),
      run_rows(n, 1),
      session(n),
      session_row(n),
      session_rows(n, 1),
      time(n),
      item(n),
      kind(n),
      kind_row(n),
      rating(n) {
  for (const FurtherColumn& column : further) {
    widths_.push_back(column.width());
    further_.emplace_back(n * column.width());
  }
}

throng_batch Columns::At(size_t offset) {
  static constexpr int64_t kOneSegment[] = {0, INT64_MAX};
  throng_batch batch{};
  batch.struct_size = sizeof batch;
  batch.segments_count = 1;
  batch.segments = kOneSegment;
  batch.place = place.data() + offset;
  batch.piece_row = piece_row.data() + offset;
  batch.piece_rows = piece_rows.data() + offset;
  batch.user = user.data() + offset;
  batch.user_row = user_row.data() + offset;
  batch.user_rows = user_rows.data() + offset;
  batch.run_row = run_row.data() + offset;
  batch.run_rows = run_rows.data() + offset;
  batch.session = session.data() + offset;
  batch.session_row = session_row.data() + offset;
  batch.session_rows = session_rows.data() + offset;
  batch.time = time.data() + offset;
  batch.item = item.data() + offset;
  batch.kind = kind.data() + offset;
  batch.kind_row = kind_row.data() + offset;
  batch.rating = rating.data() + offset;
  return batch;
}

void Columns::Copy(const Columns& from, size_t from_offset, size_t n, size_t offset) {
  const auto copy = [&](const auto& source, auto* target) {
    std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(from_offset), n,
                target->begin() + static_cast<std::ptrdiff_t>(offset));
  };
  copy(from.place, &place);
  copy(from.user, &user);
  copy(from.user_row, &user_row);
  copy(from.user_rows, &user_rows);
  copy(from.run_row, &run_row);
  copy(from.run_rows, &run_rows);
  copy(from.session, &session);
  copy(from.session_row, &session_row);
  copy(from.session_rows, &session_rows);
  copy(from.time, &time);
  copy(from.item, &item);
  copy(from.kind, &kind);
  copy(from.kind_row, &kind_row);
  copy(from.rating, &rating);
  for (size_t i = 0; i < further_.size(); ++i) {
    std::copy_n(from.further_[i].begin() + static_cast<std::ptrdiff_t>(from_offset * widths_[i]),
                n * widths_[i],
                further_[i].begin() + static_cast<std::ptrdiff_t>(offset * widths_[i]));
  }
}

void Columns::SortByTime(size_t offset, size_t n) {
  SortTimes(std::span(time).subspan(offset, n));
  sorted_.resize(n);
  for (auto* column : {&place, &piece_row, &piece_rows, &user, &user_row, &user_rows, &run_row,
                       &run_rows, &session, &session_row, &session_rows}) {
    int64_t* const rows = column->data() + offset;
    for (size_t i = 0; i < n; ++i) sorted_[i] = rows[order_[i]];
    std::copy_n(sorted_.begin(), n, rows);
  }
  for (size_t column = 0; column < further_.size(); ++column) {
    const size_t width = widths_[column];
    std::byte* const rows = further_[column].data() + offset * width;
    sorted_further_.clear();
    for (const uint32_t row : order_) {
      sorted_further_.insert(sorted_further_.end(), rows + row * width, rows + (row + 1) * width);
    }
    std::copy(sorted_further_.begin(), sorted_further_.end(), rows);
  }
}

void Columns::SortTimes(std::span<int64_t> times) {
  const size_t n = times.size();
  order_.resize(n);
  if (n == 0) return;
  const auto [first, last] = std::minmax_element(times.begin(), times.end());
  const int64_t base = *first;
  const uint64_t range = static_cast<uint64_t>(*last) - static_cast<uint64_t>(base);
  const size_t row_bits = std::bit_width(n - 1);
  const size_t range_bits = std::bit_width(range);
  if (range_bits + row_bits > 64) return SortFarTimes(times);
  // A time and its row as one number, so that all differ, and their order is stable.
  keys_.resize(2 * n);
  const std::span<uint64_t> keys(keys_.data(), n);
  const std::span<uint64_t> sorted(keys_.data() + n, n);
  for (size_t row = 0; row < n; ++row) {
    keys[row] = (static_cast<uint64_t>(times[row]) - static_cast<uint64_t>(base)) << row_bits | row;
  }
  SortKeys(keys, range_bits, row_bits, sorted);
  const uint64_t row_mask = (uint64_t{1} << row_bits) - 1;
  for (size_t i = 0; i < n; ++i) {
    order_[i] = static_cast<uint32_t>(sorted[i] & row_mask);
    times[i] = base + static_cast<int64_t>(sorted[i] >> row_bits);
  }
}

// A counting sort into buckets of about one key each, and insertion, which then moves keys within
// their bucket only. Full buckets, of times that lie in clusters, are sorted by themselves.
void Columns::SortKeys(std::span<const uint64_t> keys, size_t shift, size_t bucket_bits,
                       std::span<uint64_t> sorted) {
  constexpr uint32_t kFew = 32;
  bucket_ends_.assign(size_t{1} << bucket_bits, 0);
  for (const uint64_t key : keys) ++bucket_ends_[key >> shift];
  uint32_t most = 0;
  uint32_t before = 0;
  for (uint32_t& end : bucket_ends_) {  // that begins there, until it is full
    most = std::max(most, end);
    before += std::exchange(end, before);
  }
  for (const uint64_t key : keys) sorted[bucket_ends_[key >> shift]++] = key;
  if (most > kFew) {
    uint32_t begin = 0;
    for (const uint32_t end : bucket_ends_) {
      if (end - begin > kFew) std::sort(sorted.begin() + begin, sorted.begin() + end);
      begin = end;
    }
  }
  for (size_t i = 1; i < sorted.size(); ++i) {
    const uint64_t key = sorted[i];
    size_t at = i;
    for (; at > 0 && sorted[at - 1] > key; --at) sorted[at] = sorted[at - 1];
    sorted[at] = key;
  }
}

// Times further from one another than any calendar's.
void Columns::SortFarTimes(std::span<int64_t> times) {
  std::iota(order_.begin(), order_.end(), 0U);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
  const std::vector<int64_t> unsorted(times.begin(), times.end());
  for (size_t i = 0; i < times.size(); ++i) times[i] = unsorted[order_[i]];
}

void FillSessionIds(int64_t first_row, int64_t plan_size, std::span<const int64_t> session,
                    int64_t* id) {
  int64_t row_in_epoch = first_row % plan_size;
  int64_t epoch_first = first_row - row_in_epoch;
  for (const int64_t own : session) {
    *id++ = epoch_first + own;
    if (++row_in_epoch < plan_size) continue;
    row_in_epoch = 0;
    epoch_first += plan_size;
  }
}

}  // namespace throng
