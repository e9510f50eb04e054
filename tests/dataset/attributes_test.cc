// Attributes of side tables: the same in every process, and of the distributions that are
// documented.
#include "server/dataset/attributes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "server/dataset/world.h"

namespace throng {
namespace {

constexpr size_t kMany = 100'000;

class AttributesTest : public ::testing::Test {
 protected:
  AttributesTest() : numbers_(kMany), categories_(kMany) {
    const WorldParameters parameters{.users = 10,
                                     .items = 100,
                                     .active_users = 0.8,
                                     .touched_items = 0.9,
                                     .popular_items = 0.1,
                                     .clusters = {{"all", 1, ""}},
                                     .categories = {{"books", 0.5}, {"toys", 0.5}},
                                     .key = 42};
    Problems problems;
    world_ = World::Create(parameters, &problems);
    attributes_ = std::make_unique<Attributes>(*world_->abi(), 42);
    std::iota(numbers_.begin(), numbers_.end(), 0);
    for (size_t i = 0; i < kMany; ++i) categories_[i] = static_cast<int32_t>(i % 2);
  }

  // Shares of the values in hundredths.
  static std::vector<double> Shares(const std::vector<int32_t>& values, size_t kinds) {
    std::vector<double> shares(kinds);
    for (const int32_t value : values) {
      shares.at(static_cast<size_t>(value)) += 100 / static_cast<double>(kMany);
    }
    return shares;
  }

  std::unique_ptr<World> world_;
  std::unique_ptr<Attributes> attributes_;
  std::vector<int64_t> numbers_;
  std::vector<int32_t> categories_;
};

TEST_F(AttributesTest, OfUsersHaveTheSharesThatAreDocumented) {
  std::vector<int32_t> values(kMany);
  const auto expect = [&](const std::vector<const char*>& names,
                          const std::vector<double>& wanted) {
    ASSERT_EQ(names.size(), wanted.size());
    const std::vector<double> found = Shares(values, wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 0.6) << names[i];
  };
  attributes_->AgeBands(numbers_.data(), kMany, values.data());
  expect(Attributes::age_bands(), {14, 26, 22, 16, 12, 10});
  attributes_->Regions(numbers_.data(), kMany, values.data());
  expect(Attributes::regions(), {30, 25, 20, 15, 10});
}

TEST_F(AttributesTest, BrandsAreOfTheirCategoryAndFallWithTheirPlace) {
  std::vector<int32_t> values(kMany);
  attributes_->Brands(numbers_.data(), categories_.data(), kMany, values.data());
  ASSERT_EQ(attributes_->brands().size(), 24U);
  EXPECT_EQ(attributes_->brands()[0], "books-1");
  EXPECT_EQ(attributes_->brands()[23], "toys-12");
  for (size_t i = 0; i < kMany; ++i) ASSERT_EQ(values[i] / 12, categories_[i]) << i;
  const std::vector<double> shares = Shares(values, 24);
  double harmonic = 0;
  for (int place = 1; place <= 12; ++place) harmonic += 1.0 / place;
  for (size_t place = 1; place <= 12; ++place) {
    const double wanted = 50 / harmonic / static_cast<double>(place);
    EXPECT_NEAR(shares[place - 1], wanted, 0.5) << place;
    EXPECT_NEAR(shares[place + 11], wanted, 0.5) << place;
  }
}

TEST_F(AttributesTest, PricesSpanFourOctavesOfTheirCategory) {
  std::vector<double> prices(kMany);
  attributes_->Prices(numbers_.data(), categories_.data(), kMany, prices.data());
  for (const int32_t category : {0, 1}) {
    std::map<int, int> octaves;
    for (size_t i = 0; i < kMany; ++i) {
      const auto cents = std::lround(100 * prices[i]);
      ASSERT_EQ(cents % 10, 9) << prices[i];
      ASSERT_EQ(prices[i], static_cast<double>(cents) / 100);
      ASSERT_GE(cents, 499);
      ASSERT_LE(cents, 63'989);
      if (categories_[i] == category) ++octaves[std::ilogb((static_cast<double>(cents) + 1) / 500)];
    }
    ASSERT_EQ(octaves.size(), 4U);
    const int first = octaves.begin()->first;
    constexpr double kHalf = kMany / 2.0;
    for (const auto& [octave, wanted] :
         std::map<int, double>{{0, 0.125}, {1, 0.375}, {2, 0.375}, {3, 0.125}}) {
      EXPECT_NEAR(octaves[first + octave] / kHalf, wanted, 0.01) << octave;
    }
  }
}

TEST_F(AttributesTest, AreTheSameInEveryProcessAndAloneAsTogether) {
  const int64_t number[] = {0, 1, 99, 4'294'967'294};
  const int32_t category[] = {0, 1, 0, 1};
  int32_t age_band[4], region[4], brand[4];
  double price[4];
  attributes_->AgeBands(number, 4, age_band);
  attributes_->Regions(number, 4, region);
  attributes_->Brands(number, category, 4, brand);
  attributes_->Prices(number, category, 4, price);
  EXPECT_EQ(std::vector<int32_t>(age_band, age_band + 4), (std::vector<int32_t>{1, 3, 3, 1}));
  EXPECT_EQ(std::vector<int32_t>(region, region + 4), (std::vector<int32_t>{2, 0, 0, 4}));
  EXPECT_EQ(std::vector<int32_t>(brand, brand + 4), (std::vector<int32_t>{0, 14, 1, 18}));
  EXPECT_EQ(std::vector<double>(price, price + 4),
            (std::vector<double>{50.49, 27.29, 64.19, 25.29}));
  for (size_t i = 0; i < 4; ++i) {
    double alone = 0;
    attributes_->Prices(number + i, category + i, 1, &alone);
    EXPECT_EQ(alone, price[i]);
  }
}

}  // namespace
}  // namespace throng
