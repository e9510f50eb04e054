// Numbers and names of Parquet's format, as parquet.thrift has them.
#pragma once

#include <cstdint>
#include <string_view>

namespace throng::plugins {

inline constexpr std::string_view kParquetMagic = "PAR1";

enum class ParquetType : uint8_t {
  kBoolean = 0,
  kInt32 = 1,
  kInt64 = 2,
  kInt96 = 3,
  kFloat = 4,
  kDouble = 5,
  kBytes = 6,
  kFixedBytes = 7,
};
enum class ParquetEncoding : uint8_t {
  kPlain = 0,
  kPlainDictionary = 2,
  kRle = 3,
  kDelta = 5,
  kDeltaLengths = 6,
  kDeltaBytes = 7,
  kDictionary = 8,
};
enum class ParquetCodec : uint8_t { kNone = 0, kSnappy = 1, kGzip = 2, kZstd = 6 };
enum class ParquetPage : uint8_t { kData = 0, kIndex = 1, kDictionary = 2, kDataV2 = 3 };

}  // namespace throng::plugins
