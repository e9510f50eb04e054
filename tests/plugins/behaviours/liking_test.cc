// How much users like items: the parts of z have the moments and the shares that are promised, and
// do not depend on one another.
#include "plugins/rating/liking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace throng::plugins {
namespace {

constexpr double kUnit = 1 << Liking::kUnitBits;

// Items in as many categories, dealt in turn.
class TurnsWorld {
 public:
  TurnsWorld(int64_t users, int64_t items, size_t categories) : items_(categories) {
    world_.struct_size = sizeof world_;
    world_.users = users;
    world_.active_users = users;
    world_.items = items;
    world_.popular_items = std::max<int64_t>(1, items / 10);
    world_.touched_items = items;
    world_.categories_count = static_cast<uint32_t>(categories);
    for (size_t c = 0; c < categories; ++c) {
      const int64_t popular = Before(world_.popular_items, c);
      categories_.push_back(
          {sizeof(throng_category), "category", popular, Before(items, c) - popular, 0});
    }
    for (const throng_category& category : categories_) pointers_.push_back(&category);
    world_.categories = pointers_.data();
    world_.self = this;
    world_.item_category = [](const void* self, const int64_t* rank, int32_t* category, size_t n) {
      const size_t all = static_cast<const TurnsWorld*>(self)->categories_.size();
      for (size_t i = 0; i < n; ++i) {
        category[i] = static_cast<int32_t>(static_cast<size_t>(rank[i]) % all);
      }
    };
    world_.item_index = [](const void* self, const int64_t* rank, int64_t* index, size_t n) {
      const auto all = static_cast<int64_t>(static_cast<const TurnsWorld*>(self)->items_);
      for (size_t i = 0; i < n; ++i) index[i] = rank[i] / all;
    };
  }

  const throng_world& operator*() const { return world_; }
  Dataset For(uint64_t seed) const {
    return {.key = Hash(seed, 1),
            .plan_size = 1'000'000,
            .world = World(&world_),
            .kinds = {},
            .host = Host(&host_),
            .world_key = Hash(seed, 2)};
  }

 private:
  // How many of the first n ranks are of category c.
  int64_t Before(int64_t n, size_t c) const {
    const auto all = static_cast<int64_t>(items_);
    return (n - static_cast<int64_t>(c) + all - 1) / all;
  }

  size_t items_;
  throng_world world_{};
  throng_host host_{};
  std::vector<throng_category> categories_;
  std::vector<const throng_category*> pointers_;
};

// Rows of users and items at random, evenly; sessions of four rows.
struct Sample {
  Sample(const throng_world& world, int64_t rows, uint64_t seed, int64_t in_epoch = 0)
      : epoch(in_epoch), segments{0, rows} {
    for (int64_t i = 0; i < rows; ++i) {
      const auto at = static_cast<uint64_t>(i);
      const auto below = [](uint64_t hash, int64_t n) {
        return static_cast<int64_t>(MultiplyHigh(hash, static_cast<uint64_t>(n)));
      };
      place.push_back(i);
      session.push_back(i / 4 * 4);
      user.push_back(below(Hash(seed, at, 1), world.active_users));
      item.push_back(below(Hash(seed, at, 2), world.touched_items));
    }
  }
  Rows rows() {
    throng_batch batch{};
    batch.rows = static_cast<uint32_t>(place.size());
    batch.epoch = epoch;
    batch.segments_count = 1;
    batch.segments = segments;
    batch.place = place.data();
    batch.session = session.data();
    batch.user = user.data();
    batch.item = item.data();
    return Rows(batch);
  }
  int64_t epoch;
  int64_t segments[2];
  std::vector<int64_t> place, session, user, item;
};

std::vector<double> Z(const LikingShares& shares, const Dataset& dataset, Sample* sample) {
  std::vector<int32_t> z(sample->place.size());
  Liking(shares, dataset).Fill(sample->rows(), z);
  std::vector<double> real(z.begin(), z.end());
  for (double& x : real) x /= kUnit;
  return real;
}

double Mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum / static_cast<double>(x.size());
}
double Covariance(const std::vector<double>& x, const std::vector<double>& y) {
  const double x_mean = Mean(x);
  const double y_mean = Mean(y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - x_mean) * (y[i] - y_mean);
  return sum / static_cast<double>(x.size());
}
double Moment(const std::vector<double>& x, int power) {
  const double mean = Mean(x);
  const double deviation = std::sqrt(Covariance(x, x));
  double sum = 0;
  for (const double value : x) sum += std::pow((value - mean) / deviation, power);
  return sum / static_cast<double>(x.size());
}
double Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  return Covariance(x, y) / std::sqrt(Covariance(x, x) * Covariance(y, y));
}

// Each part alone, with all of the variance.
constexpr LikingShares kParts[] = {{1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}, {0, 0, 1, 0, 0, 0},
                                   {0, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 1, 0}, {0, 0, 0, 0, 0, 1}};

TEST(Liking, IsNearlyStandardNormal) {
  const TurnsWorld world(5'000, 3'000, 5);
  Sample sample(*world, 400'000, 1);
  const std::vector<double> z = Z({}, world.For(1), &sample);
  EXPECT_NEAR(Mean(z), 0, 0.03);
  EXPECT_NEAR(Covariance(z, z), 1, 0.03);
  EXPECT_NEAR(Moment(z, 3), 0, 0.05);
  EXPECT_NEAR(Moment(z, 4), 3, 0.1);
  const auto outside = std::count_if(z.begin(), z.end(), [](double x) { return std::abs(x) >= 4; });
  EXPECT_LT(outside, 80);  // of a normal, 25
}

TEST(Liking, PartsHaveMeanZeroAndVarianceOne) {
  const TurnsWorld world(5'000, 3'000, 5);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Sample sample(*world, 100'000, seed);
    for (const LikingShares& part : kParts) {
      const std::vector<double> z = Z(part, world.For(seed), &sample);
      EXPECT_NEAR(Mean(z), 0, 0.06);
      EXPECT_NEAR(Covariance(z, z), 1, 0.08);
    }
  }
}

TEST(Liking, PartsDoNotDependOnOneAnother) {
  const TurnsWorld world(5'000, 3'000, 5);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Sample sample(*world, 200'000, seed);
    std::vector<std::vector<double>> parts;
    for (const LikingShares& part : kParts) parts.push_back(Z(part, world.For(seed), &sample));
    for (size_t a = 0; a < parts.size(); ++a) {
      for (size_t b = 0; b < a; ++b) {
        EXPECT_NEAR(Correlation(parts[a], parts[b]), 0, 0.02) << a << " and " << b;
      }
    }
  }
}

TEST(Liking, IsTheSumOfItsPartsByTheirShares) {
  const TurnsWorld world(5'000, 3'000, 5);
  Sample sample(*world, 20'000, 1);
  for (const LikingShares& shares : {LikingShares(), LikingShares{0.5, 0, 0.5, 0, 0, 0},
                                     LikingShares{0.01, 0.09, 0, 0.9, 0, 0}}) {
    const double of[] = {shares.user, shares.item,    shares.taste,
                         shares.pair, shares.session, shares.row};
    const std::vector<double> z = Z(shares, world.For(1), &sample);
    std::vector<double> sum(z.size(), 0.0);
    for (size_t part = 0; part < std::size(kParts); ++part) {
      const std::vector<double> alone = Z(kParts[part], world.For(1), &sample);
      for (size_t i = 0; i < z.size(); ++i) sum[i] += std::sqrt(of[part]) * alone[i];
    }
    for (size_t i = 0; i < z.size(); ++i) ASSERT_NEAR(z[i], sum[i], 0.002);
  }
}

TEST(Liking, IsOfUserItemAndPairTheSameInEveryEpoch) {
  const TurnsWorld world(500, 1'000, 5);
  Sample first(*world, 10'000, 1, 0);
  Sample later(*world, 10'000, 1, 7);
  for (size_t part = 0; part < std::size(kParts); ++part) {
    const std::vector<double> a = Z(kParts[part], world.For(1), &first);
    const std::vector<double> b = Z(kParts[part], world.For(1), &later);
    if (part < 4) {
      EXPECT_EQ(a, b);
    } else {
      EXPECT_NEAR(Correlation(a, b), 0, 0.05);
    }
  }
}

TEST(Liking, IsOneMoodInASession) {
  const TurnsWorld world(500, 1'000, 5);
  Sample sample(*world, 10'000, 1);
  const std::vector<double> z = Z(kParts[4], world.For(1), &sample);
  std::map<int64_t, double> moods;
  for (size_t i = 0; i < z.size(); ++i) {
    EXPECT_EQ(moods.try_emplace(sample.session[i], z[i]).first->second, z[i]);
  }
  EXPECT_EQ(moods.size(), 2'500);
}

// Over few ranks, too, users are spread evenly: no hash would do so.
TEST(Liking, SpreadsUsersAndItemsEvenly) {
  for (const int64_t members : {8, 64, 1'000, 100'000}) {
    const TurnsWorld world(members, 10 * members, 5);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      Sample sample(*world, members, seed);
      for (int64_t i = 0; i < members; ++i) {
        sample.user[static_cast<size_t>(i)] = i;
        sample.item[static_cast<size_t>(i)] = i;  // the popular ones
      }
      const std::vector<double> of_user = Z(kParts[0], world.For(seed), &sample);
      EXPECT_NEAR(Mean(of_user), 0, 1 / std::sqrt(static_cast<double>(members)));
      EXPECT_NEAR(Covariance(of_user, of_user), 1, 5 / std::sqrt(static_cast<double>(members)));
      const std::vector<double> of_item = Z(kParts[1], world.For(seed), &sample);
      EXPECT_NEAR(Mean(of_item), 0, 1.5 / std::sqrt(static_cast<double>(members)));
    }
  }
}

TEST(Liking, IsALittleForThePopular) {
  const TurnsWorld world(500, 100'000, 5);
  Sample sample(*world, 200'000, 1);
  const std::vector<double> z = Z(kParts[1], world.For(1), &sample);
  std::vector<double> of_tail;
  std::vector<double> rank;
  for (size_t i = 0; i < z.size(); ++i) {
    if (sample.item[i] < (*world).popular_items) continue;
    of_tail.push_back(z[i]);
    rank.push_back(static_cast<double>(sample.item[i]));
  }
  EXPECT_NEAR(Correlation(of_tail, rank), -0.3, 0.03);
}

// Items of one niche are liked by the same people.
TEST(Liking, IsAlikeWithinANiche) {
  constexpr int64_t kCategories = 40;
  const TurnsWorld world(2'000, 10'000, kCategories);
  // Of the tail of one category, which begins with rank 1000.
  const auto of_item = [&](uint64_t seed, int64_t index) {
    Sample sample(*world, 2'000, seed);
    std::fill(sample.item.begin(), sample.item.end(), 1'000 + kCategories * index);
    return Z(kParts[2], world.For(seed), &sample);
  };
  double within = 0;
  double beyond = 0;
  constexpr uint64_t kSeeds = 300;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::vector<double> z = of_item(seed, 0);
    within += Covariance(z, of_item(seed, 4));
    beyond += Covariance(z, of_item(seed, 5));
  }
  EXPECT_NEAR(within / kSeeds, 0.36, 0.12);
  EXPECT_NEAR(beyond / kSeeds, 0, 0.12);
}

// An instance keeps what it knows of items; that must not show.
TEST(Liking, DoesNotDependOnWhatWasAskedBefore) {
  const TurnsWorld world(4'000'000'000, 4'000'000'000, 7);
  Sample sample(*world, 4'096, 1);
  Sample before(*world, 4'096, 2);
  // Items that are kept in one place, popular ones that come again, and the last of all.
  for (size_t i = 0; i < sample.item.size(); i += 2) sample.item[i] = static_cast<int64_t>(i) << 18;
  for (size_t i = 1; i < sample.item.size(); i += 4) sample.item[i] = static_cast<int64_t>(i) % 9;
  sample.item[3] = 3'999'999'999;
  sample.user[3] = 3'999'999'999;
  std::vector<int32_t> alone(4'096);
  Liking({}, world.For(1)).Fill(sample.rows(), alone);
  std::vector<int32_t> after(4'096);
  Liking liking({}, world.For(1));
  liking.Fill(before.rows(), after);
  liking.Fill(sample.rows(), after);
  EXPECT_EQ(after, alone);
  liking.Fill(sample.rows(), after);
  EXPECT_EQ(after, alone);
}

TEST(Liking, IsDefinedForTheSmallestWorld) {
  const TurnsWorld world(1, 2, 1);
  Sample sample(*world, 3, 1);
  const std::vector<double> z = Z({}, world.For(1), &sample);
  EXPECT_LT(std::abs(z[0]), 8);
}

}  // namespace
}  // namespace throng::plugins
