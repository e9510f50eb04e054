// The text of values by the slowest and plainest means, and random tables: what the formats are
// compared with.
#ifndef THRONG_TESTS_PLUGINS_NAIVE_TEXT_H_
#define THRONG_TESTS_PLUGINS_NAIVE_TEXT_H_

#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"
#include "throng/hash.h"

namespace throng {

inline std::string NaiveRating(int32_t hundredths) {
  const int64_t magnitude = hundredths < 0 ? -static_cast<int64_t>(hundredths) : hundredths;
  char text[32];
  std::snprintf(text, sizeof text, "%s%" PRId64 ".%02" PRId64, hundredths < 0 ? "-" : "",
                magnitude / 100, magnitude % 100);
  std::string rating = text;
  if (rating.back() == '0') rating.pop_back();
  return rating;
}

inline std::string NaiveTimestamp(int64_t ms) {
  time_t seconds = ms / 1000;
  if (ms % 1000 < 0) --seconds;
  tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

// Version 8, variant 10, all else from the two hashes.
inline std::string NaiveUuid(uint64_t key, int64_t number) {
  const uint64_t high = throng_hash(key, static_cast<uint64_t>(number));
  const uint64_t low = throng_hash(~key, static_cast<uint64_t>(number));
  char text[64];
  std::snprintf(text, sizeof text,
                "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
                high >> 16 & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000,
                low & 0xffffffffffff);
  return text;
}

// Whether the value is the one that stands for an absent one, and may be.
inline bool IsAbsent(const TableColumn& column, size_t row) {
  const auto wide = [&] { return std::get<std::vector<int64_t>>(column.values)[row]; };
  const auto narrow = [&] { return std::get<std::vector<int32_t>>(column.values)[row]; };
  if (column.type == THRONG_COLUMN_LABEL) return narrow() == -1;
  if (column.type == THRONG_COLUMN_FLOAT64) {
    return !std::isfinite(std::get<std::vector<double>>(column.values)[row]);
  }
  if (!column.is_nullable) return false;
  if (column.type == THRONG_COLUMN_ID) return wide() == -1;
  if (column.type == THRONG_COLUMN_RATING) return narrow() == -1;
  if (column.type == THRONG_COLUMN_BOOL) {
    return std::get<std::vector<uint8_t>>(column.values)[row] == 2;
  }
  return wide() == std::numeric_limits<int64_t>::min();
}

// Whether typed formats have the column as one that may be absent.
inline bool IsOptional(const TableColumn& column) {
  return column.is_extra || column.is_nullable || column.type == THRONG_COLUMN_LABEL ||
         column.type == THRONG_COLUMN_FLOAT64;
}

// None where the value is absent. Not for FLOAT64, whose shortest text has no plain means.
inline std::optional<std::string> NaiveText(const TableColumn& column, size_t row) {
  if (IsAbsent(column, row)) return std::nullopt;
  switch (column.type) {
    case THRONG_COLUMN_ID: {
      const int64_t number = std::get<std::vector<int64_t>>(column.values)[row];
      if (column.id_style == THRONG_ID_UUID) return NaiveUuid(column.id_key, number);
      const std::string shown = std::to_string(number + column.id_first);
      return column.id_style == THRONG_ID_INTEGER ? shown : column.prefix + shown;
    }
    case THRONG_COLUMN_INT64:
      return std::to_string(std::get<std::vector<int64_t>>(column.values)[row]);
    case THRONG_COLUMN_RATING:
      return NaiveRating(std::get<std::vector<int32_t>>(column.values)[row]);
    case THRONG_COLUMN_TIMESTAMP:
      return NaiveTimestamp(std::get<std::vector<int64_t>>(column.values)[row]);
    case THRONG_COLUMN_LABEL:
      return column.labels[static_cast<size_t>(std::get<std::vector<int32_t>>(column.values)[row])];
    default:
      return std::get<std::vector<uint8_t>>(column.values)[row] != 0 ? "true" : "false";
  }
}

// A value of any length: mostly small, now and then up to 2^62.
inline int64_t AnyLength(std::mt19937_64& random) {
  return static_cast<int64_t>(random() >> (2 + random() % 62));
}

// One to seven columns of random types (no FLOAT64), `rows` of random values, some of them absent.
// Every second table begins with the four columns of interactions.
inline std::vector<TableColumn> RandomColumns(std::mt19937_64& random, size_t rows) {
  const bool is_interactions = random() % 2 == 0;
  std::vector<uint32_t> types;
  if (is_interactions) {
    types = {THRONG_COLUMN_ID, THRONG_COLUMN_ID, THRONG_COLUMN_RATING, THRONG_COLUMN_TIMESTAMP};
  }
  for (uint64_t more = random() % 4 + (is_interactions ? 0 : 1); more > 0; --more) {
    types.push_back(static_cast<uint32_t>(THRONG_COLUMN_ID + random() % 6));
  }
  std::vector<TableColumn> columns;
  for (const uint32_t type : types) {
    TableColumn& column = columns.emplace_back();
    column.type = type;
    column.name = std::string(random() % 40, 'n') + std::to_string(columns.size());
    if (type == THRONG_COLUMN_ID) {
      column.prefix = std::string(random() % 40, 'p');
      if (random() % 2 == 0) {
        column.id_style = static_cast<uint32_t>(random() % 3);
        column.id_first = AnyLength(random) * (random() % 2 == 0 ? 1 : -1);
        column.id_key = random();
      }
    }
    column.is_nullable = random() % 4 == 0;
    if (type == THRONG_COLUMN_LABEL) {
      for (size_t label = 0; label < 5; ++label) {
        column.labels.push_back(std::string(random() % 60, static_cast<char>('a' + label)));
      }
    }
    std::vector<int64_t> wide(rows);
    std::vector<int32_t> narrow(rows);
    std::vector<uint8_t> flags(rows);
    for (size_t row = 0; row < rows; ++row) {
      const int64_t any = AnyLength(random);
      const int64_t sign = random() % 4 == 0 ? -1 : 1;
      if (type == THRONG_COLUMN_ID) wide[row] = any;
      if (type == THRONG_COLUMN_INT64) wide[row] = any * sign;
      if (type == THRONG_COLUMN_TIMESTAMP) wide[row] = any % 62000000000000 * sign;
      if (type == THRONG_COLUMN_RATING) narrow[row] = static_cast<int32_t>(any % 1000 * sign);
      if (type == THRONG_COLUMN_LABEL) narrow[row] = static_cast<int32_t>(random() % 6) - 1;
      flags[row] = static_cast<uint8_t>(random() % 2);
      if (column.is_nullable && random() % 3 == 0) {
        wide[row] = type == THRONG_COLUMN_ID ? -1 : std::numeric_limits<int64_t>::min();
        narrow[row] = -1;
        flags[row] = 2;
      }
    }
    if (type == THRONG_COLUMN_BOOL) {
      column.values = flags;
    } else if (type == THRONG_COLUMN_RATING || type == THRONG_COLUMN_LABEL) {
      column.values = narrow;
    } else {
      column.values = wide;
    }
  }
  return columns;
}

}  // namespace throng

#endif  // THRONG_TESTS_PLUGINS_NAIVE_TEXT_H_
