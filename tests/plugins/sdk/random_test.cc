// Hashes avalanche, permutations permute and look random, division is exact, curves do not fall.
#include "throng/random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "throng/hash.h"

namespace throng {
namespace {

std::vector<int64_t> Iota(size_t n) {
  std::vector<int64_t> values(n);
  std::iota(values.begin(), values.end(), int64_t{0});
  return values;
}

// ---- Hashes ---------------------------------------------------------------------------------

// hash.h is Hash for C, with vectors for other languages.
TEST(Hash, IsTheSameInC) {
  EXPECT_EQ(throng_hash(0, 0), 0xe220a8397b1dcdaf);
  EXPECT_EQ(throng_hash(42, 7), 0xccf635ee9e9e2fa4);
  EXPECT_EQ(throng_hash(~uint64_t{0}, ~uint64_t{0}), 0xb4d055fcf2cbbd7b);
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(throng_hash(i * i, ~i), Hash(i * i, ~i));
}

TEST(Mix, ChangesEachOutputBitWithEachInputBitHalfOfTheTime) {
  constexpr int kSamples = 4096;
  for (int in = 0; in < 64; ++in) {
    int flips[64] = {};
    for (uint64_t i = 0; i < kSamples; ++i) {
      const uint64_t x = Hash(1, i);
      const uint64_t changed = Mix(x) ^ Mix(x ^ (uint64_t{1} << in));
      for (int out = 0; out < 64; ++out) flips[out] += static_cast<int>(changed >> out & 1);
    }
    for (const int count : flips) EXPECT_NEAR(2 * count, kSamples, 2 * 6 * 32);  // six sigma
  }
}

// Of the counter, and of the lower half of the key; the upper half comes late, for keys are hashes.
TEST(Hash32, ChangesEachOutputBitWithEachInputBitHalfOfTheTime) {
  constexpr int kSamples = 4096;
  for (int in = 0; in < 32; ++in) {
    int flips[2][32] = {};
    for (uint64_t i = 0; i < kSamples; ++i) {
      const uint64_t key = Hash(2, i);
      const uint64_t bit = uint64_t{1} << in;
      const uint32_t by_counter = Hash32(key, i) ^ Hash32(key, i ^ bit);
      const uint32_t by_key = Hash32(key, i) ^ Hash32(key ^ bit, i);
      for (int out = 0; out < 32; ++out) {
        flips[0][out] += static_cast<int>(by_counter >> out & 1);
        flips[1][out] += static_cast<int>(by_key >> out & 1);
      }
    }
    for (const auto& by : flips) {
      for (const int count : by) EXPECT_NEAR(2 * count, kSamples, 2 * 6 * 32) << in;
    }
  }
}

TEST(Hash32, DiffersBeyondThe32ndBitOfTheCounter) {
  EXPECT_NE(Hash32(7, 1), Hash32(7, (uint64_t{1} << 32) + 1));
}

TEST(DeriveKey, TellsNamesAndTheirLengthsApart) {
  EXPECT_NE(DeriveKey(42, "clock"), DeriveKey(42, "choice"));
  EXPECT_NE(DeriveKey(42, ""), DeriveKey(42, std::string_view("\0", 1)));
  EXPECT_NE(DeriveKey(42, "clock"), DeriveKey(43, "clock"));
}

// A change here changes every dataset there is.
TEST(Hash, KeepsItsValues) {
  EXPECT_EQ(Mix(0), 0);
  EXPECT_EQ(Hash(0, 0), 0xe220a8397b1dcdaf);  // SplitMix64's first of seed 0
  EXPECT_EQ(Hash(0, 1), 0x6e789e6aa1b965f4);  // and its second
}

// ---- Division -------------------------------------------------------------------------------

TEST(Reciprocal, DividesAnyNumberExactly) {
  for (const uint64_t divisor :
       {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}, uint64_t{10}, uint64_t{1000},
        uint64_t{65'535}, uint64_t{50'000}, uint64_t{4'294'967'295}, uint64_t{4'294'967'297},
        uint64_t{100'000'000'000}, ~uint64_t{0} / 2, ~uint64_t{0}}) {
    const Reciprocal reciprocal(divisor);
    const auto check = [&](uint64_t x) {
      ASSERT_EQ(reciprocal.Divide(x), x / divisor) << x << " / " << divisor;
      ASSERT_EQ(reciprocal.Rest(x), x % divisor) << x << " / " << divisor;
      if (x < ~uint64_t{0} / divisor) {
        ASSERT_EQ(reciprocal.DivideSmall(x), x / divisor) << x << " / " << divisor;
      }
    };
    for (uint64_t i = 0; i < 2000; ++i) {
      check(i);
      check(~i);
      check(Hash(3, i));
      check(Hash(4, i) >> (i % 64));
      check(divisor * i);
      check(divisor * i - 1);
    }
  }
}

TEST(Grid, HasAPointInEveryIntervalOfItsSpacing) {
  for (const uint64_t n : std::vector<uint64_t>{1, 2, 3, 10, 999, 1000, 65'537}) {
    const Grid grid(n);
    // n intervals, each of 1/n: one point each, in order.
    for (uint64_t i = 0; i < n; ++i) ASSERT_EQ(MultiplyHigh(grid.Point(i), n), i);
    // And of any fewer intervals none is empty.
    for (uint64_t intervals = 1; intervals < n; intervals += 1 + n / 7) {
      std::vector<bool> seen(intervals, false);
      for (uint64_t i = 0; i < n; ++i) seen[MultiplyHigh(grid.Point(i), intervals)] = true;
      EXPECT_THAT(seen, ::testing::Each(true));
    }
  }
}

// ---- Permutations ---------------------------------------------------------------------------

TEST(Permutation, IsABijectionWithItsInverseForEverySmallSize) {
  for (uint64_t n = 0; n <= 300; ++n) {
    const Permutation permutation(n, n * 77);
    std::vector<bool> seen(n, false);
    for (uint64_t x = 0; x < n; ++x) {
      const uint64_t y = permutation.Map(x);
      ASSERT_LT(y, n);
      ASSERT_FALSE(seen[y]);
      seen[y] = true;
      ASSERT_EQ(permutation.Unmap(y), x);
    }
  }
}

TEST(Permutation, IsABijectionAcrossItsKernels) {
  for (const uint64_t n :
       std::vector<uint64_t>{4095, 4096, 4097, 8191, 8192, 8193, 50'000, 65'536, 65'537, 300'000}) {
    const Permutation permutation(n, 5);
    std::vector<int64_t> y(n);
    permutation.Map(Iota(n), y);
    std::vector<int64_t> x(n);
    permutation.Unmap(y, x);
    EXPECT_EQ(x, Iota(n));
    std::sort(y.begin(), y.end());
    EXPECT_EQ(y, Iota(n));
  }
}

TEST(Permutation, ColumnsAgreeWithSinglePoints) {
  for (const uint64_t n :
       {uint64_t{3}, uint64_t{63}, uint64_t{64}, uint64_t{100}, uint64_t{8191}, uint64_t{50'000},
        uint64_t{4'294'967'295}, uint64_t{4'294'967'296}, uint64_t{4'294'967'297},
        uint64_t{100'000'000'000}, (uint64_t{1} << 62) - 1}) {
    const Permutation permutation(n, 9);
    std::vector<int64_t> x;
    for (uint64_t i = 0; i < 1001; ++i)
      x.push_back(static_cast<int64_t>(MultiplyHigh(Hash(8, i), n)));
    std::vector<int64_t> y(x.size());
    permutation.Map(x, y);
    std::vector<int64_t> back(x.size());
    permutation.Unmap(y, back);
    EXPECT_EQ(back, x);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_LT(static_cast<uint64_t>(y[i]), n);
      ASSERT_EQ(static_cast<uint64_t>(y[i]), permutation.Map(static_cast<uint64_t>(x[i])));
      ASSERT_EQ(permutation.Unmap(static_cast<uint64_t>(y[i])), static_cast<uint64_t>(x[i]));
    }
    std::vector<int64_t> range(std::min<uint64_t>(n, 10));
    permutation.MapRange(n - range.size(), range);
    for (size_t i = 0; i < range.size(); ++i) {
      EXPECT_EQ(static_cast<uint64_t>(range[i]), permutation.Map(n - range.size() + i));
    }
    permutation.Map(x, x);  // in place
    EXPECT_EQ(x, y);
  }
}

// A change here changes every dataset there is.
TEST(Permutation, KeepsItsValues) {
  const auto first = [](uint64_t n) {
    std::vector<int64_t> y(4);
    Permutation(n, 42).MapRange(0, y);
    return y;
  };
  EXPECT_THAT(first(10), ::testing::ElementsAre(7, 3, 6, 0));
  EXPECT_THAT(first(1000), ::testing::ElementsAre(572, 949, 599, 469));
  EXPECT_THAT(first(50'000), ::testing::ElementsAre(45762, 16858, 7134, 1417));
  EXPECT_THAT(first(100'000'000'000),
              ::testing::ElementsAre(46954230377, 9595007972, 32496726079, 32876223524));
}

TEST(Permutation, SpreadsEachPointEvenlyOverTheKeys) {
  constexpr uint64_t kPoints = 20;
  constexpr int kKeys = 20'000;
  for (const uint64_t n : {kPoints, uint64_t{100}}) {
    std::vector<int> counts(n * n, 0);
    for (uint64_t key = 0; key < kKeys; ++key) {
      const Permutation permutation(n, Hash(1, key));
      for (uint64_t x = 0; x < n; ++x) ++counts[x * n + permutation.Map(x)];
    }
    const double expected = kKeys / static_cast<double>(n);
    double chi_squared = 0;
    for (const int count : counts)
      chi_squared += (count - expected) * (count - expected) / expected;
    const double freedom = static_cast<double>((n - 1) * (n - 1));
    EXPECT_NEAR(chi_squared, freedom, 5 * std::sqrt(2 * freedom)) << n;
  }
}

// Correlations of x, and of neighbours and points of one Feistel half, with their images: the root
// of their mean square over many keys, against that of uniformly random permutations.
TEST(Permutation, HasCorrelationsLikeARandomOne) {
  for (const size_t n : {size_t{64}, size_t{500}, size_t{5'000}, size_t{20'000}}) {
    const int keys = static_cast<int>(std::min<size_t>(2'000, 4'000'000 / n));
    const std::vector<int64_t> x = Iota(n);
    std::vector<int64_t> y(n);
    const double mean = static_cast<double>(n - 1) / 2;
    const double variance = (static_cast<double>(n) * static_cast<double>(n) - 1) / 12;
    const size_t half = size_t{1} << (std::bit_width(n) / 2);
    const auto rms = [&](auto&& pair) {
      double squares = 0;
      for (int key = 0; key < keys; ++key) {
        Permutation(n, Hash(3, static_cast<uint64_t>(key))).Map(x, y);
        double sum = 0;
        for (size_t i = 0; i < n; ++i) {
          sum += (static_cast<double>(pair(i)) - mean) * (static_cast<double>(y[i]) - mean);
        }
        const double correlation = sum / (static_cast<double>(n) * variance);
        squares += correlation * correlation;
      }
      return std::sqrt(squares / keys * static_cast<double>(n - 1));
    };
    EXPECT_NEAR(rms([&](size_t i) { return x[i]; }), 1, 0.25) << n;
    for (const size_t lag : {size_t{1}, size_t{2}, half - 1, half, half + 1}) {
      EXPECT_NEAR(rms([&](size_t i) { return y[(i + lag) % n]; }), 1, 0.17) << n << " " << lag;
    }
  }
}

// ---- Curves ---------------------------------------------------------------------------------

TEST(Curve, FollowsItsFunctionAndNeverFalls) {
  const Curve curve([](double x) { return std::pow(x, 1.87); });
  uint64_t last = 0;
  for (uint64_t i = 0; i < 100'000; ++i) {
    const uint64_t x = i * (~uint64_t{0} / 100'000);
    const uint64_t y = curve(x);
    ASSERT_GE(y, last);
    last = y;
    ASSERT_NEAR(static_cast<double>(y) * 0x1p-64, std::pow(static_cast<double>(x) * 0x1p-64, 1.87),
                1e-7);
  }
  EXPECT_NEAR(curve.MaxSlope(), 1.87, 1e-3);
}

TEST(Curve, StaysBelowOne) {
  const Curve curve([](double x) { return x; });
  EXPECT_GT(curve(~uint64_t{0}), ~uint64_t{0} - (uint64_t{1} << 33));
  EXPECT_EQ(curve(0), 0);
}

}  // namespace
}  // namespace throng
