#include "server/delivery/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace throng {

absl::StatusOr<std::unique_ptr<Format>> BeginFormat(const Encoding& encoding,
                                                    Format::Prologue* prologue) {
  auto format = Format::Create(*encoding.format, *encoding.environment, encoding.options->values());
  if (!format.ok()) return format.status();
  auto begun = (*format)->Begin(encoding.destination);
  if (!begun.ok()) return begun.status();
  *prologue = *std::move(begun);
  return format;
}

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Create(const Encoding& encoding) {
  Format::Prologue prologue;
  auto format = BeginFormat(encoding, &prologue);
  if (!format.ok()) return format.status();
  if (prologue.bytes != encoding.prologue.bytes) {
    return absl::InternalError(fmt::format(
        "format `{}`: two instances began with different prologues.", encoding.format->name));
  }
  const uint32_t batch_rows =
      std::max(static_cast<uint32_t>(Generator::kBatchRows), prologue.cut_rows);
  auto rows = TableRows::Create(*encoding.table, batch_rows);
  if (!rows.ok()) return rows.status();
  return std::unique_ptr<Encoder>(
      new Encoder(encoding, *std::move(format), *std::move(rows), batch_rows));
}

Encoder::Encoder(const Encoding& encoding, std::unique_ptr<Format> format,
                 std::unique_ptr<TableRows> rows, uint32_t batch_rows)
    : encoding_(encoding),
      format_(std::move(format)),
      rows_(std::move(rows)),
      batch_rows_(batch_rows) {}

absl::Status Encoder::Encode(const Unit& unit, Encoded* encoded) {
  const size_t unit_rows = unit.rows;
  const bool is_messages = encoding_.destination.mode == THRONG_RECORDS_MESSAGES;
  const bool is_interactions = encoding_.table->IsInteractions();
  encoded->records.Clear();
  encoded->note.reset();
  encoded->key_end.resize(is_messages ? unit_rows : 0);
  encoded->value_end.resize(is_messages ? unit_rows : 0);
  encoded->seen.Resize(is_interactions ? unit_rows : 0);
  encoded->time.resize(is_interactions && is_messages ? unit_rows : 0);
  for (size_t done = 0; done < unit_rows; done += batch_rows_) {
    const auto n = static_cast<uint32_t>(std::min<size_t>(unit_rows - done, batch_rows_));
    throng_block batch{};
    batch.struct_size = sizeof batch;
    batch.rows = n;
    batch.first_row = unit.first + static_cast<int64_t>(done);
    batch.columns = rows_->columns();
    batch.key_end = is_messages ? encoded->key_end.data() + done : nullptr;
    batch.value_end = is_messages ? encoded->value_end.data() + done : nullptr;
    if (absl::Status status = rows_->Fill(batch.first_row, n); !status.ok()) return status;
    absl::Status status = format_->Encode(batch, encoded->records.abi());
    if (!status.ok()) return status;
    if (!is_interactions) continue;
    const Columns& columns = rows_->interactions();
    encoded->seen.Take(columns, done, n);
    if (!is_messages) continue;
    std::copy_n(columns.time.begin(), n, encoded->time.begin() + static_cast<int64_t>(done));
  }
  const throng_bytes note = encoded->records.abi()->note;
  const bool is_of_cut = encoding_.prologue.cut_rows > 1 && !is_messages;
  if (is_of_cut && note.data != nullptr) encoded->note.emplace(note.data, note.size);
  return absl::OkStatus();
}

}  // namespace throng
