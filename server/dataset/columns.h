// Columns of consecutive interactions; see throng_batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/dataset/further_column.h"
#include "throng/plugin.h"

namespace throng {

// The times that can be written, ms since 1970 UTC.
inline constexpr int64_t kFirstTime = -62'135'596'800'000;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kLastTime = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z

class Columns {
 public:
  // With further columns, one after the other.
  explicit Columns(size_t capacity, const std::vector<FurtherColumn>& further = {});
  size_t capacity() const { return user.size(); }
  // The rows from `offset` on as a batch of one segment, with nothing said of which rows they are.
  throng_batch At(size_t offset);
  // Where element `offset` of a further column lies.
  void* Further(size_t column, size_t offset) {
    return further_[column].data() + offset * widths_[column];
  }
  // Rows [from_offset, from_offset + n) of `from` to `offset` on.
  void Copy(const Columns& from, size_t from_offset, size_t n, size_t offset);
  // Puts n rows from `offset` on in order of time, rows of one time as they were: all that is
  // filled when a clock is done.
  void SortByTime(size_t offset, size_t n);

  // Where rows are shuffled, pieces and so sessions are of one row.
  std::vector<int64_t> place, piece_row, piece_rows;
  std::vector<int64_t> user, user_row, user_rows, run_row, run_rows;
  std::vector<int64_t> session, session_row, session_rows;
  std::vector<int64_t> time;
  std::vector<int64_t> item;
  std::vector<uint8_t> kind;
  std::vector<int64_t> kind_row;
  std::vector<int32_t> rating;

 private:
  // Sorts times, and says in order_ where each was.
  void SortTimes(std::span<int64_t> times);
  void SortFarTimes(std::span<int64_t> times);
  // Keys that differ, all below 2^(shift + bucket_bits), into `sorted`.
  void SortKeys(std::span<const uint64_t> keys, size_t shift, size_t bucket_bits,
                std::span<uint64_t> sorted);

  std::vector<std::vector<std::byte>> further_;
  std::vector<size_t> widths_;  // of their elements, in bytes
  // Scratch.
  std::vector<uint32_t> order_;
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> bucket_ends_;
  std::vector<int64_t> sorted_;
  std::vector<std::byte> sorted_further_;
};

// The numbers of sessions as the whole dataset has them, for rows of it from first_row on, whose
// `session` is unique in its epoch of plan_size rows.
void FillSessionIds(int64_t first_row, int64_t plan_size, std::span<const int64_t> session,
                    int64_t* id);

}  // namespace throng
