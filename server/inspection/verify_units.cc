#include "server/inspection/verify_units.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/hash/hash.h"

namespace throng {

uint64_t RecordHash(std::string_view key, std::string_view value) {
  return absl::HashOf(key, value);
}

uint64_t RowKey(const RowValues& values, const ColumnSet& columns) {
  const auto user = static_cast<size_t>(FoundColumn::kUserId);
  const auto item = static_cast<size_t>(FoundColumn::kItemId);
  const bool has_ids = columns[user] || columns[item];
  return absl::HashOf(columns[user] ? values[user] : 0, columns[item] ? values[item] : 0,
                      has_ids ? 0 : ValueOf(values, FoundColumn::kTimestamp) / 1000);
}

RowValues UnitRows::ValuesOf(size_t i) const {
  RowValues values;
  for (size_t c = 0; c < kFoundColumns; ++c) {
    values[c] = columns_[c].empty() ? kNotThere : columns_[c][i];
  }
  values[static_cast<size_t>(FoundColumn::kInteractionId)] = first_ + static_cast<int64_t>(i);
  return values;
}

class VerifyUnits::Filler {
 public:
  static absl::StatusOr<std::shared_ptr<Filler>> Create(const VerifyUnits& units) {
    auto rows = TableRows::Create(*units.table_, static_cast<size_t>(kUnitRows));
    if (!rows.ok()) return rows.status();
    auto filler = std::make_shared<Filler>(units);
    filler->table_rows_ = *std::move(rows);
    if (units.messages_ == nullptr) return filler;
    auto encoder = Encoder::Create(*units.messages_);
    if (!encoder.ok()) return encoder.status();
    filler->encoder_ = *std::move(encoder);
    return filler;
  }

  explicit Filler(const VerifyUnits& units) : units_(units) {}

  absl::Status Fill(const Unit& unit, UnitRows* out) {
    absl::Status status = table_rows_->Fill(unit.first, unit.rows);
    if (!status.ok()) return status;
    out->first_ = unit.first;
    out->rows_ = unit.rows;
    for (size_t c = 0; c < units_.filled_.size(); ++c) Take(c, unit.rows, out);
    Index(out);
    return encoder_ == nullptr ? absl::OkStatus() : HashRecords(unit, out);
  }

 private:
  template <class Value>
  static void Copy(const void* from, size_t rows, int64_t absent, std::vector<int64_t>* to) {
    const auto* values = static_cast<const Value*>(from);
    to->resize(rows);
    for (size_t i = 0; i < rows; ++i) {
      (*to)[i] = static_cast<int64_t>(values[i]) == absent ? kAbsent : values[i];
    }
  }

  void Take(size_t column, size_t rows, UnitRows* out) const {
    const void* from = table_rows_->columns()[column];
    std::vector<int64_t>* to = &out->columns_[static_cast<size_t>(units_.filled_[column])];
    const uint32_t type = units_.table_->schema().columns[column]->type;
    if (type == THRONG_COLUMN_RATING || type == THRONG_COLUMN_LABEL) {
      return Copy<int32_t>(from, rows, -1, to);
    }
    Copy<int64_t>(from, rows, INT64_MIN, to);
  }

  void Index(UnitRows* out) const {
    const size_t rows = out->rows_;
    out->key_.resize(rows);
    out->next_.resize(rows);
    out->heads_.assign(std::bit_ceil(2 * rows), UnitRows::kNoRow);
    for (size_t i = rows; i-- > 0;) {  // so that chains are in the order of rows
      const uint64_t key = out->key_[i] = RowKey(out->ValuesOf(i), units_.columns_);
      uint32_t& head = out->heads_[key & (out->heads_.size() - 1)];
      out->next_[i] = std::exchange(head, static_cast<uint32_t>(i));
    }
  }

  absl::Status HashRecords(const Unit& unit, UnitRows* out) {
    if (absl::Status status = encoder_->Encode(unit, &encoded_); !status.ok()) return status;
    const std::string_view bytes = encoded_.records.bytes();
    out->record_hash_.resize(unit.rows);
    size_t begin = 0;
    for (size_t i = 0; i < unit.rows; ++i) {
      const std::string_view key = bytes.substr(begin, encoded_.key_end[i] - begin);
      begin = encoded_.value_end[i];
      out->record_hash_[i] =
          RecordHash(key, bytes.substr(encoded_.key_end[i], begin - encoded_.key_end[i]));
    }
    return absl::OkStatus();
  }

  const VerifyUnits& units_;
  std::unique_ptr<TableRows> table_rows_;
  std::unique_ptr<Encoder> encoder_;
  Encoded encoded_;
};

VerifyUnits::VerifyUnits(const Plan& plan, int64_t end, const ColumnSet& columns,
                         const Encoding* messages, int threads)
    : plan_(plan),
      end_(end),
      columns_(columns),
      messages_(messages),
      threads_(threads),
      slice_(0, end) {
  table_spec_.set_table(v1::TABLE_INTERACTIONS);
  for (size_t c = 0; c < kFoundColumns; ++c) {
    const auto column = static_cast<FoundColumn>(c);
    // Ids, rating and time are there for examples too.
    if ((!columns[c] && c > static_cast<size_t>(FoundColumn::kTimestamp)) ||
        column == FoundColumn::kInteractionId) {
      continue;
    }
    v1::Column* added = table_spec_.add_columns();
    added->set_column(std::string(FoundColumnName(column)));
    added->set_name(added->column());
    filled_.push_back(column);
  }
  table_ = std::make_unique<Table>(table_spec_, plan);
  table_->blocks()->Keep(WalkRing::Span(threads, kUnitRows));
}

absl::StatusOr<int64_t> VerifyUnits::FirstTime(int64_t unit) {
  if (const auto known = first_times_.find(unit); known != first_times_.end()) {
    return known->second;
  }
  if (probe_ == nullptr) {
    auto probe = TableRows::Create(*table_, 1);
    if (!probe.ok()) return probe.status();
    probe_ = *std::move(probe);
  }
  if (absl::Status status = probe_->Fill(unit * kUnitRows, 1); !status.ok()) return status;
  return first_times_[unit] = probe_->interactions().time[0];
}

absl::StatusOr<int64_t> VerifyUnits::RowOfTime(int64_t time) {
  // The last unit that begins before the time, found between one that does (or the first) and one
  // that does not.
  const int64_t units = end_ / kUnitRows + (end_ % kUnitRows == 0 ? 0 : 1);
  int64_t low = 0;
  int64_t high = units;
  for (int64_t step = 1; high == units && low + step < units; step *= 2) {  // it may have no end
    const auto first = FirstTime(low + step);
    if (!first.ok()) return first.status();
    if (*first < time) {
      low += step;
    } else {
      high = low + step;
    }
  }
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    const auto first = FirstTime(middle);
    if (!first.ok()) return first.status();
    (*first < time ? low : high) = middle;
  }
  return low * kUnitRows;
}

void VerifyUnits::Seek(int64_t row) {
  row = row / kUnitRows * kUnitRows;
  if (walk_ == nullptr) {
    walk_ = std::make_unique<Walk<UnitRows>>(
        slice_, kUnitRows, row, threads_, [this]() -> absl::StatusOr<Walk<UnitRows>::Fill> {
          auto filler = Filler::Create(*this);
          if (!filler.ok()) return filler.status();
          return [f = *std::move(filler)](const Unit& unit, UnitRows* rows) {
            return f->Fill(unit, rows);
          };
        });
  } else if (row != position_) {
    walk_->Rewind(row, kUnitRows);
  }
  position_ = row;
}

absl::StatusOr<const UnitRows*> VerifyUnits::Next() {
  if (walk_ == nullptr) Seek(0);
  const auto block = walk_->Next();
  if (!block.ok()) return block.status();
  if (*block == nullptr) return nullptr;
  const UnitRows& rows = (*block)->payload;
  position_ = (*block)->unit.next;
  if (rows.rows() > 0) first_times_[rows.first() / kUnitRows] = rows.TimeOf(0);
  return &rows;
}

}  // namespace throng
