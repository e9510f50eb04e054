#include "plugins/formats/parquet/dictionary.h"

#include <algorithm>
#include <bit>

#include "throng/random.hpp"

namespace throng::plugins {
namespace {

// So many values of a range have tables that stay in a cache.
constexpr size_t kMostRange = size_t{1} << 20;
constexpr size_t kMostRangeOfRow = 16;
constexpr uint32_t kNothing = UINT32_MAX;

THRONG_SIMD Ends EndsIn(const int64_t* values, size_t count, Ends range) {
  int64_t least = INT64_MAX;
  int64_t greatest = INT64_MIN;
  for (size_t i = 0; i < count; ++i) {
    const bool is_within = values[i] >= range.least && values[i] <= range.greatest;
    least = std::min(least, is_within ? values[i] : INT64_MAX);
    greatest = std::max(greatest, is_within ? values[i] : INT64_MIN);
  }
  return {least, greatest};
}

}  // namespace

Ends EndsOf(std::span<const int64_t> values, Ends range) {
  return EndsIn(values.data(), values.size(), range);
}

bool Dictionary::Build(std::span<const int64_t> values, size_t most) {
  count_ = 0;
  indexes_.resize(values.size());
  if (values.empty()) return true;
  const Ends ends = EndsOf(values);
  const uint64_t range = static_cast<uint64_t>(ends.greatest) - static_cast<uint64_t>(ends.least);
  if (range < std::min(kMostRange, kMostRangeOfRow * values.size())) {
    return BuildOfRange(values, ends.least, range + 1, most);
  }
  return BuildByHash(values, most);
}

bool Dictionary::BuildOfRange(std::span<const int64_t> values, int64_t least, size_t range,
                              size_t most) {
  is_seen_.assign(range, 0);
  uint8_t* const is_seen = is_seen_.data();
  for (const int64_t value : values) is_seen[value - least] = 1;
  slots_.resize(std::max(slots_.size(), range));
  entries_.resize(std::max(entries_.size(), std::min(range, values.size()) + 1));
  size_t count = 0;
  for (size_t i = 0; i < range; ++i) {
    slots_[i] = static_cast<uint32_t>(count);
    entries_[count] = least + static_cast<int64_t>(i);
    count += is_seen[i];
  }
  count_ = count;
  if (count > most) return false;
  const uint32_t* const slots = slots_.data();
  uint32_t* index = indexes_.data();
  for (const int64_t value : values) *index++ = slots[value - least];
  return true;
}

bool Dictionary::BuildByHash(std::span<const int64_t> values, size_t most) {
  const size_t size = std::bit_ceil(2 * values.size());
  slots_.assign(std::max(slots_.size(), size), kNothing);
  entries_.resize(std::max(entries_.size(), values.size()));
  for (size_t row = 0; row < values.size(); ++row) {
    const int64_t value = values[row];
    size_t slot = Hash(0, static_cast<uint64_t>(value)) & (size - 1);
    while (slots_[slot] != kNothing && entries_[slots_[slot]] != value) {
      slot = (slot + 1) & (size - 1);
    }
    if (slots_[slot] == kNothing) {
      if (count_ == most) return false;
      slots_[slot] = static_cast<uint32_t>(count_);
      entries_[count_++] = value;
    }
    indexes_[row] = slots_[slot];
  }
  return true;
}

}  // namespace throng::plugins
