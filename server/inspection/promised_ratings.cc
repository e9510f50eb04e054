#include "server/inspection/promised_ratings.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/option_text.h"

namespace throng {
namespace {

constexpr size_t kHalfStars = 9;   // 1.0, 1.5 to 5.0
constexpr size_t kWholeStars = 5;  // 1 to 5
constexpr size_t kBinary = 2;      // 0 and 1
constexpr size_t kLikedFrom = 6;   // 4 stars, of the half ones
constexpr const char* kDefaultRanges = "preferred=4-5,popular=3-5,random=1-5";

std::string OptionOf(const v1::Component& component, const std::string& name) {
  const auto found = component.options().find(name);
  return found == component.options().end() ? "" : found->second;
}

// The named ones, as the options' docs have them; empty: there is none of that name.
std::vector<double> Named(const std::string& name) {
  static const std::map<std::string, std::vector<double>> kNamed = {
      {"seed", {0.05, 0.045, 0.055, 0.06, 0.12, 0.13, 0.21, 0.18, 0.15}},
      {"movielens", {0.046, 0.014, 0.072, 0.044, 0.214, 0.11, 0.278, 0.077, 0.145}},
      {"jshape", {0.11, 0, 0.05, 0, 0.08, 0, 0.16, 0, 0.6}}};
  const auto found = kNamed.find(name);
  return found == kNamed.end() ? std::vector<double>() : found->second;
}

// Half stars on a scale of `count` ratings: a half star goes to the whole ones beside it.
std::vector<double> OnScale(const std::vector<double>& half_stars, size_t count) {
  if (count == kHalfStars) return half_stars;
  std::vector<double> shares(count, 0.0);
  for (size_t i = 0; i < half_stars.size(); ++i) {
    if (count == kBinary) {
      shares[i < kLikedFrom ? 0 : 1] += half_stars[i];
    } else {
      shares[i / 2] += half_stars[i] / 2;
      shares[(i + 1) / 2] += half_stars[i] / 2;
    }
  }
  return shares;
}

std::vector<double> SharesOf(const v1::Component& rating) {
  const std::string histogram = OptionOf(rating, "histogram");
  const std::string scale = OptionOf(rating, "scale");
  if (histogram == "binary") return OnScale(Named("seed"), kBinary);
  const std::vector<double> named = Named(histogram);
  if (named.empty()) return ParseList(histogram).value_or(std::vector<double>());
  return OnScale(named, scale == "binary"        ? kBinary
                        : scale == "whole_stars" ? kWholeStars
                                                 : kHalfStars);
}

}  // namespace

std::vector<v1::PromisedRating> PromisedRatings(const v1::Component& rating) {
  std::vector<v1::PromisedRating> promised;
  const bool is_known = rating.component() == "latent" || rating.component() == "calibrated";
  const std::string blend = OptionOf(rating, "blend");  // with the seed's ranges
  if (!is_known || (!blend.empty() && blend != "0")) return promised;
  const std::vector<double> shares = SharesOf(rating);
  const size_t count = shares.size();
  if (count != kHalfStars && count != kWholeStars && count != kBinary) return promised;
  for (size_t i = 0; i < count; ++i) {
    v1::PromisedRating& one = promised.emplace_back();
    one.set_rating((count == kBinary ? 0.0 : 1.0) +
                   static_cast<double>(i) * (count == kHalfStars ? 0.5 : 1.0));
    one.set_share(shares[i]);
  }
  return promised;
}

PromisedRange PromisedRangeOf(const v1::Component& rating, const std::string& kind) {
  const std::string scale = OptionOf(rating, "scale");
  const bool is_binary = scale == "binary";
  std::string ranges = OptionOf(rating, "ranges");
  if (is_binary && ranges == kDefaultRanges) ranges = "preferred=1-1";
  PromisedRange range;
  if (scale == "whole_stars") range.step = 1;
  if (is_binary) range = {.low = 0, .high = 1, .step = 1};
  for (absl::string_view part : absl::StrSplit(ranges, ',')) {
    const std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(part, '=');
    if (absl::StripAsciiWhitespace(sides.first) != kind) continue;
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(sides.second, '-');
    // The component has refused what is no number.
    if (absl::SimpleAtod(ends.first, &range.low)) absl::SimpleAtod(ends.second, &range.high);
  }
  return range;
}

}  // namespace throng
