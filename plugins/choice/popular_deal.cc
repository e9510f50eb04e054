#include "plugins/choice/popular_deal.h"

#include "plugins/tastes.h"

namespace throng::plugins {
namespace {

constexpr int kBucketShift = 32 - 11;
constexpr int32_t kLeastBreadth = 9830;   // 0.15 in 65536ths
constexpr uint32_t kGolden = 0x9e3779b9;  // the golden ratio as a fraction of 2^32

// A row's place on the circle: its user's angle, which golden steps balance over activity, and the
// sum of three even draws of standard deviation 0.05; or with the chance of its breadth anywhere.
THRONG_SIMD void RowBuckets(std::array<uint64_t, 2> keys, uint32_t user_shift,
                            const Breadth& breadth, const int64_t* user, const int64_t* user_rows,
                            const int64_t* place, uint32_t* bucket, size_t n) {
  const Breadth breadth_of = breadth;
  constexpr int32_t kMean = 3 * 65'535 / 2;
  constexpr int32_t kStep = 6554;  // 2 * 0.05 / 65536 of 2^32
  for (size_t j = 0; j < n; ++j) {
    const uint32_t first = Hash32(keys[0], static_cast<uint64_t>(place[j]));
    const uint32_t second = Hash32(keys[1], static_cast<uint64_t>(place[j]));
    const auto chance = static_cast<int32_t>(first >> 16);
    const auto sum = static_cast<int32_t>((first & 0xffff) + (second & 0xffff) + (second >> 16));
    const uint32_t angle = (static_cast<uint32_t>(user[j]) + 1) * kGolden + user_shift;
    const uint32_t near = angle + static_cast<uint32_t>((sum - kMean) * kStep);
    const int32_t broad = std::max(kLeastBreadth, breadth_of(user_rows[j]));
    bucket[j] = (chance < broad ? second : near) >> kBucketShift;
  }
}

THRONG_SIMD void ItemBuckets(uint64_t key, const int64_t* item, uint32_t* bucket, size_t n) {
  for (size_t j = 0; j < n; ++j) {
    bucket[j] = Hash32(key, static_cast<uint64_t>(item[j])) >> kBucketShift;
  }
}

}  // namespace

PopularDeal::PopularDeal(const Dataset& dataset, const Breadth& breadth)
    : angle_key_(ItemAngleKey(dataset.world_key)),
      noise_key_(DeriveKey(dataset.key, "popular_noise")),
      user_shift_(static_cast<uint32_t>(DeriveKey(dataset.world_key, "user_angle"))),
      breadth_(breadth) {}

void PopularDeal::StartEpoch(int64_t epoch) {
  for (size_t i = 0; i < keys_.size(); ++i) {
    keys_[i] = Hash(noise_key_, static_cast<uint64_t>(epoch), i);
  }
}

void PopularDeal::CountBuckets() {
  first_.fill(0);
  for (const uint32_t bucket : bucket_) ++first_[bucket + size_t{1}];
  for (size_t i = 0; i < kBuckets; ++i) first_[i + 1] += first_[i];
}

void PopularDeal::Deal(const Rows& rows, std::span<const uint32_t> chosen,
                       std::span<const int64_t> items, std::span<int64_t> item) {
  const size_t n = chosen.size();
  for (auto* column : {&user_, &user_rows_, &place_}) column->resize(n);
  for (auto* column : {&bucket_, &sorted_rows_}) column->resize(n);
  sorted_items_.resize(n);
  for (size_t j = 0; j < n; ++j) {
    const size_t i = chosen[j];
    user_[j] = rows.user[i];
    user_rows_[j] = rows.user_rows[i];
    place_[j] = rows.place[i];
  }
  // Both are sorted by counting; equal ones stay in the order of rows.
  RowBuckets(keys_, user_shift_, breadth_, user_.data(), user_rows_.data(), place_.data(),
             bucket_.data(), n);
  CountBuckets();
  for (size_t j = 0; j < n; ++j) sorted_rows_[first_[bucket_[j]]++] = chosen[j];
  ItemBuckets(angle_key_, items.data(), bucket_.data(), n);
  CountBuckets();
  for (size_t j = 0; j < n; ++j) sorted_items_[first_[bucket_[j]]++] = items[j];
  for (size_t j = 0; j < n; ++j) item[sorted_rows_[j]] = sorted_items_[j];
}

}  // namespace throng::plugins
