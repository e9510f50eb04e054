// Which rows an output walks: a range of a table, a slice of it, and the units they are cut into.
#pragma once

#include <cstdint>
#include <optional>

#include "throng/v1/spec.pb.h"

namespace throng {

// Rows in a row that are encoded, written and possibly committed together. `next` is the position
// after them: the slice's next row, or its end.
struct Unit {
  int64_t first = 0;
  uint32_t rows = 0;
  int64_t next = 0;
};

// The rows of [from, to) that slice `index` of `count` covers. A position is the smallest row of
// the slice that is not delivered, or end().
class Slice {
 public:
  static constexpr int64_t kEndless = INT64_MAX;
  static constexpr int64_t kStride = 4096;

  // `to` may be kEndless. An interleaved slice takes `stride` rows at once, a multiple of kStride.
  Slice(int64_t from, int64_t to, const v1::Slice& slice, int64_t stride = kStride);
  Slice(int64_t from, int64_t to) : Slice(from, to, v1::Slice()) {}

  int64_t first() const { return NextFrom(from_); }
  int64_t end() const { return to_; }
  // Whether no end was asked for; the rows may have one all the same, where end() then is.
  bool IsEndless() const { return is_endless_; }
  // The rows of it below `row`. A slice without end remains one.
  Slice Below(int64_t row) const;
  // Rows of the slice below `position`; RowsBelow(end()) is their total if it has an end.
  int64_t RowsBelow(int64_t position) const;
  bool Has(int64_t row) const { return RowsBelow(row + 1) > RowsBelow(row); }
  // Piece `part`, from 0, of the slice cut after every `rows` rows of its own; beyond the last one
  // an empty one at end().
  Slice Part(int64_t part, int64_t rows) const;
  // The unit at a position: ends at the next row divisible by `unit_rows`, at the stride's or the
  // slice's end. Nothing at the end.
  std::optional<Unit> UnitAt(int64_t position, int64_t unit_rows) const;

 private:
  int64_t NextFrom(int64_t row) const;  // the first row of the slice at or after `row`, or end()
  int64_t RowsOfAllBelow(int64_t row) const;  // as if it began at row 0 and had no end

  int64_t from_;
  int64_t to_;
  bool is_endless_;
  int64_t stride_;
  int64_t index_ = 0;  // interleaved only
  int64_t count_ = 1;
};

}  // namespace throng
