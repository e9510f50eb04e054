// What the footer of a Parquet file says, as far as reading rows needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/parquet/layout.h"

namespace throng::plugins {

// What stored values mean.
enum class ParquetMeaning { kPlain, kDecimal, kMillis, kMicros, kNanos, kDate, kUuid };

struct ParquetLeaf {
  std::string name;       // of its column of the table
  bool is_single = true;  // a column of its own with one value a row
  bool is_optional = false;
  ParquetType type = ParquetType::kInt64;
  size_t type_bytes = 0;  // of kFixedBytes
  ParquetMeaning meaning = ParquetMeaning::kPlain;
  int scale = 0;  // of a decimal
};

struct ParquetChunkPlace {
  int64_t codec = 0;
  int64_t values = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
};

struct ParquetGroup {
  int64_t rows = 0;
  std::vector<ParquetChunkPlace> chunks;  // of each leaf
};

struct ParquetFileSchema {
  std::vector<ParquetLeaf> leaves;
  std::vector<ParquetGroup> groups;
};

// Of a footer without its size and magic bytes. None if it is damaged.
std::optional<ParquetFileSchema> ReadParquetFooter(std::string_view footer);

}  // namespace throng::plugins
