// Which ratings there are, and what people ask of them in text: a range for each kind, a histogram.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "throng/sdk.hpp"

namespace throng::plugins {

enum class Scale : uint8_t { kHalfStars, kWholeStars, kBinary };

inline constexpr size_t kMostRatings = 9;

// The ratings of a scale, by index from 0; as in the rating column, in hundredths of a star.
struct Ratings {
  size_t count;
  int32_t first;
  int32_t step;
  int32_t At(size_t index) const { return first + step * static_cast<int32_t>(index); }
};
// 1.0, 1.5 to 5.0; 1 to 5; 0 (did not like it) and 1 (liked it).
constexpr Ratings RatingsOf(Scale scale) {
  if (scale == Scale::kHalfStars) return {9, 100, 50};
  if (scale == Scale::kWholeStars) return {5, 100, 100};
  return {2, 0, 100};
}

// The option `scale`: the names of Scale's values, and what they are.
std::vector<const char*> ScaleNames();
inline constexpr const char* kScaleDoc =
    "Which ratings there are: 1.0, 1.5 to 5.0, or 1 to 5, or 0 (not liked) and 1 (liked).";

// The option `ranges`.
inline constexpr const char* kRangesDoc =
    "Ratings that each kind should have, as kind=low-high; all of the scale for the others.";
// What it is unless it is given. On the binary scale it stands for preferred=1-1.
inline constexpr const char* kDefaultRanges = "preferred=4-5,popular=3-5,random=1-5";

// Both inclusive, as indices.
struct RatingRange {
  size_t low = 0;
  size_t high = 0;
};

// The range of each kind, from text as kDefaultRanges, in ratings of the scale; all of them for
// kinds that it does not name. Throws on text that is not understood.
std::vector<RatingRange> ParseRanges(const std::string& text, Scale scale,
                                     std::span<const Kind> kinds);

// Warns of names in `ranges` that are no kind, unless it is the default.
void WarnOfUnknownKinds(const std::string& ranges, Scale scale, std::span<const Kind> kinds,
                        const Host& host);

// Shares of a scale's ratings, from the least on, that sum to 1.
struct Histogram {
  Scale scale = Scale::kHalfStars;
  std::vector<double> shares;
};

// From shares, as many as the scale has ratings, or a name: `seed`, `movielens` (MovieLens 20M, its
// few 0.5 counted as 1.0), `jshape` (as in shops: most are 5, few in the middle), `binary` (the
// seed's as likes). A name's half stars go to the whole stars below and above in equal parts, which
// keeps their mean; four stars and more are a like. Without a scale it is the one that has so many
// ratings. Throws on text that is not understood or does not go with the scale.
Histogram ParseHistogram(const std::string& text, std::optional<Scale> scale);

}  // namespace throng::plugins
