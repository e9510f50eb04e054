#include "server/dataset/slice.h"

#include <algorithm>

namespace throng {
namespace {

// floor(n * index / count) without overflow.
int64_t Share(int64_t n, int64_t index, int64_t count) {
  return static_cast<int64_t>(static_cast<__int128>(n) * index / count);
}

}  // namespace

Slice::Slice(int64_t from, int64_t to, const v1::Slice& slice, int64_t stride)
    : from_(from), to_(to), is_endless_(to == kEndless), stride_(stride) {
  if (slice.count() <= 1) return;
  if (slice.mode() == v1::SLICE_MODE_INTERLEAVED) {
    index_ = slice.index();
    count_ = slice.count();
    return;
  }
  const int64_t rows = to - from;
  from_ = from + Share(rows, slice.index(), slice.count());
  to_ = from + Share(rows, slice.index() + 1, slice.count());
}

int64_t Slice::NextFrom(int64_t row) const {
  row = std::clamp(row, from_, to_);
  const int64_t stride = row / stride_;
  const int64_t ahead = (index_ - stride % count_ + count_) % count_;
  return ahead == 0 ? row : std::min((stride + ahead) * stride_, to_);
}

int64_t Slice::RowsOfAllBelow(int64_t row) const {
  const int64_t period = stride_ * count_;
  return row / period * stride_ + std::clamp(row % period - index_ * stride_, int64_t{0}, stride_);
}

int64_t Slice::RowsBelow(int64_t position) const {
  return RowsOfAllBelow(std::clamp(position, from_, to_)) - RowsOfAllBelow(from_);
}

Slice Slice::Part(int64_t part, int64_t rows) const {
  const auto position_after = [this](int64_t n) {  // of the slice's rows
    const int64_t all = RowsOfAllBelow(from_) + n;
    return std::min((all / stride_ * count_ + index_) * stride_ + all % stride_, to_);
  };
  Slice piece = *this;
  piece.is_endless_ = false;
  piece.from_ = position_after(part * rows);
  piece.to_ = position_after((part + 1) * rows);
  return piece;
}

Slice Slice::Below(int64_t row) const {
  Slice rest = *this;
  rest.to_ = std::min(to_, row);
  rest.from_ = std::min(from_, rest.to_);
  return rest;
}

std::optional<Unit> Slice::UnitAt(int64_t position, int64_t unit_rows) const {
  const int64_t first = NextFrom(position);
  if (first >= to_) return std::nullopt;
  int64_t end = std::min(to_, (first / unit_rows + 1) * unit_rows);
  if (count_ > 1) end = std::min(end, (first / stride_ + 1) * stride_);
  return Unit{first, static_cast<uint32_t>(end - first), NextFrom(end)};
}

}  // namespace throng
