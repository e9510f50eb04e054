// The rows of a dataset as verification looks them up: units of them, made in parallel, and which
// unit holds a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/plan.h"
#include "server/delivery/encoder.h"
#include "server/delivery/table.h"
#include "server/delivery/walk.h"
#include "server/inspection/verify_row.h"

namespace throng {

// What makes two rows candidates for each other besides their time: user and item, as far as both
// are there; or else the time itself.
uint64_t RowKey(const RowValues& values, const ColumnSet& columns);
uint64_t RecordHash(std::string_view key, std::string_view value);

// The rows of a unit.
class UnitRows {
 public:
  int64_t first() const { return first_; }
  size_t rows() const { return rows_; }
  RowValues ValuesOf(size_t i) const;
  int64_t TimeOf(size_t i) const {
    return columns_[static_cast<size_t>(FoundColumn::kTimestamp)][i];
  }
  uint64_t RecordHashOf(size_t i) const { return record_hash_[i]; }
  // Calls `visit(i)` for the rows of a key, in order, until it returns false.
  template <class Visit>
  void VisitKey(uint64_t key, Visit&& visit) const {
    for (uint32_t i = heads_[key & (heads_.size() - 1)]; i != kNoRow; i = next_[i]) {
      if (key_[i] == key && !visit(static_cast<size_t>(i))) return;
    }
  }

 private:
  friend class VerifyUnits;
  static constexpr uint32_t kNoRow = UINT32_MAX;

  int64_t first_ = 0;
  size_t rows_ = 0;
  std::array<std::vector<int64_t>, kFoundColumns> columns_;  // empty: not wanted
  std::vector<uint64_t> record_hash_;
  std::vector<uint64_t> key_;
  std::vector<uint32_t> heads_, next_;
};

class VerifyUnits {
 public:
  static constexpr int64_t kUnitRows = 16'384;

  // The rows below `end`. `messages`: of whose records the hashes are taken; nullptr: none. All of
  // it outlives this.
  VerifyUnits(const Plan& plan, int64_t end, const ColumnSet& columns, const Encoding* messages,
              int threads);

  int64_t end() const { return end_; }
  // The first row of the first unit that may hold rows at or after a time; end() is none.
  absl::StatusOr<int64_t> RowOfTime(int64_t time);
  // Next() is the unit that holds the row.
  void Seek(int64_t row);
  // The next unit, valid until the next call of anything here; nullptr at the end.
  absl::StatusOr<const UnitRows*> Next();

 private:
  // One thread's way to fill units.
  class Filler;
  absl::StatusOr<int64_t> FirstTime(int64_t unit);

  const Plan& plan_;
  const int64_t end_;
  const ColumnSet columns_;
  const Encoding* const messages_;
  const int threads_;
  const Slice slice_;
  v1::OutputSpec table_spec_;
  std::vector<FoundColumn> filled_;  // the columns of table_spec_
  std::unique_ptr<Table> table_;
  std::unique_ptr<TableRows> probe_;
  std::unordered_map<int64_t, int64_t> first_times_;  // by unit, as far as they are known
  std::unique_ptr<Walk<UnitRows>> walk_;
  int64_t position_ = 0;  // of the walk: the first row of what Next returns
};

}  // namespace throng
