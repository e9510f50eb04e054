// What is asked of ratings, in text, and the table that follows: how many of each kind get which.
#include "plugins/rating/rating_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "throng/rounding.hpp"

namespace throng::plugins {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr Scale kScales[] = {Scale::kHalfStars, Scale::kWholeStars, Scale::kBinary};
constexpr const char* kNames[] = {"seed", "movielens", "jshape"};

std::vector<Kind> SeedKinds(int64_t rows) {
  return {{"preferred", rows * 6 / 10},
          {"popular", rows * 3 / 10},
          {"random", rows - rows * 6 / 10 - rows * 3 / 10}};
}

// The seed's, with the usual options.
RatingCounts Fitted(std::span<const Kind> kinds, const Histogram& histogram) {
  return FittedRatings(kinds, ParseRanges(kDefaultRanges, histogram.scale, kinds), histogram, 0.02,
                       0.7, 0);
}

int64_t RowsOf(const RatingCounts& counts, size_t ratings, size_t kind) {
  const auto row = counts.begin() + static_cast<std::ptrdiff_t>(kind * ratings);
  return std::accumulate(row, row + static_cast<std::ptrdiff_t>(ratings), int64_t{0});
}

double Mean(const RatingCounts& counts, Scale scale, size_t kind) {
  const Ratings ratings = RatingsOf(scale);
  double sum = 0;
  for (size_t r = 0; r < ratings.count; ++r) {
    sum += static_cast<double>(counts[kind * ratings.count + r]) * ratings.At(r) / 100;
  }
  return sum / static_cast<double>(RowsOf(counts, ratings.count, kind));
}

double Mean(const Histogram& histogram) {
  double mean = 0;
  for (size_t r = 0; r < histogram.shares.size(); ++r) {
    mean += histogram.shares[r] * RatingsOf(histogram.scale).At(r) / 100;
  }
  return mean;
}

// The sentence of an error at an option.
template <class F>
std::string ErrorOf(const std::string& option, F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.option(), option);
    return error.what();
  }
  ADD_FAILURE() << "should be refused";
  return "";
}

std::string HistogramError(const std::string& text, std::optional<Scale> scale = {}) {
  return ErrorOf("histogram", [&] { ParseHistogram(text, scale); });
}

// ---- Tables ---------------------------------------------------------------------------------

TEST(FittedRatings, HoldKindsAndHistogramToOneRow) {
  for (const int64_t rows : {1, 7, 10, 28, 99, 100, 5'000, 50'000, 1'000'000}) {
    for (const std::string name : kNames) {
      for (const Scale scale : kScales) {
        const std::vector<Kind> kinds = SeedKinds(rows);
        const Histogram histogram = ParseHistogram(name, scale);
        const size_t ratings = RatingsOf(scale).count;
        const RatingCounts counts = Fitted(kinds, histogram);
        const std::vector<int64_t> expected = Apportion(rows, IntegerWeights(histogram.shares));
        for (size_t r = 0; r < ratings; ++r) {
          EXPECT_EQ(counts[r] + counts[ratings + r] + counts[2 * ratings + r], expected[r]);
        }
        for (size_t k = 0; k < kinds.size(); ++k) {
          EXPECT_EQ(RowsOf(counts, ratings, k), kinds[k].rows);
        }
        EXPECT_GE(*std::min_element(counts.begin(), counts.end()), 0);
      }
    }
  }
}

TEST(FittedRatings, HaveTheMeansAndTheLeakOfTheModel) {
  const std::vector<Kind> kinds = SeedKinds(1'000'000);
  const RatingCounts counts = Fitted(kinds, ParseHistogram("seed", {}));
  EXPECT_NEAR(Mean(counts, Scale::kHalfStars, 0), 3.97, 0.005);
  EXPECT_NEAR(Mean(counts, Scale::kHalfStars, 1), 3.33, 0.005);
  EXPECT_NEAR(Mean(counts, Scale::kHalfStars, 2), 2.12, 0.005);
  const auto ranges = ParseRanges(kDefaultRanges, Scale::kHalfStars, kinds);
  int64_t outside = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto [low, high] = ranges[i / 9];
    if (i % 9 < low || i % 9 > high) outside += counts[i];
  }
  EXPECT_NEAR(static_cast<double>(outside) / 1e6, 0.19, 0.002);
}

TEST(FittedRatings, LikePreferredItemsBestOnEveryScale) {
  for (const Scale scale : kScales) {
    const RatingCounts counts = Fitted(SeedKinds(50'000), ParseHistogram("seed", scale));
    EXPECT_GT(Mean(counts, scale, 0), Mean(counts, scale, 1));
    EXPECT_GT(Mean(counts, scale, 0), Mean(counts, scale, 2));
  }
}

TEST(FittedRatings, MayHaveKindsWithoutRows) {
  const std::vector<Kind> kinds = {{"preferred", 0}, {"popular", 70}, {"random", 30}};
  const RatingCounts counts = Fitted(kinds, ParseHistogram("seed", {}));
  EXPECT_EQ(RowsOf(counts, 9, 0), 0);
  EXPECT_EQ(counts[9 + 8] + counts[18 + 8], 15);
}

TEST(FittedRatings, MayHaveOneRatingOnly) {
  const std::vector<Kind> kinds = SeedKinds(100);
  EXPECT_THAT(Fitted(kinds, ParseHistogram("0,0,1,0,0", {})),
              ElementsAre(0, 0, 60, 0, 0, 0, 0, 30, 0, 0, 0, 0, 10, 0, 0));
}

TEST(FittedRatings, SayWhichRangeCannotHoldItsKind) {
  const std::vector<Kind> kinds = SeedKinds(10'000);
  const std::string error = ErrorOf("leak", [&] {
    FittedRatings(kinds, ParseRanges("preferred=4.5-5", Scale::kHalfStars, kinds),
                  ParseHistogram("1,0,0,0,0,0,0,0,0", {}), 1e-4, 1e-60, 0);
  });
  EXPECT_THAT(error, HasSubstr("the kind \"preferred\" has 6000 rows, and the histogram has 0 in "
                               "its range 4.5-5; raise leak or decay, or widen the ranges."));
}

TEST(FittedRatings, SayWhenTooFewMayLeaveTheirRange) {
  const std::vector<Kind> kinds = SeedKinds(7);
  const std::string error = ErrorOf("leak", [&] {
    FittedRatings(kinds, ParseRanges(kDefaultRanges, Scale::kHalfStars, kinds),
                  ParseHistogram("jshape", {}), 1e-4, 0.01, 0);
  });
  EXPECT_THAT(error, HasSubstr("raise leak or decay"));
}

TEST(EvenRatings, AreEvenWithinEachRange) {
  const std::vector<Kind> kinds = {{"a", 10}, {"b", 9}, {"c", 0}};
  EXPECT_THAT(EvenRatings(kinds, ParseRanges("a=4.5-5.0,b=1-5", Scale::kHalfStars, kinds),
                          Scale::kHalfStars),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 5, 5,  //
                          1, 1, 1, 1, 1, 1, 1, 1, 1,  //
                          0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(
      EvenRatings(kinds, ParseRanges("a=4-5", Scale::kWholeStars, kinds), Scale::kWholeStars),
      ElementsAre(0, 0, 0, 5, 5, 2, 2, 2, 2, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(EvenRatings(kinds, ParseRanges("a=1-1,b=0-0", Scale::kBinary, kinds), Scale::kBinary),
              ElementsAre(0, 10, 9, 0, 0, 0));
}

// ---- Histograms -----------------------------------------------------------------------------

TEST(ParseHistogram, KnowsItsNamesOnEveryScale) {
  for (const std::string name : kNames) {
    for (const Scale scale : kScales) {
      const Histogram histogram = ParseHistogram(name, scale);
      EXPECT_EQ(histogram.scale, scale);
      EXPECT_EQ(histogram.shares.size(), RatingsOf(scale).count);
      EXPECT_NEAR(std::accumulate(histogram.shares.begin(), histogram.shares.end(), 0.0), 1, 1e-9);
    }
    EXPECT_EQ(ParseHistogram(name, {}).scale, Scale::kHalfStars);
    EXPECT_NEAR(Mean(ParseHistogram(name, Scale::kWholeStars)),
                Mean(ParseHistogram(name, Scale::kHalfStars)), 1e-9);
  }
  EXPECT_THAT(ParseHistogram("seed", Scale::kWholeStars).shares,
              Pointwise(DoubleNear(1e-9), {0.0725, 0.1075, 0.215, 0.365, 0.24}));
}

TEST(ParseHistogram, TakesFourStarsAndMoreAsALike) {
  for (const std::optional<Scale> scale : {std::optional<Scale>(), std::optional(Scale::kBinary)}) {
    const Histogram binary = ParseHistogram("binary", scale);
    EXPECT_EQ(binary.scale, Scale::kBinary);
    EXPECT_THAT(binary.shares, Pointwise(DoubleNear(1e-9), {0.46, 0.54}));
  }
  EXPECT_THAT(ParseHistogram("seed", Scale::kBinary).shares,
              Pointwise(DoubleNear(1e-9), {0.46, 0.54}));
  EXPECT_THAT(ParseHistogram("movielens", Scale::kBinary).shares,
              Pointwise(DoubleNear(1e-9), {0.5, 0.5}));
  EXPECT_THAT(ParseHistogram("jshape", Scale::kBinary).shares,
              Pointwise(DoubleNear(1e-9), {0.24, 0.76}));
}

TEST(ParseHistogram, TakesAsManySharesAsAScaleHasRatings) {
  EXPECT_THAT(ParseHistogram(" 0.2, 0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1", {}).shares,
              ElementsAre(0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1));
  const Histogram whole = ParseHistogram("[0.1, 0.1, 0.2, 0.3, 0.3]", {});
  EXPECT_EQ(whole.scale, Scale::kWholeStars);
  EXPECT_THAT(whole.shares, ElementsAre(0.1, 0.1, 0.2, 0.3, 0.3));
  EXPECT_EQ(ParseHistogram("0.1,0.9", {}).scale, Scale::kBinary);
  EXPECT_EQ(ParseHistogram("0.1,0.9", Scale::kBinary).scale, Scale::kBinary);
}

TEST(ParseHistogram, SaysWhatIsWrong) {
  for (const std::string text : {"", "bell", "0.5,0.5,0", "nan,0,0,0,0,0,0,0,1", "inf,0",
                                 "1,0,0,0,0,0,0,0,0,0", "1x,0,0,0,0,0,0,0,0", "1,", "[1,0"}) {
    EXPECT_THAT(HistogramError(text),
                HasSubstr("\"" + text +
                          "\" is no histogram; give seed, movielens, jshape, binary, or shares: "
                          "the nine of the ratings 1.0, 1.5 to 5.0, the five of 1 to 5, or the two "
                          "of 0 and 1."));
  }
  EXPECT_EQ(HistogramError("-1,2,0,0,0"),
            "the share -1 of the histogram is negative; give shares from 0 to 1.");
  EXPECT_EQ(HistogramError("0.5,0.4"),
            "the shares of the histogram sum to 0.9; they must sum to 1.");
  EXPECT_EQ(HistogramError("0,0,0,0,0"),
            "the shares of the histogram sum to 0; they must sum to 1.");
  EXPECT_EQ(HistogramError("0.5,0.5", Scale::kHalfStars),
            "the histogram has 2 shares, and the scale half_stars has 9 ratings; give 9 shares, or "
            "scale: binary.");
  EXPECT_EQ(HistogramError("0.5,0.5,0", Scale::kWholeStars),
            "the histogram has 3 shares, and the scale whole_stars has 5 ratings; give 5 shares.");
  EXPECT_EQ(HistogramError("binary", Scale::kWholeStars),
            "the histogram binary has the ratings 0 and 1, and the scale is whole_stars; leave "
            "scale out, or give seed, movielens or jshape.");
}

// ---- Ranges ---------------------------------------------------------------------------------

TEST(ParseRanges, TakesRatingsOfTheScale) {
  const std::vector<Kind> kinds = SeedKinds(10);
  EXPECT_EQ(ParseRanges("", Scale::kHalfStars, kinds)[0].high, 8);
  EXPECT_EQ(ParseRanges("popular = 2.5 - 3", Scale::kHalfStars, kinds)[1].low, 3);
  EXPECT_EQ(ParseRanges("popular=2-3", Scale::kWholeStars, kinds)[1].low, 1);
  EXPECT_EQ(ParseRanges("popular=2-3", Scale::kWholeStars, kinds)[2].high, 4);
  EXPECT_EQ(ParseRanges("popular=0-0", Scale::kBinary, kinds)[1].high, 0);
  EXPECT_EQ(ParseRanges("popular=0-0", Scale::kBinary, kinds)[2].high, 1);
}

TEST(ParseRanges, HasADefaultForEveryScale) {
  const std::vector<Kind> kinds = SeedKinds(10);
  const std::vector<size_t> lows[] = {{6, 4, 0}, {3, 2, 0}, {1, 0, 0}};
  for (size_t s = 0; s < 3; ++s) {
    const auto ranges = ParseRanges(kDefaultRanges, kScales[s], kinds);
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
      EXPECT_EQ(ranges[kind].low, lows[s][kind]);
      EXPECT_EQ(ranges[kind].high, RatingsOf(kScales[s]).count - 1);
    }
  }
}

TEST(ParseRanges, RefusesWhatIsNoRange) {
  const std::vector<Kind> kinds = SeedKinds(10);
  for (const std::string text : {"preferred", "=1-5", "a=5-4", "a=0.5-1", "a=1-5.5", "a=1.2-3",
                                 "a=1", "a=1-2-3", "a=1-2,", "a=b=1-2", "a=nan-5"}) {
    EXPECT_THROW(ParseRanges(text, Scale::kHalfStars, kinds), Error) << text;
  }
  const auto error = [&](const std::string& text, Scale scale) {
    return ErrorOf("ranges", [&] { ParseRanges(text, scale, kinds); });
  };
  EXPECT_EQ(error("a=4-5.2", Scale::kHalfStars),
            "\"a=4-5.2\" is no range; write the kind and half stars from 1 to 5, as "
            "preferred=3.5-5.");
  EXPECT_EQ(error("a=3.5-5", Scale::kWholeStars),
            "\"a=3.5-5\" is no range; write the kind and whole stars from 1 to 5, as "
            "preferred=4-5.");
  EXPECT_EQ(error("a=4-5", Scale::kBinary),
            "\"a=4-5\" is no range; write the kind and 0 or 1, as preferred=1-1.");
  EXPECT_EQ(error("a=1-2,a=3-4", Scale::kWholeStars),
            "the kind \"a\" has two ranges; give it one.");
}

}  // namespace
}  // namespace throng::plugins
