#include "server/inspection/verify_side_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "server/control/plain_text.h"
#include "server/inspection/verify_units.h"

namespace throng {
namespace {

constexpr int64_t kUnitRows = 4096;
constexpr size_t kMostText = 300;

std::string TextOf(std::string_view bytes) {
  std::string text = PlainText(bytes.substr(0, kMostText));
  return bytes.size() > kMostText ? text + "..." : text;
}

// Calls `visit(i, key, value)` for the records of a unit.
template <class Visit>
void VisitRecords(const Encoded& encoded, size_t rows, Visit&& visit) {
  const std::string_view bytes = encoded.records.bytes();
  size_t begin = 0;
  for (size_t i = 0; i < rows; ++i) {
    const std::string_view key = bytes.substr(begin, encoded.key_end[i] - begin);
    begin = encoded.value_end[i];
    visit(i, key, bytes.substr(encoded.key_end[i], begin - encoded.key_end[i]));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<SideTableCheck>> SideTableCheck::Make(
    const Encoding& messages, const Slice& rows, const Slice& wanted,
    const std::function<bool()>& is_stopping, Findings* findings) {
  std::unique_ptr<SideTableCheck> check(new SideTableCheck(messages, rows, wanted, findings));
  auto encoder = Encoder::Create(messages);
  if (!encoder.ok()) return encoder.status();
  check->encoder_ = *std::move(encoder);
  if (absl::Status status = check->MakeRecords(is_stopping); !status.ok()) return status;
  return check;
}

absl::Status SideTableCheck::MakeRecords(const std::function<bool()>& is_stopping) {
  records_.reserve(static_cast<size_t>(rows_.RowsBelow(rows_.end())));
  for (auto unit = rows_.UnitAt(rows_.first(), kUnitRows); unit;
       unit = rows_.UnitAt(unit->next, kUnitRows)) {
    if (is_stopping()) return absl::CancelledError("stopped");
    if (absl::Status status = encoder_->Encode(*unit, &encoded_); !status.ok()) return status;
    VisitRecords(encoded_, unit->rows, [&](size_t i, std::string_view key, std::string_view value) {
      const int64_t row = unit->first + static_cast<int64_t>(i);
      records_.push_back({absl::HashOf(key), RecordHash(key, value), row});
    });
  }
  std::sort(records_.begin(), records_.end(), [](const Record& a, const Record& b) {
    return std::pair(a.key_hash, a.row) < std::pair(b.key_hash, b.row);
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> SideTableCheck::ValueOf(int64_t row) {
  const auto unit = rows_.UnitAt(row, 1);
  if (!unit) return absl::InternalError(fmt::format("row {} is not of the table", row));
  if (absl::Status status = encoder_->Encode(*unit, &encoded_); !status.ok()) return status;
  std::string text;
  VisitRecords(encoded_, 1, [&](size_t, std::string_view key, std::string_view value) {
    text = key.empty() ? TextOf(value) : fmt::format("{}: {}", TextOf(key), TextOf(value));
  });
  return text;
}

absl::Status SideTableCheck::Add(const std::string& piece, int64_t offset, std::string_view key,
                                 std::string_view value) {
  ++found_rows_;
  const uint64_t key_hash = absl::HashOf(key);
  const uint64_t hash = RecordHash(key, value);
  const auto less = [](const Record& record, uint64_t k) { return record.key_hash < k; };
  const auto begin = std::lower_bound(records_.begin(), records_.end(), key_hash, less);
  auto end = begin;
  Record* same = nullptr;
  for (; end != records_.end() && end->key_hash == key_hash; ++end) {
    if (end->hash != hash) continue;
    if (!end->is_found) {
      end->is_found = true;
      return absl::OkStatus();
    }
    same = &*end;
  }
  v1::DifferenceKind kind = v1::DIFFERENCE_KIND_DOUBLED;
  if (same == nullptr) {
    // Of one row there is one value.
    const bool is_of_row = end - begin == 1;
    kind = is_of_row ? v1::DIFFERENCE_KIND_ALTERED : v1::DIFFERENCE_KIND_FOREIGN;
    if (is_of_row) same = &*begin;
  }
  v1::DifferenceExample example = ExampleAt(
      piece, offset, "", key.empty() ? TextOf(value) : TextOf(key) + ": " + TextOf(value));
  if (same != nullptr) {
    same->is_found = true;
    example.set_row(same->row);
    if (findings_.WantsExample(kind)) {
      auto expected = ValueOf(same->row);
      if (!expected.ok()) return expected.status();
      example.set_expected(*std::move(expected));
    }
  }
  findings_.Add(kind, std::move(example));
  return absl::OkStatus();
}

absl::Status SideTableCheck::Finish() {
  std::sort(records_.begin(), records_.end(),
            [](const Record& a, const Record& b) { return a.row < b.row; });
  for (const Record& record : records_) {
    if (record.is_found || !wanted_.Has(record.row)) continue;
    v1::DifferenceExample example;
    example.set_row(record.row);
    if (findings_.WantsExample(v1::DIFFERENCE_KIND_LOST)) {
      auto expected = ValueOf(record.row);
      if (!expected.ok()) return expected.status();
      example.set_expected(*std::move(expected));
    }
    findings_.Add(v1::DIFFERENCE_KIND_LOST, std::move(example));
  }
  return absl::OkStatus();
}

}  // namespace throng
