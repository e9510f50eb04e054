// Whole numbers in few bits, as Parquet packs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace throng::plugins {

// Numbers of `width` bits, 1 to 32: runs of equal ones, and groups of eight packed one after the
// other (Parquet's RLE/bit-packing hybrid). Writes HybridRoom bytes at most and returns the end.
size_t HybridRoom(size_t count, unsigned width);
char* WriteHybrid(std::span<const uint32_t> values, unsigned width, char* p);

// Differences of each number to the one before, less the least of a block, in as few bits as the
// greatest of a miniblock needs (DELTA_BINARY_PACKED).
size_t DeltaRoom(size_t count);
char* WriteDeltas(std::span<const int64_t> values, char* p);
// Bytes of their bits, without what stands before them.
size_t DeltaBytes(std::span<const int64_t> values);

// So many bits for each of `values`, which has room for seven more; returns the end and may leave
// rubbish in the eight bytes behind it.
char* PackBits(const uint32_t* values, size_t count, unsigned width, char* p);

}  // namespace throng::plugins
