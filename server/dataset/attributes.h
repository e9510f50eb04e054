// What users and items are besides: attributes of side tables, each a function of the world's key
// and the number alone. Nothing that is chosen depends on them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "throng/plugin.h"

namespace throng {

class Attributes {
 public:
  // The world outlives this. The key is that of the dataset's world.
  Attributes(const throng_world& world, uint64_t key);

  static const std::vector<const char*>& age_bands();
  static const std::vector<const char*>& regions();
  // Of all categories, category by category.
  const std::vector<std::string>& brands() const { return brands_; }

  // Of users' numbers: indexes of age_bands() and regions().
  void AgeBands(const int64_t* number, size_t n, int32_t* age_band) const;
  void Regions(const int64_t* number, size_t n, int32_t* region) const;
  // Of items' numbers and categories: indexes of brands(), and prices from 4.99 to 639.89.
  void Brands(const int64_t* number, const int32_t* category, size_t n, int32_t* brand) const;
  void Prices(const int64_t* number, const int32_t* category, size_t n, double* price) const;

 private:
  std::vector<std::string> brands_;
  uint64_t age_key_;
  uint64_t region_key_;
  uint64_t brand_key_;
  uint64_t price_key_;
};

}  // namespace throng
