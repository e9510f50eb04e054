// What a choice by taste and a rating by taste must agree about: who likes what.
#pragma once

#include <cstdint>

#include "throng/random.hpp"

namespace throng::plugins {

// Where a popular item lies on the circle of tastes: a fraction of 2^32, and the key of its hash.
inline uint64_t ItemAngleKey(uint64_t world_key) { return DeriveKey(world_key, "item_angle"); }
inline uint32_t ItemAngle(uint64_t world_key, int64_t item) {
  return Hash32(ItemAngleKey(world_key), static_cast<uint64_t>(item));
}

// The tail of a category, by popularity, in groups of 25: item `index` of it is of niche
// index % 25 / 5, and there of niche index % 5.
inline constexpr int64_t kNiches = 5;
inline constexpr int64_t kNicheGroup = kNiches * kNiches;
inline int64_t NicheOf(int64_t index) { return index % kNicheGroup / kNiches; }

}  // namespace throng::plugins
