#include "plugins/rating/rating_scale.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

namespace throng::plugins {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

// A finite number and nothing else, or NaN.
double ParseNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number =
      error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return is_number ? value : std::nan("");
}

// ---- Ranges ---------------------------------------------------------------------------------

struct NamedRange {
  std::string_view kind;
  RatingRange range;
};

const char* RangeHint(Scale scale) {
  if (scale == Scale::kHalfStars) return "half stars from 1 to 5, as preferred=3.5-5";
  if (scale == Scale::kWholeStars) return "whole stars from 1 to 5, as preferred=4-5";
  return "0 or 1, as preferred=1-1";
}

std::vector<NamedRange> ParseNamedRanges(std::string_view text, Scale scale) {
  std::vector<NamedRange> ranges;
  if (text == kDefaultRanges && scale == Scale::kBinary) text = "preferred=1-1";
  if (text.empty()) return ranges;
  const Ratings ratings = RatingsOf(scale);
  const auto index = [&](std::string_view end) {
    return (ParseNumber(end) * 100 - ratings.first) / ratings.step;
  };
  const auto is_rating = [&](double at) {
    return at >= 0 && at < static_cast<double>(ratings.count) && std::floor(at) == at;
  };
  for (const std::string_view part : Split(text, ',')) {
    const std::vector<std::string_view> sides = Split(part, '=');
    const std::vector<std::string_view> ends = Split(sides.back(), '-');
    const double low = ends.size() == 2 ? index(ends[0]) : -1;
    const double high = ends.size() == 2 ? index(ends[1]) : -1;
    if (sides.size() != 2 || sides[0].empty() || !is_rating(low) || !is_rating(high) ||
        low > high) {
      throw Error(
          THRONG_INVALID_ARGUMENT,
          "\"" + std::string(part) + "\" is no range; write the kind and " + RangeHint(scale) + ".",
          "ranges");
    }
    for (const NamedRange& other : ranges) {
      if (other.kind == sides[0]) {
        throw Error(THRONG_INVALID_ARGUMENT,
                    "the kind \"" + std::string(sides[0]) + "\" has two ranges; give it one.",
                    "ranges");
      }
    }
    ranges.push_back({sides[0], {static_cast<size_t>(low), static_cast<size_t>(high)}});
  }
  return ranges;
}

// ---- Histograms -----------------------------------------------------------------------------

std::string NameOf(Scale scale) { return ScaleNames()[static_cast<size_t>(scale)]; }

struct NamedHistogram {
  std::string_view name;
  std::array<double, kMostRatings> half_stars;
};
constexpr NamedHistogram kNamed[] = {
    {"seed", {0.05, 0.045, 0.055, 0.06, 0.12, 0.13, 0.21, 0.18, 0.15}},
    {"movielens", {0.046, 0.014, 0.072, 0.044, 0.214, 0.11, 0.278, 0.077, 0.145}},
    {"jshape", {0.11, 0, 0.05, 0, 0.08, 0, 0.16, 0, 0.6}}};
constexpr size_t kLikedFrom = 6;  // 4 stars

std::vector<double> OnScale(std::span<const double> half_stars, Scale scale) {
  if (scale == Scale::kHalfStars) return {half_stars.begin(), half_stars.end()};
  std::vector<double> shares(RatingsOf(scale).count, 0.0);
  for (size_t i = 0; i < half_stars.size(); ++i) {
    if (scale == Scale::kBinary) {
      shares[i < kLikedFrom ? 0 : 1] += half_stars[i];
    } else {
      shares[i / 2] += half_stars[i] / 2;
      shares[(i + 1) / 2] += half_stars[i] / 2;
    }
  }
  return shares;
}

std::optional<Scale> ScaleWith(size_t count) {
  for (const Scale scale : {Scale::kHalfStars, Scale::kWholeStars, Scale::kBinary}) {
    if (RatingsOf(scale).count == count) return scale;
  }
  return {};
}

Histogram ParseShares(const std::string& text, std::optional<Scale> scale) {
  std::string_view list = text;
  if (list.size() >= 2 && list.front() == '[' && list.back() == ']') {
    list = list.substr(1, list.size() - 2);
  }
  Histogram histogram;
  double sum = 0;
  for (const std::string_view part : Split(list, ',')) {
    histogram.shares.push_back(ParseNumber(part));
    sum += histogram.shares.back();
  }
  const size_t count = histogram.shares.size();
  const std::optional<Scale> own = ScaleWith(count);
  const bool are_numbers = std::none_of(histogram.shares.begin(), histogram.shares.end(),
                                        [](double share) { return std::isnan(share); });
  if (!are_numbers || (!own && !scale)) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "\"" + text +
                    "\" is no histogram; give seed, movielens, jshape, binary, or shares: the nine "
                    "of the ratings 1.0, 1.5 to 5.0, the five of 1 to 5, or the two of 0 and 1.",
                "histogram");
  }
  if (scale && own != scale) {
    const size_t asked = RatingsOf(*scale).count;
    throw Error(THRONG_INVALID_ARGUMENT,
                "the histogram has " + std::to_string(count) + " shares, and the scale " +
                    NameOf(*scale) + " has " + std::to_string(asked) + " ratings; give " +
                    std::to_string(asked) + " shares" + (own ? ", or scale: " + NameOf(*own) : "") +
                    ".",
                "histogram");
  }
  for (const double share : histogram.shares) {
    if (share >= 0) continue;
    throw Error(THRONG_INVALID_ARGUMENT,
                "the share " + detail::NumberText(share) +
                    " of the histogram is negative; give shares from 0 to 1.",
                "histogram");
  }
  if (std::abs(sum - 1) > 1e-6) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the shares of the histogram sum to " +
                    detail::NumberText(std::round(sum * 1e9) / 1e9) + "; they must sum to 1.",
                "histogram");
  }
  histogram.scale = *own;
  return histogram;
}

}  // namespace

std::vector<const char*> ScaleNames() { return {"half_stars", "whole_stars", "binary"}; }

std::vector<RatingRange> ParseRanges(const std::string& text, Scale scale,
                                     std::span<const Kind> kinds) {
  const std::vector<NamedRange> named = ParseNamedRanges(text, scale);
  std::vector<RatingRange> ranges;
  for (const Kind& kind : kinds) {
    const auto found = std::find_if(named.begin(), named.end(), [&](const NamedRange& range) {
      return range.kind == kind.name;
    });
    ranges.push_back(found == named.end() ? RatingRange{0, RatingsOf(scale).count - 1}
                                          : found->range);
  }
  return ranges;
}

void WarnOfUnknownKinds(const std::string& ranges, Scale scale, std::span<const Kind> kinds,
                        const Host& host) {
  if (ranges == kDefaultRanges) return;
  std::string known;
  for (const Kind& kind : kinds) known += (known.empty() ? "" : ", ") + kind.name;
  for (const NamedRange& range : ParseNamedRanges(ranges, scale)) {
    const bool is_known = std::any_of(kinds.begin(), kinds.end(),
                                      [&](const Kind& kind) { return kind.name == range.kind; });
    if (is_known) continue;
    host.Warn("ranges names the kind \"" + std::string(range.kind) +
              "\", which the choice does not have; its kinds are " + known + ".");
  }
}

Histogram ParseHistogram(const std::string& text, std::optional<Scale> scale) {
  for (const auto& [name, half_stars] : kNamed) {
    if (text != name) continue;
    const Scale on = scale.value_or(Scale::kHalfStars);
    return {on, OnScale(half_stars, on)};
  }
  if (text != "binary") return ParseShares(text, scale);
  if (scale && scale != Scale::kBinary) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the histogram binary has the ratings 0 and 1, and the scale is " + NameOf(*scale) +
                    "; leave scale out, or give seed, movielens or jshape.",
                "histogram");
  }
  return {Scale::kBinary, OnScale(kNamed[0].half_stars, Scale::kBinary)};
}

}  // namespace throng::plugins
