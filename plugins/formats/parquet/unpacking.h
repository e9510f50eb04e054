// Whole numbers in few bits, as Parquet packs them, read from bytes that may be damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace throng::plugins {

// All return false for bytes that cannot be, or that are too few.

// So many numbers of `width` bits, at most 32, in Parquet's RLE/bit-packing hybrid.
bool ReadHybrid(std::string_view bytes, unsigned width, size_t count,
                std::vector<uint32_t>* values);

// So many numbers in DELTA_BINARY_PACKED. What follows them stays in `bytes`.
bool ReadDeltas(std::string_view* bytes, size_t count, std::vector<int64_t>* values);

}  // namespace throng::plugins
