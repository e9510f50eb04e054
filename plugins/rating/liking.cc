#include "plugins/rating/liking.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "plugins/tastes.h"

namespace throng::plugins {
namespace {

constexpr double kUnit = 1 << Liking::kUnitBits;
constexpr int kItemBits = 16;
constexpr double kItemUnit = 1 << kItemBits;
constexpr double kDirectionUnit = 1 << 15;
constexpr long kMostDirection = (1 << 15) - 1;
constexpr uint64_t kMostKnown = uint64_t{1} << 17;

// How much of an item's part is its popularity's; how much of its taste is its niche's, and how
// much its own, in 2^-16.
constexpr double kByPopularity = 0.3;
constexpr int32_t kByNiche = 39'322;   // 0.6
constexpr int32_t kByItself = 52'429;  // 0.8

// Niches of the popular items come behind those of a category's tail: parts of the circle of
// tastes.
constexpr uint64_t kPopularNiches = 25;
constexpr uint64_t kNichesOfCategory = kNiches + kPopularNiches;

// The quantile function of the standard normal at (i + 1/2) / n for i of [n / 2, n), by Newton's
// method from one to the next.
std::vector<double> UpperQuantiles(size_t n) {
  std::vector<double> quantiles;
  double x = 0;
  for (size_t i = n / 2; i < n; ++i) {
    const double above = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(n);
    for (int round = 0; round < 50; ++round) {
      const double density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
      const double step = (std::erfc(x / M_SQRT2) / 2 - above) / density;
      x += step;
      if (std::abs(step) < 1e-12) break;
    }
    quantiles.push_back(x);
  }
  return quantiles;
}

// ---- Sequences ------------------------------------------------------------------------------

// Van der Corput's sequence in base 2, as a fraction of 2^32.
constexpr uint32_t ReverseBits(uint32_t x) {
  x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
  x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
  x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
  x = (x >> 8 & 0x00ff00ff) | (x & 0x00ff00ff) << 8;
  return x >> 16 | x << 16;
}

// In base 3, of numbers below 3^21.
uint32_t ReverseTernary(uint64_t x) {
  uint64_t reversed = 0;
  for (int digit = 0; digit < 21; ++digit) {
    reversed = reversed * 3 + x % 3;
    x /= 3;
  }
  constexpr uint64_t kEnd = 10'460'353'203;  // 3^21
  return static_cast<uint32_t>(reversed * (~uint64_t{0} / kEnd) >> 32);
}

// ---- Columns --------------------------------------------------------------------------------

// The sum of a hash's four bytes, less its mean: nearly normal.
constexpr double kByteSumDeviation = 147.7983;  // sqrt(4 (256^2 - 1) / 12)
constexpr int32_t ByteSum(uint32_t hash) {
  const uint32_t pairs = (hash & 0x00ff00ff) + (hash >> 8 & 0x00ff00ff);
  return static_cast<int32_t>((pairs & 0xffff) + (pairs >> 16)) - 510;
}

// z: of the pair, the session and the row alone. Keys and weights in that order.
THRONG_SIMD void FillNoise(std::array<uint64_t, 3> keys, std::array<int32_t, 3> weights,
                           const int64_t* user, const int64_t* item, const int64_t* session,
                           const int64_t* place, int32_t* z, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const uint64_t pair = static_cast<uint64_t>(user[i]) << 32 | static_cast<uint64_t>(item[i]);
    z[i] = weights[0] * ByteSum(Hash32(keys[0], pair)) +
           weights[1] * ByteSum(Hash32(keys[1], static_cast<uint64_t>(session[i]))) +
           weights[2] * ByteSum(Hash32(keys[2], static_cast<uint64_t>(place[i])));
  }
}

// Where users stand in the tables of quantiles and of directions.
THRONG_SIMD void FindUsers(uint64_t key, uint32_t shift, const int64_t* user, uint16_t* sequence,
                           uint16_t* direction, size_t n) {
  constexpr int kShift = 32 - Liking::kTableBits;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t fraction = ReverseBits(static_cast<uint32_t>(user[i])) + shift;
    sequence[i] = static_cast<uint16_t>(fraction >> kShift);
    direction[i] = static_cast<uint16_t>(Hash32(key, static_cast<uint64_t>(user[i])) >> kShift);
  }
}

}  // namespace

Liking::Liking(const LikingShares& shares, const Dataset& dataset)
    : world_(dataset.world),
      world_key_(dataset.world_key),
      user_key_(DeriveKey(world_key_, "liking_user")),
      user_shift_(static_cast<uint32_t>(DeriveKey(world_key_, "liking_user_shift"))),
      item_key_(DeriveKey(world_key_, "liking_item")),
      item_shift_(static_cast<uint32_t>(DeriveKey(world_key_, "liking_item_shift"))),
      niche_key_(DeriveKey(world_key_, "liking_niche")),
      pair_key_(DeriveKey(world_key_, "liking_pair")),
      session_key_(DeriveKey(dataset.key, "mood")),
      row_key_(DeriveKey(dataset.key, "chance")),
      normals_(kTableSize),
      by_user_(kTableSize),
      directions_(kTableSize),
      popular_grid_(static_cast<uint64_t>(world_->popular_items)),
      tail_grid_(static_cast<uint64_t>(world_->touched_items - world_->popular_items)),
      known_(std::min(std::bit_ceil(static_cast<uint64_t>(world_->touched_items)), kMostKnown)) {
  const std::vector<double> quantiles = UpperQuantiles(kTableSize);
  for (size_t i = 0; i < kTableSize; ++i) {
    const bool is_upper = i >= kTableSize / 2;
    const double x = is_upper ? quantiles[i - kTableSize / 2] : -quantiles[kTableSize / 2 - 1 - i];
    normals_[i] = static_cast<int32_t>(std::lround(x * kUnit));
    by_user_[i] = static_cast<int32_t>(std::lround(std::sqrt(shares.user) * x * kUnit));
  }
  const uint64_t key = DeriveKey(world_key_, "liking_directions");
  for (size_t i = 0; i < kTableSize; ++i) {
    const std::array<int32_t, kDimensions> normals = FourNormals(Hash(key, i));
    double square = 0;
    for (const int32_t x : normals) square += static_cast<double>(x) * static_cast<double>(x);
    const double scale = std::sqrt(shares.taste / square) * kDirectionUnit;
    for (size_t d = 0; d < kDimensions; ++d) {
      directions_[i][d] = static_cast<int16_t>(
          std::clamp(std::lround(normals[d] * scale), -kMostDirection, kMostDirection));
    }
  }
  const auto weight = [](double share, double factor) {
    return static_cast<int32_t>(std::lround(std::sqrt(share) * factor));
  };
  noise_weights_ = {weight(shares.pair, kUnit / kByteSumDeviation),
                    weight(shares.session, kUnit / kByteSumDeviation),
                    weight(shares.row, kUnit / kByteSumDeviation)};
  item_weights_ = {weight(shares.item, kByPopularity * kItemUnit),
                   weight(shares.item, std::sqrt(1 - kByPopularity * kByPopularity) * kItemUnit)};
}

void Liking::Fill(const Rows& rows, std::span<int32_t> z) {
  const size_t n = rows.size;
  sequence_.resize(n);
  direction_.resize(n);
  FindUsers(user_key_, user_shift_, rows.user.data(), sequence_.data(), direction_.data(), n);
  FindItems(rows.item);
  const auto epoch = static_cast<uint64_t>(rows.epoch);
  FillNoise({pair_key_, Hash(session_key_, epoch), Hash(row_key_, epoch)}, noise_weights_,
            rows.user.data(), rows.item.data(), rows.session.data(), rows.place.data(), z.data(),
            n);
  for (size_t i = 0; i < n; ++i) {
    const Item& item = items_[i];
    const Vector& direction = directions_[direction_[i]];
    int32_t taste = 0;  // in 2^-27
    for (size_t d = 0; d < kDimensions; ++d) taste += direction[d] * item.taste[d];
    z[i] += by_user_[sequence_[i]] + item.part + (taste >> 3);
  }
}

void Liking::FindItems(std::span<const int64_t> item) {
  const size_t n = item.size();
  items_.resize(n);
  missing_.resize(n);
  const size_t mask = known_.size() - 1;
  size_t missing = 0;
  for (size_t i = 0; i < n; ++i) {
    items_[i] = known_[static_cast<size_t>(item[i]) & mask];
    missing_[missing] = static_cast<uint32_t>(i);
    missing += static_cast<size_t>(items_[i].rank != static_cast<uint32_t>(item[i]));
  }
  if (missing == 0) return;
  missing_.resize(missing);
  MakeItems(item);
  for (const uint32_t i : missing_) known_[items_[i].rank & mask] = items_[i];
}

void Liking::MakeItems(std::span<const int64_t> item) {
  const size_t n = missing_.size();
  ranks_.resize(n);
  categories_.resize(n);
  indices_.resize(n);
  for (size_t j = 0; j < n; ++j) ranks_[j] = item[missing_[j]];
  world_.ItemCategory(ranks_, categories_);
  world_.ItemIndex(ranks_, indices_);
  for (size_t j = 0; j < n; ++j) {
    items_[missing_[j]] = {.rank = static_cast<uint32_t>(ranks_[j]),
                           .part = Quality(ranks_[j]),
                           .taste = Taste(ranks_[j], categories_[j], indices_[j])};
  }
}

int32_t Liking::Quality(int64_t item) const {
  const int64_t popular = world_->popular_items;
  const uint64_t unpopularity = item < popular
                                    ? popular_grid_.Point(static_cast<uint64_t>(item))
                                    : tail_grid_.Point(static_cast<uint64_t>(item - popular));
  const int64_t by_popularity = -normals_[unpopularity >> (64 - kTableBits)];
  const uint32_t fraction = ReverseTernary(static_cast<uint64_t>(item)) + item_shift_;
  const int64_t own = normals_[fraction >> (32 - kTableBits)];
  return static_cast<int32_t>((item_weights_[0] * by_popularity + item_weights_[1] * own) >>
                              kItemBits);
}

Liking::Vector Liking::Taste(int64_t item, int32_t category, int64_t index) const {
  const bool is_popular = item < world_->popular_items;
  const throng_category& of = *world_.categories()[static_cast<size_t>(category)];
  const uint64_t niche =
      is_popular ? kNiches + (uint64_t{ItemAngle(world_key_, item)} * kPopularNiches >> 32)
                 : static_cast<uint64_t>(NicheOf(index - of.popular));
  const uint64_t niche_of_all = static_cast<uint64_t>(category) * kNichesOfCategory + niche;
  const auto of_niche = FourNormals(Hash(niche_key_, niche_of_all));
  const auto own = FourNormals(Hash(item_key_, static_cast<uint64_t>(item)));
  Vector taste;
  for (size_t d = 0; d < kDimensions; ++d) {
    // From 2^-24 to 2^-12.
    const int32_t sum = kByNiche * (of_niche[d] >> 12) + kByItself * (own[d] >> 12);
    taste[d] = static_cast<int16_t>(sum >> 16);
  }
  return taste;
}

std::array<int32_t, Liking::kDimensions> Liking::FourNormals(uint64_t hash) const {
  std::array<int32_t, kDimensions> normals;
  for (size_t d = 0; d < kDimensions; ++d) {
    normals[d] = normals_[hash >> (16 * d) & (kTableSize - 1)];
  }
  return normals;
}

}  // namespace throng::plugins
