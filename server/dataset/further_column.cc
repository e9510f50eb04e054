#include "server/dataset/further_column.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "server/control/digest.h"
#include "server/control/plain_text.h"
#include "server/dataset/columns.h"
#include "server/dataset/name.h"
#include "throng/plugin.h"

namespace throng {
namespace {

template <class T>
bool AllWithin(const void* elements, size_t n, int64_t first, int64_t last,
               std::optional<T> absent = std::nullopt) {
  const auto* values = static_cast<const T*>(elements);
  return std::all_of(values, values + n, [&](T value) {
    return (value >= first && value <= last) || (absent && value == *absent);
  });
}

}  // namespace

uint32_t FurtherColumn::FieldNumber() const {
  const std::string hash = Digest().Add(FullName()).Raw();
  uint32_t number = 1;
  for (size_t i = 0; i < 3; ++i) number = number << 8 | static_cast<uint8_t>(hash[i]);
  return number;
}

size_t FurtherColumn::width() const {
  switch (type) {
    case THRONG_COLUMN_BOOL:
      return sizeof(uint8_t);
    case THRONG_COLUMN_LABEL:
    case THRONG_COLUMN_RATING:
      return sizeof(int32_t);
    default:
      return sizeof(int64_t);
  }
}

bool FurtherColumn::Holds(const void* elements, size_t n) const {
  const int64_t absent = is_nullable ? 1 : 0;
  switch (type) {
    case THRONG_COLUMN_BOOL:
      return AllWithin<uint8_t>(elements, n, 0, 1 + absent);
    case THRONG_COLUMN_LABEL:
      return AllWithin<int32_t>(elements, n, -absent, static_cast<int64_t>(labels.size()) - 1);
    case THRONG_COLUMN_RATING:
      return AllWithin<int32_t>(elements, n, -absent, INT32_MAX);
    case THRONG_COLUMN_TIMESTAMP:
      return AllWithin<int64_t>(elements, n, kFirstTime, kLastTime,
                                is_nullable ? std::optional(INT64_MIN) : std::nullopt);
    case THRONG_COLUMN_INT64:
      return is_nullable || AllWithin<int64_t>(elements, n, INT64_MIN + 1, INT64_MAX);
    default: {
      const auto* values = static_cast<const double*>(elements);
      return std::all_of(values, values + n, [&](double value) {
        return std::isfinite(value) || (is_nullable && std::isnan(value));
      });
    }
  }
}

absl::Status CheckFurtherColumns(const std::vector<FurtherColumn>& columns) {
  if (columns.size() > kMostFurtherColumns) {
    return absl::InternalError(fmt::format("it has {} further columns of a table; {} are allowed.",
                                           columns.size(), kMostFurtherColumns));
  }
  std::set<std::string> names;
  for (const FurtherColumn& column : columns) {
    if (!IsSnakeCase(column.name)) {
      return absl::InternalError(
          fmt::format("its further column {} is not named in snake_case.", column.index));
    }
    if (!names.insert(column.name).second) {
      return absl::InternalError(fmt::format("it has two further columns named {}.", column.name));
    }
    if (column.type < THRONG_COLUMN_INT64 || column.type > THRONG_COLUMN_FLOAT64) {
      return absl::InternalError(
          fmt::format("its further column {} is of type {}, which such a column cannot have.",
                      column.name, column.type));
    }
    if (column.doc.empty() || PlainText(column.doc) != column.doc) {
      return absl::InternalError(fmt::format(
          "its further column {} has a doc that is empty or no plain text.", column.name));
    }
    const bool is_label = column.type == THRONG_COLUMN_LABEL;
    if (is_label == column.labels.empty()) {
      return absl::InternalError(fmt::format("its further column {} has {} labels.", column.name,
                                             is_label ? "no" : "needless"));
    }
    for (const std::string& label : column.labels) {
      if (!IsLabel(label)) {
        return absl::InternalError(fmt::format(
            "its further column {} has a label that is empty or would break CSV.", column.name));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace throng
