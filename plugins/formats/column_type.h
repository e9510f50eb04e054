// What columns hold, as C++ has it, and the one switch over it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "throng/plugin.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Logical types, IDs by their style.
enum class ColumnType {
  kTextId,
  kIntegerId,
  kUuid,
  kInt64,
  kRating,
  kTimestamp,
  kLabel,
  kBool,
  kFloat64,
};

// Throws UNIMPLEMENTED for a type, or a style of IDs, that is not known here.
inline ColumnType TypeOf(const throng_column& column) {
  switch (column.type) {
    case THRONG_COLUMN_ID:
      if (column.id_style == THRONG_ID_TEXT) return ColumnType::kTextId;
      if (column.id_style == THRONG_ID_INTEGER) return ColumnType::kIntegerId;
      if (column.id_style == THRONG_ID_UUID) return ColumnType::kUuid;
      break;
    case THRONG_COLUMN_INT64:
      return ColumnType::kInt64;
    case THRONG_COLUMN_RATING:
      return ColumnType::kRating;
    case THRONG_COLUMN_TIMESTAMP:
      return ColumnType::kTimestamp;
    case THRONG_COLUMN_LABEL:
      return ColumnType::kLabel;
    case THRONG_COLUMN_BOOL:
      return ColumnType::kBool;
    case THRONG_COLUMN_FLOAT64:
      return ColumnType::kFloat64;
    default:
      break;
  }
  throw Error(THRONG_UNIMPLEMENTED,
              std::string("The column ") + column.name +
                  " has a type that this format does not know; leave it out of columns.");
}

// Whether each value must be looked at to see if it is there. (LABELs need not: absence is one of
// their texts. What is not finite has no text, and is absent.)
inline bool IsCheckedForAbsence(const throng_column& column) {
  return column.type == THRONG_COLUMN_FLOAT64 ||
         (column.type != THRONG_COLUMN_LABEL && (column.flags & THRONG_COLUMN_NULLABLE) != 0);
}

// A column of a type, whose arrays hold `Value`.
template <ColumnType kType, class Value>
struct ColumnOf {
  static Value At(const void* column, size_t row) { return static_cast<const Value*>(column)[row]; }
  static bool IsAbsent(Value value) {
    if constexpr (kType == ColumnType::kFloat64) {
      return !std::isfinite(value);
    } else if constexpr (kType == ColumnType::kBool) {
      return value == 2;
    } else if constexpr (kType == ColumnType::kInt64 || kType == ColumnType::kTimestamp) {
      return value == std::numeric_limits<Value>::min();
    } else {
      return value == -1;
    }
  }
};
using TextIdColumn = ColumnOf<ColumnType::kTextId, int64_t>;
using IntegerIdColumn = ColumnOf<ColumnType::kIntegerId, int64_t>;
using UuidColumn = ColumnOf<ColumnType::kUuid, int64_t>;
using Int64Column = ColumnOf<ColumnType::kInt64, int64_t>;
using RatingColumn = ColumnOf<ColumnType::kRating, int32_t>;
using TimestampColumn = ColumnOf<ColumnType::kTimestamp, int64_t>;
using LabelColumn = ColumnOf<ColumnType::kLabel, int32_t>;
using BoolColumn = ColumnOf<ColumnType::kBool, uint8_t>;
using Float64Column = ColumnOf<ColumnType::kFloat64, double>;

// Returns visit(TextIdColumn()) and so on.
template <class Visit>
[[gnu::always_inline]] inline auto VisitType(ColumnType type, const Visit& visit) {
  switch (type) {
    case ColumnType::kTextId:
      return visit(TextIdColumn());
    case ColumnType::kIntegerId:
      return visit(IntegerIdColumn());
    case ColumnType::kUuid:
      return visit(UuidColumn());
    case ColumnType::kInt64:
      return visit(Int64Column());
    case ColumnType::kRating:
      return visit(RatingColumn());
    case ColumnType::kTimestamp:
      return visit(TimestampColumn());
    case ColumnType::kLabel:
      return visit(LabelColumn());
    case ColumnType::kBool:
      return visit(BoolColumn());
    case ColumnType::kFloat64:
      break;
  }
  return visit(Float64Column());
}

// Whether the value at `row` is absent. Not inlined: loops that ask it seldom stay small.
[[gnu::noinline]] inline bool IsAbsent(ColumnType type, const void* column, size_t row) {
  return VisitType(type,
                   [&]<class Column>(Column) { return Column::IsAbsent(Column::At(column, row)); });
}

// What most ids begin with.
inline constexpr int64_t kUsualFirstId = 1;
// Whether fields (type, is_checked, id_first) begin with the four columns of interactions in their
// usual form, whose loop formats unroll.
template <class Fields>
bool BeginsWithInteraction(const Fields& fields) {
  constexpr ColumnType kTypes[] = {ColumnType::kTextId, ColumnType::kTextId, ColumnType::kRating,
                                   ColumnType::kTimestamp};
  if (fields.size() < std::size(kTypes)) return false;
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (fields[i].type != kTypes[i] || fields[i].is_checked ||
        (i < 2 && fields[i].id_first != kUsualFirstId))
      return false;
  }
  return true;
}

}  // namespace throng::plugins
