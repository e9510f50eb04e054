// Finds the row of the dataset that each found row is, in bounded memory: found rows are taken in
// batches, put in order of time, and laid beside the dataset's rows of those times.
//
// A found row is the row with its user, item and time, or with its interaction_id where the data
// have that; one whose other columns are equal before one where they are not, and one that was not
// found yet before one that was. What is not found so is put aside, and at the end compared with
// the rows that are missing: with equal time and user, time and item, or user, item and rating it
// is that row, altered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "server/dataset/slice.h"
#include "server/inspection/verify_bits.h"
#include "server/inspection/verify_findings.h"
#include "server/inspection/verify_row.h"
#include "server/inspection/verify_units.h"

namespace throng {

// The rows that must be there: of some slices of a dataset.
class WantedRows {
 public:
  // Rows of `may` that are not in `must` are neither lost nor foreign: somebody still writes them.
  void Add(const Slice& must, const Slice& may) {
    slices_.push_back(must);
    allowed_.push_back(may);
  }
  void Add(const Slice& slice) { Add(slice, slice); }
  // Whether it may be there.
  bool Has(int64_t row) const;
  int64_t Rows() const;
  // Calls `visit(first, rows)` for stretches of them, in each slice in order, until it returns
  // false.
  void Visit(const std::function<bool(int64_t first, int64_t rows)>& visit) const;
  // The row after the last that may be there; Slice::kEndless: there is none.
  int64_t end() const;
  // Only those below a row are wanted.
  void CutAt(int64_t row);
  // Whether they go on without end, so that the last that is found is the last.
  bool is_open = false;

 private:
  std::vector<Slice> slices_;
  std::vector<Slice> allowed_;
};

struct RowRange {
  int64_t first = 0;
  int64_t end = 0;
};

class RowMatcher {
 public:
  static constexpr int64_t kNoRow = -1;

  struct Settings {
    const Plan* plan = nullptr;
    WantedRows wanted;
    const Encoding* messages = nullptr;  // whose records must be equal byte for byte; or nullptr
    int threads = 1;
    // Hears in the order in which they were added which row each found row is, or kNoRow, once a
    // batch is matched; `is_new`: the first that is this row.
    std::function<void(const FoundRow& found, int64_t row, int64_t time, bool is_new)> on_row;
    std::function<void()> on_batch;  // after the last of a batch
    std::function<bool()> is_stopping;
  };
  RowMatcher(Settings settings, Findings* findings);

  // What the data have from here on. INVALID_ARGUMENT, as a sentence: no row can be told by that.
  // `has_range`: Flush will be given a range, so that no time is needed.
  absl::Status SetColumns(const ColumnSet& columns, bool has_range);
  absl::Status Add(FoundRow row);
  // The name of a piece, for examples.
  void SetPiece(uint32_t piece, const std::string& name) { pieces_[piece] = name; }
  // Matches what was added; all of it lies in `range`, if that is given.
  absl::Status Flush(const std::optional<RowRange>& range = std::nullopt);
  // Rows that were found without being looked up.
  void Found(int64_t first, int64_t rows);
  // Whether none of some rows is missing.
  bool HasAll(int64_t first, int64_t rows) const { return bits_.Count(first, rows) == rows; }
  bool Has(int64_t row) const { return bits_.Has(row); }
  // Ends: looks through what was put aside, and counts what is lost.
  absl::Status Finish();

  // A row that is there in another place than it must be, as the caller found.
  void Moved(const FoundRow& found, int64_t row);
  // Whether nearly nothing is a row of the dataset, so that there is no use in looking further.
  bool IsHopeless() const;

  int64_t found_rows() const { return found_rows_; }
  int64_t aside() const { return static_cast<int64_t>(aside_.size()) + more_aside_; }
  const WantedRows& wanted() const { return wanted_; }
  const RowText& text() const { return text_; }
  v1::DifferenceExample Example(const FoundRow& found, std::optional<int64_t> row,
                                const RowValues* expected) const;

 private:
  struct Pending {
    FoundRow found;
    int64_t row = kNoRow;
    int64_t time = 0;     // of the row
    bool is_new = false;  // the row's first
    // Of the best candidate so far that is not equal, or not new.
    int64_t candidate = kNoRow;
    std::unique_ptr<RowValues> expected;
    size_t altered = 0;         // columns in which it differs
    int64_t seen_row = kNoRow;  // a candidate that was found before
    int64_t seen_time = 0;
  };

  bool HasId() const { return columns_[static_cast<size_t>(FoundColumn::kInteractionId)]; }
  bool HasTime() const { return columns_[static_cast<size_t>(FoundColumn::kTimestamp)]; }
  // Where rows with this one's key may lie: times, or rows.
  int64_t Begin(const FoundRow& found) const;
  int64_t End(const FoundRow& found) const;
  // Where to look for what begins there; kNoRow: nowhere.
  absl::StatusOr<int64_t> RowAt(int64_t begin);
  absl::Status MatchBatch(const std::optional<RowRange>& range);
  // Calls `visit(i)` for the rows of a unit that may be the one, until it returns false.
  template <class Visit>
  void VisitCandidates(const UnitRows& unit, const FoundRow& found, Visit&& visit) const;
  // The columns in which a row differs, and whether its record does.
  std::vector<FoundColumn> DifferencesOf(const RowValues& expected, const FoundRow& found) const;
  bool IsEqual(const UnitRows& unit, size_t i, const FoundRow& found) const;
  void TryExact(const UnitRows& unit, Pending* pending);
  void NoteCandidate(const UnitRows& unit, Pending* pending) const;
  // Nothing further is a candidate.
  void Settle(Pending* pending);
  void Take(int64_t row, int64_t time, Pending* pending);
  void Double(const FoundRow& found, int64_t row);
  void CountAltered(const FoundRow& found, int64_t row, const RowValues& expected);
  void PutAside(const FoundRow& found);
  absl::Status JoinAside();
  absl::Status ShowLost();
  // Calls `visit(row, values)` for the rows that are missing, in order, until it returns false.
  absl::Status VisitMissing(const std::function<bool(int64_t, const RowValues&)>& visit);

  const Settings settings_;
  WantedRows wanted_;
  Findings& findings_;
  const RowText text_;
  ColumnSet columns_{};
  bool has_columns_ = false;
  bool has_range_ = false;
  std::unique_ptr<VerifyUnits> units_;
  std::unordered_map<uint32_t, std::string> pieces_;  // by FoundRow::piece
  size_t batch_rows_ = size_t{1} << 19;               // that are matched at once
  std::vector<Pending> batch_;
  RowBits bits_;
  std::unordered_set<int64_t> moved_;  // rows out of place, as long as they are few
  std::vector<FoundRow> aside_;
  int64_t more_aside_ = 0;  // beyond what is kept
  int64_t found_rows_ = 0;
  int64_t matched_rows_ = 0;
  int64_t last_row_ = kNoRow;  // the furthest that was found
};

}  // namespace throng
