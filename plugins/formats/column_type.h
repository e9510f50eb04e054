// The logical types of columns as C++ has them, and the one switch over them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "throng/plugin.h"

namespace throng::plugins {

// A column of the logical type kType (THRONG_COLUMN_...), whose arrays hold `Value`.
template <uint32_t kType, class Value>
struct ColumnOf {
  static Value At(const void* column, size_t row) { return static_cast<const Value*>(column)[row]; }
};
using IdColumn = ColumnOf<THRONG_COLUMN_ID, int64_t>;
using Int64Column = ColumnOf<THRONG_COLUMN_INT64, int64_t>;
using RatingColumn = ColumnOf<THRONG_COLUMN_RATING, int32_t>;
using TimestampColumn = ColumnOf<THRONG_COLUMN_TIMESTAMP, int64_t>;
using LabelColumn = ColumnOf<THRONG_COLUMN_LABEL, int32_t>;
using BoolColumn = ColumnOf<THRONG_COLUMN_BOOL, uint8_t>;
using Float64Column = ColumnOf<THRONG_COLUMN_FLOAT64, double>;

inline bool IsKnownType(uint32_t type) {
  return type >= THRONG_COLUMN_ID && type <= THRONG_COLUMN_FLOAT64;
}

// Returns visit(IdColumn()) and so on, by a type that is known.
template <class Visit>
[[gnu::always_inline]] inline auto VisitType(uint32_t type, const Visit& visit) {
  switch (type) {
    case THRONG_COLUMN_ID:
      return visit(IdColumn());
    case THRONG_COLUMN_INT64:
      return visit(Int64Column());
    case THRONG_COLUMN_RATING:
      return visit(RatingColumn());
    case THRONG_COLUMN_TIMESTAMP:
      return visit(TimestampColumn());
    case THRONG_COLUMN_LABEL:
      return visit(LabelColumn());
    case THRONG_COLUMN_BOOL:
      return visit(BoolColumn());
    default:
      return visit(Float64Column());
  }
}

}  // namespace throng::plugins
