#include "server/dataset/attributes.h"

#include <fmt/format.h>

#include <array>
#include <numeric>

#include "throng/random.hpp"

namespace throng {
namespace {

// In hundredths, and their bounds.
constexpr std::array<uint32_t, 6> kAgeShares = {14, 26, 22, 16, 12, 10};
constexpr std::array<uint32_t, 5> kRegionShares = {30, 25, 20, 15, 10};

// A brand has a share of 1/r, r being its place in its category: as whole numbers, by the least
// common multiple of 1 to 12.
constexpr size_t kBrands = 12;
constexpr std::array<uint32_t, kBrands> kBrandShares = {27720, 13860, 9240, 6930, 5544, 4620,
                                                        3960,  3465,  3080, 2772, 2520, 2310};

// A category's prices span four octaves, the first of which is one of four; the octaves of its
// items have the shares of a binomial distribution.
constexpr int64_t kLeastCents = 500;
constexpr uint64_t kFirstOctaves = 4;
constexpr std::array<uint32_t, 4> kOctaveShares = {1, 3, 3, 1};

// Which share a hash falls into.
template <size_t kSize>
int32_t Pick(const std::array<uint32_t, kSize>& shares, uint64_t hash) {
  const uint64_t sum = std::accumulate(shares.begin(), shares.end(), uint64_t{0});
  uint64_t left = MultiplyHigh(hash, sum);
  int32_t picked = 0;
  for (; left >= shares[static_cast<size_t>(picked)]; ++picked) {
    left -= shares[static_cast<size_t>(picked)];
  }
  return picked;
}

uint64_t HashOf(uint64_t key, int64_t number) { return Hash(key, static_cast<uint64_t>(number)); }

}  // namespace

Attributes::Attributes(const throng_world& world, uint64_t key)
    : age_key_(DeriveKey(key, "age_band")),
      region_key_(DeriveKey(key, "region")),
      brand_key_(DeriveKey(key, "brand")),
      price_key_(DeriveKey(key, "price")) {
  for (uint32_t category = 0; category < world.categories_count; ++category) {
    for (size_t brand = 1; brand <= kBrands; ++brand) {
      brands_.push_back(fmt::format("{}-{}", world.categories[category]->name, brand));
    }
  }
}

const std::vector<const char*>& Attributes::age_bands() {
  static const std::vector<const char*> kBands = {"18-24", "25-34", "35-44",
                                                  "45-54", "55-64", "65+"};
  return kBands;
}

const std::vector<const char*>& Attributes::regions() {
  static const std::vector<const char*> kRegions = {"north", "south", "east", "west", "center"};
  return kRegions;
}

void Attributes::AgeBands(const int64_t* number, size_t n, int32_t* age_band) const {
  for (size_t i = 0; i < n; ++i) age_band[i] = Pick(kAgeShares, HashOf(age_key_, number[i]));
}

void Attributes::Regions(const int64_t* number, size_t n, int32_t* region) const {
  for (size_t i = 0; i < n; ++i) region[i] = Pick(kRegionShares, HashOf(region_key_, number[i]));
}

void Attributes::Brands(const int64_t* number, const int32_t* category, size_t n,
                        int32_t* brand) const {
  for (size_t i = 0; i < n; ++i) {
    brand[i] = category[i] * static_cast<int32_t>(kBrands) +
               Pick(kBrandShares, HashOf(brand_key_, number[i]));
  }
}

void Attributes::Prices(const int64_t* number, const int32_t* category, size_t n,
                        double* price) const {
  for (size_t i = 0; i < n; ++i) {
    const uint64_t hash = HashOf(price_key_, number[i]);
    const uint64_t first = MultiplyHigh(HashOf(~price_key_, category[i]), kFirstOctaves);
    const int64_t least = kLeastCents << (first + static_cast<uint64_t>(Pick(kOctaveShares, hash)));
    const auto more =
        static_cast<int64_t>(MultiplyHigh(Hash(hash, 0), static_cast<uint64_t>(least)));
    // Ten cents are the smallest step, and one cent is taken off.
    const int64_t cents = (least + more) / 10 * 10 - 1;
    price[i] = static_cast<double>(cents) / 100;
  }
}

}  // namespace throng
