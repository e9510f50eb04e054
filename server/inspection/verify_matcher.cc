#include "server/inspection/verify_matcher.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace throng {
namespace {

// Where rows of a batch lie so far apart that many more are made to find them, batches grow.
constexpr size_t kMostBatchRows = size_t{1} << 21;
constexpr int64_t kFarApart = 4;  // rows made for each found
// Of rows that are no row of the dataset as they are: so many are kept to be compared at the end.
constexpr size_t kMostAside = 200'000;
constexpr size_t kMostMoved = 1'000'000;
// A found row is looked for from here on rather than searched if it is at most so many units away.
constexpr int64_t kNearUnits = 8;

constexpr auto kUser = static_cast<size_t>(FoundColumn::kUserId);
constexpr auto kItem = static_cast<size_t>(FoundColumn::kItemId);
constexpr auto kTime = static_cast<size_t>(FoundColumn::kTimestamp);
constexpr auto kId = static_cast<size_t>(FoundColumn::kInteractionId);

bool IsSame(size_t column, int64_t expected, int64_t found) {
  return column == kTime ? IsSameTime(expected, found) : expected == found;
}

}  // namespace

RowMatcher::RowMatcher(Settings settings, Findings* findings)
    : settings_(std::move(settings)),
      wanted_(settings_.wanted),
      findings_(*findings),
      text_(*settings_.plan) {}

absl::Status RowMatcher::SetColumns(const ColumnSet& columns, bool has_range) {
  if (has_columns_ && columns == columns_ && has_range == has_range_) return absl::OkStatus();
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (!has_range && !columns[kTime] && !columns[kId]) {
    return absl::InvalidArgumentError(
        "A row is found by its time, and the data have no column timestamp; name it under "
        "`columns`, or write the rows with the column interaction_id.");
  }
  columns_ = columns;
  has_range_ = has_range;
  has_columns_ = true;
  units_ =
      std::make_unique<VerifyUnits>(*settings_.plan, std::min(wanted_.end(), settings_.plan->end()),
                                    columns_, settings_.messages, settings_.threads);
  return absl::OkStatus();
}

absl::Status RowMatcher::Add(FoundRow row) {
  ++found_rows_;
  batch_.emplace_back();
  batch_.back().found = std::move(row);
  return batch_.size() < batch_rows_ ? absl::OkStatus() : Flush();
}

void RowMatcher::Found(int64_t first, int64_t rows) {
  found_rows_ += rows;
  matched_rows_ += rows;
  last_row_ = std::max(last_row_, first + rows - 1);
  if (bits_.Count(first, rows) == 0) {
    bits_.SetRange(first, rows);
    return;
  }
  FoundRow found;
  found.values.fill(kNotThere);
  for (int64_t row = first; row < first + rows; ++row) {
    if (!bits_.Set(row)) Double(found, row);
  }
}

absl::Status RowMatcher::Flush(const std::optional<RowRange>& range) {
  if (batch_.empty()) return absl::OkStatus();
  absl::Status status = MatchBatch(range);
  if (status.ok() && settings_.on_row) {
    for (const Pending& pending : batch_) {
      settings_.on_row(pending.found, pending.row, pending.time, pending.is_new);
    }
  }
  batch_.clear();
  if (status.ok() && settings_.on_batch) settings_.on_batch();
  return status;
}

int64_t RowMatcher::Begin(const FoundRow& found) const {
  if (HasId()) return found.values[kId];
  return HasTime() ? found.values[kTime] : std::numeric_limits<int64_t>::min();
}

int64_t RowMatcher::End(const FoundRow& found) const {
  if (HasId()) return found.values[kId];
  if (!HasTime()) return std::numeric_limits<int64_t>::max();
  const int64_t time = found.values[kTime];
  return time % 1000 == 0 ? time + 999 : time;
}

absl::StatusOr<int64_t> RowMatcher::RowAt(int64_t begin) {
  if (!HasId()) return units_->RowOfTime(begin);
  return begin >= 0 && begin < units_->end() ? begin : kNoRow;
}

absl::Status RowMatcher::MatchBatch(const std::optional<RowRange>& range) {
  const bool is_by_range = !HasId() && !HasTime();
  std::vector<size_t> order;
  order.reserve(batch_.size());
  for (size_t i = 0; i < batch_.size(); ++i) {
    const FoundRow& found = batch_[i].found;
    if (is_by_range || IsValue(found.values[HasId() ? kId : kTime])) {
      order.push_back(i);
    } else {
      PutAside(found);
    }
  }
  std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return Begin(batch_[a].found) < Begin(batch_[b].found);
  });
  size_t next = 0;
  std::vector<size_t> active;  // those that this unit, or a later one, may hold
  int64_t made_rows = 0;
  bool is_near = false;
  while (next < order.size() || !active.empty()) {
    if (settings_.is_stopping && settings_.is_stopping()) return absl::CancelledError("stopped");
    if (active.empty() && !is_near) {
      auto row = is_by_range ? absl::StatusOr<int64_t>(range ? range->first : 0)
                             : RowAt(Begin(batch_[order[next]].found));
      if (!row.ok()) return row.status();
      if (*row == kNoRow) {
        Settle(&batch_[order[next++]]);
        continue;
      }
      units_->Seek(*row);
    }
    const auto unit = units_->Next();
    if (!unit.ok()) return unit.status();
    if (*unit == nullptr || (is_by_range && range && (*unit)->first() >= range->end)) {
      for (const size_t i : active) Settle(&batch_[i]);
      for (; next < order.size(); ++next) Settle(&batch_[order[next]]);
      break;
    }
    const auto rows = static_cast<int64_t>((*unit)->rows());
    made_rows += rows;
    const int64_t first = HasId() ? (*unit)->first() : (*unit)->TimeOf(0);
    const int64_t last = HasId() ? first + rows - 1 : (*unit)->TimeOf((*unit)->rows() - 1);
    const size_t before = next;
    while (next < order.size() && Begin(batch_[order[next]].found) <= last) {
      active.push_back(order[next++]);
    }
    const bool has_none = active.empty() && next == before;
    for (const size_t i : active) TryExact(**unit, &batch_[i]);
    std::erase_if(active, [&](size_t i) {
      Pending& pending = batch_[i];
      if (pending.row != kNoRow) return true;
      NoteCandidate(**unit, &pending);
      // Rows of the same time may follow.
      const int64_t end = End(pending.found);
      if (HasId() ? end > last : end >= last) return false;
      Settle(&pending);
      return true;
    });
    // A unit that was sought and has none lies right before the one that may.
    is_near = has_none || (next < order.size() && Begin(batch_[order[next]].found) - last <=
                                                      kNearUnits * (last - first + 1));
  }
  if (made_rows > kFarApart * static_cast<int64_t>(batch_.size())) {
    batch_rows_ = std::min(2 * batch_rows_, kMostBatchRows);
  }
  return absl::OkStatus();
}

template <class Visit>
void RowMatcher::VisitCandidates(const UnitRows& unit, const FoundRow& found, Visit&& visit) const {
  if (HasId()) {
    const int64_t i = found.values[kId] - unit.first();
    if (i < 0 || i >= static_cast<int64_t>(unit.rows()) || !wanted_.Has(found.values[kId])) return;
    visit(static_cast<size_t>(i));
    return;
  }
  unit.VisitKey(RowKey(found.values, columns_), [&](size_t i) {
    const RowValues expected = unit.ValuesOf(i);
    const bool is_candidate =
        (!columns_[kUser] || expected[kUser] == found.values[kUser]) &&
        (!columns_[kItem] || expected[kItem] == found.values[kItem]) &&
        (!columns_[kTime] || IsSameTime(expected[kTime], found.values[kTime]));
    return !is_candidate || !wanted_.Has(unit.first() + static_cast<int64_t>(i)) || visit(i);
  });
}

std::vector<FoundColumn> RowMatcher::DifferencesOf(const RowValues& expected,
                                                   const FoundRow& found) const {
  std::vector<FoundColumn> differences;
  for (size_t c = 0; c < kFoundColumns; ++c) {
    if (columns_[c] && !IsSame(c, expected[c], found.values[c])) {
      differences.push_back(static_cast<FoundColumn>(c));
    }
  }
  return differences;
}

bool RowMatcher::IsEqual(const UnitRows& unit, size_t i, const FoundRow& found) const {
  if (settings_.messages != nullptr) return unit.RecordHashOf(i) == found.record_hash;
  const RowValues expected = unit.ValuesOf(i);
  for (size_t c = 0; c < kFoundColumns; ++c) {
    if (columns_[c] && !IsSame(c, expected[c], found.values[c])) return false;
  }
  return true;
}

void RowMatcher::TryExact(const UnitRows& unit, Pending* pending) {
  VisitCandidates(unit, pending->found, [&](size_t i) {
    const int64_t row = unit.first() + static_cast<int64_t>(i);
    if (bits_.Has(row) || !IsEqual(unit, i, pending->found)) return true;
    Take(row, unit.TimeOf(i), pending);
    return false;
  });
}

void RowMatcher::NoteCandidate(const UnitRows& unit, Pending* pending) const {
  VisitCandidates(unit, pending->found, [&](size_t i) {
    const int64_t row = unit.first() + static_cast<int64_t>(i);
    const RowValues expected = unit.ValuesOf(i);
    if (HasId()) {  // a number alone may be that of another dataset's row
      int there = 0;
      int equal = 0;
      for (const size_t c : {kUser, kItem, kTime}) {
        if (!columns_[c]) continue;
        ++there;
        equal += IsSame(c, expected[c], pending->found.values[c]) ? 1 : 0;
      }
      if (equal < std::min(2, there)) return true;
    }
    if (bits_.Has(row)) {
      if (pending->seen_row == kNoRow) {
        pending->seen_row = row;
        pending->seen_time = unit.TimeOf(i);
      }
      return true;
    }
    const size_t altered = DifferencesOf(expected, pending->found).size();
    if (pending->candidate != kNoRow && altered >= pending->altered) return true;
    pending->candidate = row;
    pending->expected = std::make_unique<RowValues>(expected);
    pending->altered = altered;
    return true;
  });
}

void RowMatcher::Take(int64_t row, int64_t time, Pending* pending) {
  bits_.Set(row);
  ++matched_rows_;
  last_row_ = std::max(last_row_, row);
  pending->row = row;
  pending->time = time;
  pending->is_new = true;
}

void RowMatcher::Settle(Pending* pending) {
  if (pending->candidate != kNoRow && !bits_.Has(pending->candidate)) {
    Take(pending->candidate, (*pending->expected)[kTime], pending);
    return CountAltered(pending->found, pending->row, *pending->expected);
  }
  if (pending->candidate != kNoRow && pending->seen_row == kNoRow) {  // taken meanwhile
    pending->seen_row = pending->candidate;
    pending->seen_time = (*pending->expected)[kTime];
  }
  if (pending->seen_row == kNoRow) return PutAside(pending->found);
  ++matched_rows_;
  pending->row = pending->seen_row;
  pending->time = pending->seen_time;
  Double(pending->found, pending->row);
}

void RowMatcher::Double(const FoundRow& found, int64_t row) {
  findings_.Count(v1::DIFFERENCE_KIND_DOUBLED, 1);
  if (findings_.WantsExample(v1::DIFFERENCE_KIND_DOUBLED)) {
    findings_.AddExample(v1::DIFFERENCE_KIND_DOUBLED, Example(found, row, nullptr));
  }
  if (moved_.erase(row) > 0) findings_.Retract(v1::DIFFERENCE_KIND_OUT_OF_ORDER, row);
}

void RowMatcher::Moved(const FoundRow& found, int64_t row) {
  if (moved_.size() < kMostMoved) moved_.insert(row);
  findings_.Count(v1::DIFFERENCE_KIND_OUT_OF_ORDER, 1);
  if (!findings_.WantsExample(v1::DIFFERENCE_KIND_OUT_OF_ORDER)) return;
  findings_.AddExample(v1::DIFFERENCE_KIND_OUT_OF_ORDER, Example(found, row, nullptr));
}

v1::DifferenceExample RowMatcher::Example(const FoundRow& found, std::optional<int64_t> row,
                                          const RowValues* expected) const {
  const auto piece = pieces_.find(found.piece);
  v1::DifferenceExample example =
      ExampleAt(piece == pieces_.end() ? "" : piece->second, found.offset,
                expected == nullptr ? "" : text_.ToText(*expected), text_.ToText(found.values));
  if (row) example.set_row(*row);
  return example;
}

void RowMatcher::CountAltered(const FoundRow& found, int64_t row, const RowValues& expected) {
  const std::vector<FoundColumn> differences = DifferencesOf(expected, found);
  if (differences.empty()) {
    return findings_.Add(v1::DIFFERENCE_KIND_BYTES, Example(found, row, &expected));
  }
  for (const FoundColumn column : differences) {
    const std::string name(FoundColumnName(column));
    findings_.Count(v1::DIFFERENCE_KIND_ALTERED, 1, name);
    if (!findings_.WantsExample(v1::DIFFERENCE_KIND_ALTERED, name)) continue;
    const int64_t value = ValueOf(found.values, column);
    v1::DifferenceExample example = Example(found, row, nullptr);
    example.set_expected(text_.ToText(column, ValueOf(expected, column)));
    example.set_found(value == kUnreadable && found.unreadable != nullptr
                          ? *found.unreadable
                          : text_.ToText(column, value));
    findings_.AddExample(v1::DIFFERENCE_KIND_ALTERED, std::move(example), name);
  }
}

void RowMatcher::PutAside(const FoundRow& found) {
  if (aside_.size() < kMostAside) {
    aside_.push_back(found);
  } else {
    ++more_aside_;
  }
}

}  // namespace throng
