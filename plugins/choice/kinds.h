// Rows of a batch, kind by kind: behaviours whose tables depend on the kind then run one tight loop
// for each.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace throng::plugins {

class RowsByKind {
 public:
  explicit RowsByKind(size_t kinds) : first_(kinds + 1) {}

  // kind[i] is below the number of kinds.
  void Sort(std::span<const uint8_t> kind) {
    const size_t kinds = first_.size() - 1;
    rows_.resize(kind.size() + 8);
    if (kinds <= kFew) {
      // Eight rows at a time: a table says which of them are of the kind, packed to the left.
      size_t at = 0;
      for (size_t k = 0; k < kinds; ++k) {
        first_[k] = at;
        at = Append(kind, static_cast<uint8_t>(k), rows_.data(), at);
      }
      first_[kinds] = at;
      return;
    }
    std::fill(first_.begin(), first_.end(), size_t{0});
    for (const uint8_t k : kind) ++first_[k + size_t{1}];
    for (size_t k = 0; k < kinds; ++k) first_[k + 1] += first_[k];
    next_ = first_;
    for (size_t i = 0; i < kind.size(); ++i) rows_[next_[kind[i]]++] = static_cast<uint32_t>(i);
  }

  std::span<const uint32_t> Of(size_t kind) const {
    return std::span(rows_).subspan(first_[kind], first_[kind + 1] - first_[kind]);
  }

 private:
  static constexpr size_t kFew = 8;

  // For each set of eight: its members in order, then anything.
  static constexpr auto kMembers = [] {
    std::array<std::array<uint8_t, 8>, 256> members{};
    for (size_t set = 0; set < 256; ++set) {
      size_t at = 0;
      for (uint8_t bit = 0; bit < 8; ++bit) {
        if ((set >> bit & 1) != 0) members[set][at++] = bit;
      }
    }
    return members;
  }();

  static constexpr uint64_t kOnes = 0x0101010101010101;

  // A 1 in each of the eight bytes that equals `value`.
  static uint64_t EqualBytes(uint64_t bytes, uint8_t value) {
    constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
    const uint64_t differs = bytes ^ (kOnes * value);
    // The high bit of each byte: set where the byte is not 0.
    const uint64_t nonzero = ((differs & kLow) + kLow) | differs;
    return (~nonzero >> 7) & kOnes;
  }

  // Appends the rows of a kind at rows[at] and returns where they end; writes up to 7 beyond.
  static size_t Append(std::span<const uint8_t> kind, uint8_t k, uint32_t* rows, size_t at) {
    static_assert(std::endian::native == std::endian::little);  // row i is the lowest byte
    size_t i = 0;
    for (; i + 8 <= kind.size(); i += 8) {
      uint64_t eight = 0;
      std::memcpy(&eight, kind.data() + i, 8);
      const uint64_t equal = EqualBytes(eight, k);
      const size_t set = (equal * 0x0102040810204080) >> 56;  // its ones side by side
      for (size_t j = 0; j < 8; ++j) rows[at + j] = static_cast<uint32_t>(i) + kMembers[set][j];
      at += (equal * kOnes) >> 56;  // their number
    }
    for (; i < kind.size(); ++i) {
      rows[at] = static_cast<uint32_t>(i);
      at += static_cast<size_t>(kind[i] == k);
    }
    return at;
  }

  std::vector<size_t> first_;
  std::vector<size_t> next_;
  std::vector<uint32_t> rows_;
};

}  // namespace throng::plugins
