#include "plugins/formats/parquet/packing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "plugins/formats/varint.h"
#include "throng/random.hpp"

namespace throng::plugins {
namespace {

constexpr size_t kGroup = 8;
constexpr size_t kSlack = 8;
constexpr unsigned kMostWidth = 32;

// Runs shorter than that many bits are packed like what stands around them.
constexpr size_t kLeastRunBits = 64;

// Of DELTA_BINARY_PACKED, as every writer has them.
constexpr size_t kBlock = 128;
constexpr size_t kMiniblocks = 4;
constexpr size_t kMiniblock = kBlock / kMiniblocks;

template <unsigned kWidth>
char* PackGroups(const uint32_t* values, size_t groups, char* p) {
  for (; groups > 0; --groups, values += kGroup) {
    uint64_t bits = 0;
    unsigned used = 0;
    char* at = p;
#pragma GCC unroll 8
    for (size_t i = 0; i < kGroup; ++i) {
      bits |= static_cast<uint64_t>(values[i]) << used;
      used += kWidth;
      if (used >= 32) {
        const auto low = static_cast<uint32_t>(bits);
        std::memcpy(at, &low, sizeof low);
        at += sizeof low;
        bits >>= 32;
        used -= 32;
      }
    }
    std::memcpy(at, &bits, sizeof bits);
    p += kWidth;
  }
  return p;
}

using Pack = char* (*)(const uint32_t*, size_t, char*);
template <size_t... kWidths>
constexpr std::array<Pack, kMostWidth + 1> Packs(std::index_sequence<kWidths...>) {
  return {PackGroups<kWidths>...};
}
constexpr std::array<Pack, kMostWidth + 1> kPacks =
    Packs(std::make_index_sequence<kMostWidth + 1>());

// Whether groups are of eight equal values, and how many are.
size_t FindEqualGroups(const uint32_t* values, size_t groups, uint8_t* is_equal) {
  size_t found = 0;
  for (size_t g = 0; g < groups; ++g, values += kGroup) {
    uint32_t difference = 0;
    for (size_t i = 1; i < kGroup; ++i) difference |= values[0] ^ values[i];
    is_equal[g] = difference == 0 ? 1 : 0;
    found += is_equal[g];
  }
  return found;
}

// Values of any width up to 64.
char* PackWide(const uint64_t* values, size_t count, unsigned width, char* p) {
  unsigned __int128 bits = 0;
  unsigned used = 0;
  for (size_t i = 0; i < count; ++i) {
    bits |= static_cast<unsigned __int128>(values[i]) << used;
    used += width;
    for (; used >= 8; used -= 8, bits >>= 8) *p++ = static_cast<char>(bits);
  }
  return p;
}

// The block of `count` differences from values[0] on, the rest of it filled up: its least
// difference, what each is above it, and the bits that each miniblock needs.
struct DeltaBlock {
  int64_t least;
  std::array<uint64_t, kBlock> above;
  std::array<uint8_t, kMiniblocks> widths;
};

THRONG_SIMD void FillBlock(const int64_t* values, size_t count, DeltaBlock* block) {
  std::array<int64_t, kBlock> deltas;
  for (size_t i = 0; i < count; ++i) {
    deltas[i] = static_cast<int64_t>(static_cast<uint64_t>(values[i + 1]) -
                                     static_cast<uint64_t>(values[i]));
  }
  int64_t least = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < count; ++i) least = std::min(least, deltas[i]);
  for (size_t i = count; i < kBlock; ++i) deltas[i] = least;
  block->least = least;
  for (size_t m = 0; m < kMiniblocks; ++m) {
    uint64_t all = 0;
    for (size_t i = m * kMiniblock; i < (m + 1) * kMiniblock; ++i) {
      block->above[i] = static_cast<uint64_t>(deltas[i]) - static_cast<uint64_t>(least);
      all |= block->above[i];
    }
    block->widths[m] = static_cast<uint8_t>(std::bit_width(all));
  }
}

template <class Visit>
void VisitBlocks(std::span<const int64_t> values, const Visit& visit) {
  DeltaBlock block;
  for (size_t at = 0; at + 1 < values.size(); at += kBlock) {
    FillBlock(&values[at], std::min(kBlock, values.size() - 1 - at), &block);
    visit(block);
  }
}

}  // namespace

char* PackBits(const uint32_t* values, size_t count, unsigned width, char* p) {
  const size_t groups = count / kGroup;
  p = kPacks[width](values, groups, p);
  const size_t rest = count % kGroup;
  if (rest == 0) return p;
  std::array<uint32_t, kGroup> last = {};
  std::copy_n(values + groups * kGroup, rest, last.begin());
  return kPacks[width](last.data(), 1, p);
}

size_t HybridRoom(size_t count, unsigned width) {
  return 3 * (count / kGroup + 1) * width + 2 * kMaxVarint + kSlack;
}

char* WriteHybrid(std::span<const uint32_t> values, unsigned width, char* p) {
  const size_t groups = values.size() / kGroup;
  const size_t least_run = (kLeastRunBits + kGroup * width - 1) / (kGroup * width);
  std::array<uint8_t, 1 << 12> is_equal;
  size_t begin = 0;  // of what is not yet written
  const auto write_packed = [&](size_t end) {
    if (end == begin) return;
    p = WriteVarint((end - begin + kGroup - 1) / kGroup << 1 | 1, p);
    p = PackBits(&values[begin], end - begin, width, p);
    begin = end;
  };
  for (size_t first = 0; first < groups; first += is_equal.size()) {
    const size_t count = std::min(is_equal.size(), groups - first);
    if (FindEqualGroups(&values[first * kGroup], count, is_equal.data()) < least_run) continue;
    for (size_t g = 0; g < count;) {
      size_t end = g + 1;
      if (is_equal[g] != 0) {
        while (end < count && is_equal[end] != 0 &&
               values[(first + end) * kGroup] == values[(first + g) * kGroup]) {
          ++end;
        }
        if (end - g >= least_run) {
          write_packed((first + g) * kGroup);
          begin = (first + end) * kGroup;
          p = WriteVarint((end - g) * kGroup << 1, p);
          std::memcpy(p, &values[begin - 1], sizeof values[0]);
          p += (width + 7) / 8;
        }
      }
      g = end;
    }
  }
  write_packed(values.size());
  return p;
}

size_t DeltaRoom(size_t count) {
  const size_t blocks = count / kBlock + 1;
  return 4 * kMaxVarint + blocks * (kMaxVarint + kMiniblocks + kBlock * sizeof(int64_t)) + kSlack;
}

size_t DeltaBytes(std::span<const int64_t> values) {
  size_t bits = 0;
  VisitBlocks(values, [&](const DeltaBlock& block) {
    for (const size_t width : block.widths) bits += width * kMiniblock;
  });
  return bits / 8;
}

char* WriteDeltas(std::span<const int64_t> values, char* p) {
  p = WriteVarint(kBlock, p);
  p = WriteVarint(kMiniblocks, p);
  p = WriteVarint(values.size(), p);
  p = WriteZigzag(values.empty() ? 0 : values[0], p);
  size_t left = values.empty() ? 0 : values.size() - 1;
  VisitBlocks(values, [&](DeltaBlock& block) {
    const size_t count = std::min(kBlock, left);
    left -= count;
    p = WriteZigzag(block.least, p);
    p = std::copy(block.widths.begin(), block.widths.end(), p);
    std::array<uint32_t, kMiniblock> narrow;
    for (size_t m = 0; m * kMiniblock < count; ++m) {
      const uint64_t* const above = &block.above[m * kMiniblock];
      if (block.widths[m] > kMostWidth) {
        p = PackWide(above, kMiniblock, block.widths[m], p);
        continue;
      }
      for (size_t i = 0; i < kMiniblock; ++i) narrow[i] = static_cast<uint32_t>(above[i]);
      p = kPacks[block.widths[m]](narrow.data(), kMiniblock / kGroup, p);
    }
  });
  return p;
}

}  // namespace throng::plugins
