// Deals the popular items of a block to its rows by taste: users and items have angles on a circle,
// and who is near gets near ones. Which items there are, and how often, stays as it is.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "plugins/choice/item_curves.h"
#include "throng/random.hpp"
#include "throng/sdk.hpp"

namespace throng::plugins {

class PopularDeal {
 public:
  PopularDeal(const Dataset& dataset, const Breadth& breadth);

  void StartEpoch(int64_t epoch);

  // Gives `items`, one for each of the chosen rows, to them: rows in order of their users' angle,
  // noise included, and items in order of theirs.
  void Deal(const Rows& rows, std::span<const uint32_t> chosen, std::span<const int64_t> items,
            std::span<int64_t> item);

 private:
  static constexpr size_t kBuckets = 2048;

  // first_[b] = how many of bucket_ are below b.
  void CountBuckets();

  uint64_t angle_key_;
  uint64_t noise_key_;
  uint32_t user_shift_;
  Breadth breadth_;
  std::array<uint64_t, 2> keys_{};  // of the epoch

  // Scratch.
  std::vector<int64_t> user_, user_rows_, place_;
  std::vector<uint32_t> bucket_;  // a 2048th of the circle
  std::array<uint32_t, kBuckets + 1> first_{};
  std::vector<uint32_t> sorted_rows_;
  std::vector<int64_t> sorted_items_;
};

}  // namespace throng::plugins
