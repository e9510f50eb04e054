#include "plugins/formats/parquet/column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "plugins/formats/parquet/dictionary.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/text.hpp"

namespace throng::plugins {
namespace {

constexpr size_t kSizeBytes = 4;  // before a text
constexpr size_t kMaxDigits = 20;
constexpr int64_t kMicrosOfMilli = 1000;
// Hundredths of stars in nine digits, the most that an INT32 holds.
constexpr int kDecimalDigits = 9;
constexpr int kDecimalScale = 2;

// Numbers whose texts may be the least or the greatest of all: of those of each length, the least
// and the greatest.
std::vector<int64_t> ExtremesByLength(std::span<const int64_t> numbers) {
  const Ends ends = EndsOf(numbers);
  std::vector<int64_t> extremes;
  const auto add = [&](int64_t least, int64_t greatest) {
    if (greatest < ends.least || least > ends.greatest) return;
    const Ends found = EndsOf(numbers, {least, greatest});
    if (found.least <= found.greatest)
      extremes.insert(extremes.end(), {found.least, found.greatest});
  };
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  add(0, 9);
  add(-9, -1);
  for (int64_t power = 10; power > 0;) {
    int64_t next = 0;
    if (__builtin_mul_overflow(power, 10, &next)) next = 0;
    add(power, next == 0 ? kMost : next - 1);
    add(next == 0 ? -kMost - 1 : 1 - next, -power);
    power = next;
  }
  return extremes;
}

template <class Value>
std::string BytesOf(Value value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

ParquetColumn::ParquetColumn(const throng_column& column, RatingType ratings, TimeUnit times)
    : type_(TypeOf(column)),
      is_optional_(IsNullable(column)),
      is_checked_(IsCheckedForAbsence(column) || column.type == THRONG_COLUMN_LABEL),
      name_(column.name),
      id_first_(column.id_first),
      id_key_(column.id_key) {
  if (type_ == ColumnType::kTextId) prefix_ = FixedText(column.prefix);
  for (uint32_t i = 0; i < column.labels_count; ++i) labels_.emplace_back(column.labels[i]);
  SetStored(ratings, times);
}

void ParquetColumn::SetStored(RatingType ratings, TimeUnit times) {
  switch (type_) {
    case ColumnType::kTextId:
      stored_ = ParquetType::kBytes;
      most_bytes_ = kSizeBytes + prefix_.size() + kMaxDigits;
      break;
    case ColumnType::kUuid:
      stored_ = ParquetType::kBytes;
      most_bytes_ = kSizeBytes + kUuidText;
      break;
    case ColumnType::kLabel:
      stored_ = ParquetType::kBytes;
      for (const std::string& label : labels_) {
        most_bytes_ = std::max(most_bytes_, kSizeBytes + label.size());
      }
      break;
    case ColumnType::kRating:
      is_decimal_ = ratings == RatingType::kDecimal;
      stored_ = is_decimal_ ? ParquetType::kInt32 : ParquetType::kDouble;
      break;
    case ColumnType::kFloat64:
      stored_ = ParquetType::kDouble;
      break;
    case ColumnType::kBool:
      stored_ = ParquetType::kBoolean;
      break;
    case ColumnType::kTimestamp:
      factor_ = times == TimeUnit::kMicros ? kMicrosOfMilli : 1;
      break;
    case ColumnType::kIntegerId:
    case ColumnType::kInt64:
      break;
  }
}

std::span<const int64_t> ParquetColumn::Gather(const void* values, size_t rows,
                                               std::vector<int64_t>* room,
                                               std::vector<uint32_t>* levels) const {
  levels->clear();
  return VisitType(type_, [&]<class Column>(Column) -> std::span<const int64_t> {
    using Value = decltype(Column::At(values, 0));
    const auto* const first = static_cast<const Value*>(values);
    if constexpr (std::is_same_v<Value, int64_t>) {
      const bool is_same = factor_ == 1 && (type_ != ColumnType::kIntegerId || id_first_ == 0);
      if (is_same && !is_checked_) return {first, rows};
    }
    room->resize(std::max(room->size(), rows));
    int64_t* const out = room->data();
    const int64_t add = type_ == ColumnType::kIntegerId ? id_first_ : 0;
    const int64_t factor = factor_;
    const auto standing = [=](Value value) {
      if constexpr (std::is_same_v<Value, double>) {
        return std::bit_cast<int64_t>(value);
      } else {
        return static_cast<int64_t>(value) * factor + add;
      }
    };
    if (!is_checked_) {
      for (size_t row = 0; row < rows; ++row) out[row] = standing(first[row]);
      return {out, rows};
    }
    levels->resize(rows);
    size_t count = 0;
    for (size_t row = 0; row < rows; ++row) {
      const bool is_there = !Column::IsAbsent(first[row]);
      (*levels)[row] = is_there ? 1 : 0;
      if (is_there) out[count++] = standing(first[row]);
    }
    if (count == rows) levels->clear();
    return {out, count};
  });
}

char* ParquetColumn::WriteText(int64_t value, char* p) const {
  char* const text = p + kSizeBytes;
  char* end = text;
  if (type_ == ColumnType::kTextId) {
    end = WriteSigned(value + id_first_, prefix_.Write(text));
  } else if (type_ == ColumnType::kUuid) {
    end = WriteUuid(id_key_, value, text);
  } else {
    const std::string& label = labels_[static_cast<size_t>(value)];
    end = std::copy(label.begin(), label.end(), text);
  }
  const auto size = static_cast<uint32_t>(end - text);
  std::memcpy(p, &size, sizeof size);
  return end;
}

char* ParquetColumn::WritePlain(std::span<const int64_t> values, char* p) const {
  switch (stored_) {
    case ParquetType::kBytes:
      for (const int64_t value : values) p = WriteText(value, p);
      return p;
    case ParquetType::kBoolean: {
      const size_t bytes = (values.size() + 7) / 8;
      std::fill_n(p, bytes, '\0');
      for (size_t i = 0; i < values.size(); ++i) p[i / 8] |= static_cast<char>(values[i] << i % 8);
      return p + bytes;
    }
    case ParquetType::kInt32:
      for (const int64_t value : values) {
        const auto narrow = static_cast<int32_t>(value);
        std::memcpy(p, &narrow, sizeof narrow);
        p += sizeof narrow;
      }
      return p;
    default:
      break;
  }
  if (type_ == ColumnType::kRating) {
    for (const int64_t value : values) {
      // The double that is nearest to the decimal number, as a reader of its text has it.
      const double stars = static_cast<double>(value) / 100.0;
      std::memcpy(p, &stars, sizeof stars);
      p += sizeof stars;
    }
    return p;
  }
  if (!values.empty()) std::memcpy(p, values.data(), values.size_bytes());
  return p + values.size_bytes();
}

std::string ParquetColumn::Text(int64_t value) const {
  std::string text(most_bytes_ + kTextSlack, '\0');
  const char* const end = WriteText(value, text.data());
  return text.substr(kSizeBytes, static_cast<size_t>(end - text.data()) - kSizeBytes);
}

ParquetColumn::Bounds ParquetColumn::BoundsOfTexts(std::span<const int64_t> values) const {
  std::vector<int64_t> candidates;
  if (type_ == ColumnType::kTextId) {
    candidates.assign(values.begin(), values.end());
    for (int64_t& number : candidates) number += id_first_;
    candidates = ExtremesByLength(candidates);
    for (int64_t& number : candidates) number -= id_first_;
  } else {
    candidates.assign(values.begin(), values.end());
  }
  Bounds bounds = {Text(candidates[0]), Text(candidates[0])};
  for (const int64_t candidate : candidates) {
    const std::string text = Text(candidate);
    bounds.least = std::min(bounds.least, text);
    bounds.greatest = std::max(bounds.greatest, text);
  }
  return bounds;
}

std::optional<ParquetColumn::Bounds> ParquetColumn::BoundsOf(
    std::span<const int64_t> values) const {
  if (type_ == ColumnType::kUuid) return std::nullopt;  // they are random
  if (IsText()) return BoundsOfTexts(values);
  if (type_ == ColumnType::kFloat64) {
    double least = std::bit_cast<double>(values[0]);
    double greatest = least;
    for (const int64_t bits : values) {
      least = std::min(least, std::bit_cast<double>(bits));
      greatest = std::max(greatest, std::bit_cast<double>(bits));
    }
    // Of two zeros the negative one is the less.
    return Bounds{BytesOf(least == 0 ? -0.0 : least), BytesOf(greatest == 0 ? 0.0 : greatest)};
  }
  const Ends ends = EndsOf(values);
  const auto plain = [&](const int64_t& value) {
    std::array<char, sizeof(int64_t) + kTextSlack> bytes;
    return std::string(bytes.data(), WritePlain({&value, 1}, bytes.data()));
  };
  return Bounds{plain(ends.least), plain(ends.greatest)};
}

void ParquetColumn::WriteSchema(ThriftWriter* out) const {
  enum { kString = 1, kDecimal = 5, kTimestamp = 8 };                             // LogicalType
  enum { kUtf8 = 0, kDecimalBefore = 5, kMillisBefore = 9, kMicrosBefore = 10 };  // ConvertedType
  const bool is_time = type_ == ColumnType::kTimestamp;
  const bool is_annotated = IsText() || is_decimal_ || is_time;
  out->I32(1, static_cast<int>(stored_));
  out->I32(3, is_optional_ ? 1 : 0);
  out->Binary(4, name_);
  if (!is_annotated) return;
  if (IsText()) {
    out->I32(6, kUtf8);
  } else if (is_decimal_) {
    out->I32(6, kDecimalBefore);
    out->I32(7, kDecimalScale);
    out->I32(8, kDecimalDigits);
  } else {
    out->I32(6, factor_ == 1 ? kMillisBefore : kMicrosBefore);
  }
  out->Struct(10, [&] {
    if (IsText()) return out->Struct(kString, [] {});
    if (is_decimal_) {
      return out->Struct(kDecimal, [&] {
        out->I32(1, kDecimalScale);
        out->I32(2, kDecimalDigits);
      });
    }
    out->Struct(kTimestamp, [&] {
      out->Bool(1, true);  // UTC
      out->Struct(2, [&] { out->Struct(factor_ == 1 ? 1 : 2, [] {}); });
    });
  });
}

}  // namespace throng::plugins
