#include "server/dataset/columns.h"

#include <algorithm>
#include <numeric>

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
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), static_cast<uint32_t>(offset));
  std::stable_sort(order_.begin(), order_.end(),
                   [this](uint32_t a, uint32_t b) { return time[a] < time[b]; });
  sorted_.resize(n);
  for (auto* column : {&place, &piece_row, &piece_rows, &user, &user_row, &user_rows, &run_row,
                       &run_rows, &session, &session_row, &session_rows, &time}) {
    for (size_t i = 0; i < n; ++i) sorted_[i] = (*column)[order_[i]];
    std::copy(sorted_.begin(), sorted_.end(),
              column->begin() + static_cast<std::ptrdiff_t>(offset));
  }
  for (size_t column = 0; column < further_.size(); ++column) {
    const size_t width = widths_[column];
    const auto element = [&](size_t row) {
      return further_[column].begin() + static_cast<std::ptrdiff_t>(row * width);
    };
    sorted_further_.clear();
    for (const uint32_t row : order_) {
      sorted_further_.insert(sorted_further_.end(), element(row), element(row + 1));
    }
    std::copy(sorted_further_.begin(), sorted_further_.end(), element(offset));
  }
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
