// The end of a match: what was put aside beside what is missing.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/hash/hash.h"
#include "server/inspection/verify_matcher.h"

namespace throng {
namespace {

constexpr size_t kMostTimeAltered = 200'000;

constexpr auto kUser = static_cast<size_t>(FoundColumn::kUserId);
constexpr auto kItem = static_cast<size_t>(FoundColumn::kItemId);
constexpr auto kRating = static_cast<size_t>(FoundColumn::kRating);
constexpr auto kTime = static_cast<size_t>(FoundColumn::kTimestamp);

int64_t Second(int64_t ms) { return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000); }

}  // namespace

bool WantedRows::Has(int64_t row) const {
  return std::any_of(allowed_.begin(), allowed_.end(),
                     [row](const Slice& slice) { return slice.Has(row); });
}

int64_t WantedRows::Rows() const {
  int64_t rows = 0;
  for (const Slice& slice : slices_) rows += slice.RowsBelow(slice.end());
  return rows;
}

void WantedRows::Visit(const std::function<bool(int64_t, int64_t)>& visit) const {
  for (const Slice& slice : slices_) {
    for (auto unit = slice.UnitAt(slice.first(), VerifyUnits::kUnitRows); unit;
         unit = slice.UnitAt(unit->next, VerifyUnits::kUnitRows)) {
      if (!visit(unit->first, unit->rows)) return;
    }
  }
}

int64_t WantedRows::end() const {
  int64_t end = 0;
  for (const Slice& slice : allowed_) end = std::max(end, slice.end());
  return end;
}

void WantedRows::CutAt(int64_t row) {
  for (Slice& slice : slices_) slice = slice.Below(row);
}

bool RowMatcher::IsHopeless() const {
  constexpr int64_t kFew = 20;
  return found_rows_ > kFew && matched_rows_ * kFew < found_rows_;
}

absl::Status RowMatcher::VisitMissing(const std::function<bool(int64_t, const RowValues&)>& visit) {
  absl::Status status;
  wanted_.Visit([&](int64_t first, int64_t rows) {
    if (HasAll(first, rows)) return true;
    if (settings_.is_stopping && settings_.is_stopping()) {
      status = absl::CancelledError("stopped");
      return false;
    }
    units_->Seek(first);
    const auto unit = units_->Next();
    if (!unit.ok() || *unit == nullptr) {
      status = unit.status();
      return false;
    }
    for (int64_t row = first; row < first + rows; ++row) {
      if (Has(row)) continue;
      if (!visit(row, (*unit)->ValuesOf(static_cast<size_t>(row - (*unit)->first())))) return false;
    }
    return true;
  });
  return status;
}

// Rows that were found and are none of the dataset's, beside those that are missing: of equal time
// and user, or time and item, they are the same, altered; else of equal user, item and rating those
// whose times are nearest.
absl::Status RowMatcher::JoinAside() {
  struct TimeAltered {
    int64_t distance;
    size_t found;
    int64_t row;
    RowValues expected;
  };
  enum : uint8_t { kTimeUser, kTimeItem, kPair };
  const auto key_of = [](uint8_t kind, const RowValues& values) {
    return kind == kTimeUser   ? absl::HashOf(kind, Second(values[kTime]), values[kUser])
           : kind == kTimeItem ? absl::HashOf(kind, Second(values[kTime]), values[kItem])
                               : absl::HashOf(kind, values[kUser], values[kItem]);
  };
  std::unordered_multimap<uint64_t, size_t> by_key;
  for (size_t i = 0; i < aside_.size(); ++i) {
    const RowValues& values = aside_[i].values;
    const bool has_time = columns_[kTime] && IsValue(values[kTime]);
    const bool has_user = columns_[kUser] && IsValue(values[kUser]);
    const bool has_item = columns_[kItem] && IsValue(values[kItem]);
    if (has_time && has_user) by_key.emplace(key_of(kTimeUser, values), i);
    if (has_time && has_item) by_key.emplace(key_of(kTimeItem, values), i);
    if (has_user && has_item) by_key.emplace(key_of(kPair, values), i);
  }
  std::vector<bool> is_joined(aside_.size());
  const auto join = [&](size_t i, int64_t row, const RowValues& expected) {
    is_joined[i] = true;
    bits_.Set(row);
    ++matched_rows_;
    CountAltered(aside_[i], row, expected);
  };
  std::vector<TimeAltered> time_altered;
  absl::Status status = VisitMissing([&](int64_t row, const RowValues& expected) {
    for (const uint8_t kind : {kTimeUser, kTimeItem, kPair}) {
      const auto [begin, end] = by_key.equal_range(key_of(kind, expected));
      for (auto at = begin; at != end; ++at) {
        const FoundRow& found = aside_[at->second];
        const RowValues& values = found.values;
        if (is_joined[at->second]) continue;
        const bool is_same_rating = !columns_[kRating] || values[kRating] == expected[kRating];
        if (kind == kPair && values[kUser] == expected[kUser] && values[kItem] == expected[kItem] &&
            is_same_rating && time_altered.size() < kMostTimeAltered) {
          const int64_t distance = IsValue(values[kTime])
                                       ? std::abs(values[kTime] - expected[kTime])
                                       : std::numeric_limits<int64_t>::max();
          time_altered.push_back({distance, at->second, row, expected});
        }
        if (kind == kPair || !IsSameTime(expected[kTime], values[kTime])) continue;
        if (values[kind == kTimeUser ? kUser : kItem] !=
            expected[kind == kTimeUser ? kUser : kItem]) {
          continue;
        }
        join(at->second, row, expected);
        return true;
      }
    }
    return true;
  });
  if (!status.ok()) return status;
  std::stable_sort(
      time_altered.begin(), time_altered.end(),
      [](const TimeAltered& a, const TimeAltered& b) { return a.distance < b.distance; });
  for (const TimeAltered& candidate : time_altered) {
    if (is_joined[candidate.found] || Has(candidate.row)) continue;
    join(candidate.found, candidate.row, candidate.expected);
  }
  size_t kept = 0;
  for (size_t i = 0; i < aside_.size(); ++i) {
    if (is_joined[i]) continue;
    if (kept != i) aside_[kept] = std::move(aside_[i]);
    ++kept;
  }
  aside_.resize(kept);
  return absl::OkStatus();
}

absl::Status RowMatcher::ShowLost() {
  int64_t lost = 0;
  wanted_.Visit([&](int64_t first, int64_t rows) {
    lost += rows - bits_.Count(first, rows);
    return true;
  });
  if (lost == 0) return absl::OkStatus();
  findings_.Count(v1::DIFFERENCE_KIND_LOST, lost);
  return VisitMissing([&](int64_t row, const RowValues& expected) {
    RowValues shown = expected;
    for (size_t c = 0; c < kFoundColumns; ++c) {
      if (!columns_[c]) shown[c] = kNotThere;
    }
    v1::DifferenceExample example = ExampleAt("", 0, text_.ToText(shown), "");
    example.set_row(row);
    findings_.AddExample(v1::DIFFERENCE_KIND_LOST, std::move(example));
    return findings_.WantsExample(v1::DIFFERENCE_KIND_LOST);
  });
}

absl::Status RowMatcher::Finish() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (wanted_.is_open) wanted_.CutAt(last_row_ + 1);
  if (!has_columns_) {  // nothing was looked up
    ColumnSet columns{true, true, true, true};
    if (absl::Status status = SetColumns(columns, true); !status.ok()) return status;
  }
  const bool is_hopeless = IsHopeless();
  if (is_hopeless) {
    findings_.Remark(
        "Nearly none of the rows are rows of this dataset: the seed, the preset, the size or "
        "another part of the spec is not the one that they were made with.");
  }
  if (!aside_.empty() && !is_hopeless) {
    if (absl::Status status = JoinAside(); !status.ok()) return status;
  }
  for (const FoundRow& found : aside_) {
    findings_.Count(v1::DIFFERENCE_KIND_FOREIGN, 1);
    if (!findings_.WantsExample(v1::DIFFERENCE_KIND_FOREIGN)) continue;
    findings_.AddExample(v1::DIFFERENCE_KIND_FOREIGN, Example(found, std::nullopt, nullptr));
  }
  findings_.Count(v1::DIFFERENCE_KIND_FOREIGN, more_aside_);
  aside_.clear();
  more_aside_ = 0;
  return ShowLost();
}

}  // namespace throng
