#include "plugins/clock/time_profile.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "plugins/clock/log_normal.h"

namespace throng::plugins {
namespace {

using Weights = std::array<double, TimeProfile::kHours>;

// Of a shop: nights are quiet, evenings and weekends busy.
Weights ShopProfile() {
  static constexpr double kHourOfDay[24] = {0.45, 0.30, 0.22, 0.18, 0.17, 0.20, 0.32, 0.55,
                                            0.80, 0.98, 1.08, 1.14, 1.20, 1.20, 1.16, 1.14,
                                            1.16, 1.24, 1.40, 1.60, 1.78, 1.80, 1.42, 0.85};
  static constexpr double kDayOfWeek[7] = {0.93, 0.92, 0.95, 0.97, 1.00, 1.12, 1.11};
  Weights weights;
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = kHourOfDay[i % 24] * kDayOfWeek[i / 24];
  return weights;
}

// As many numbers as there are, up to one too many; -1 for what is none.
std::vector<double> ParseNumbers(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  std::vector<double> numbers;
  while (numbers.size() <= TimeProfile::kHours) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    double number = 0;
    const char* end = part.data() + part.size();
    const auto [parsed, fault] = std::from_chars(part.data(), end, number);
    const bool is_number = fault == std::errc() && parsed == end && std::isfinite(number);
    numbers.push_back(is_number ? number : -1);
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  return numbers;
}

Weights ParseProfile(const std::string& text) {
  const auto refuse = [](const std::string& sentence) {
    throw Error(THRONG_INVALID_ARGUMENT, sentence, "profile");
  };
  if (text == "shop") return ShopProfile();
  Weights weights;
  weights.fill(1);
  if (text == "flat") return weights;
  const std::vector<double> numbers = ParseNumbers(text);
  if (numbers.size() == 1 && numbers[0] < 0) {
    refuse("\"" + text +
           "\" is no profile; give shop, flat, or 168 weights, one for each hour of "
           "the week from Monday 0h on.");
  }
  if (numbers.size() != weights.size()) {
    const bool is_long = numbers.size() > weights.size();
    refuse("the profile has " +
           (is_long ? "more than 168" : std::to_string(numbers.size()) + " of 168") +
           " weights; give one for each hour of the week, from Monday 0h to Sunday 23h.");
  }
  const auto wrong = std::find_if(numbers.begin(), numbers.end(), [](double x) { return x < 0; });
  if (wrong != numbers.end()) {
    refuse("weight " + std::to_string(wrong - numbers.begin() + 1) +
           " of the profile is negative or no number; give 0 or more for each hour.");
  }
  if (std::all_of(numbers.begin(), numbers.end(), [](double x) { return x == 0; })) {
    refuse("all weights of the profile are 0, so nothing can ever happen; give some hours more.");
  }
  std::copy(numbers.begin(), numbers.end(), weights.begin());
  return weights;
}

// The most hours without weight that follow one another, round the week's end.
int64_t LongestPause(const Weights& weights) {
  int64_t longest = 0;
  int64_t pause = 0;
  for (size_t i = 0; i < 2 * weights.size(); ++i) {
    pause = weights[i % weights.size()] > 0 ? 0 : pause + 1;
    longest = std::max(longest, pause);
  }
  return longest;
}

int64_t FloorDivide(int64_t x, int64_t y) { return x / y - (x % y < 0 ? 1 : 0); }

}  // namespace

void TimeProfile::Validate(const ProfileOptions& options) {
  const int64_t pause = LongestPause(ParseProfile(options.profile));
  if (options.window.ms > pause * kHour) return;
  throw Error(THRONG_INVALID_ARGUMENT,
              "the profile has " + std::to_string(pause) +
                  " hours on end with a weight of 0, and an epoch's window can lie within them; "
                  "give a longer window, or these hours some weight.",
              "window");
}

TimeProfile::TimeProfile(const ProfileOptions& options, uint64_t key)
    : window_(options), utc_offset_(std::llround(options.utc_offset * kHour)), key_(key) {
  constexpr double kMostWeight = 1 << 20;
  constexpr double kUsualFactor = 1 << 12;  // up to 28 times as much at the largest variation
  const Weights weights = ParseProfile(options.profile);
  const double most = *std::max_element(weights.begin(), weights.end());
  for (Day& day : days_) day.fill(~uint64_t{0});
  for (size_t i = 0; i < kHours; ++i) {
    if (weights[i] > 0) {
      const auto weight = std::llround(weights[i] / most * kMostWeight);
      hour_weights_[i] = static_cast<uint32_t>(std::max<long long>(weight, 1));
    }
    hour_rates_[i] = Reciprocal(std::max<uint32_t>(hour_weights_[i], 1));
    Day& day = days_[i / 24];
    if (i % 24 == 0) day[0] = 0;
    day[i % 24 + 1] = day[i % 24] + uint64_t{hour_weights_[i]} * kHour;
  }
  factors_ = LogNormalTable(kFactors, kUsualFactor, options.day_variation);
  for (const uint32_t factor : factors_) factor_rates_.emplace_back(factor);
}

void TimeProfile::StartEpoch(int64_t epoch) {
  if (epoch == epoch_) return;
  const int64_t start = EpochStart(window_, epoch);
  const int64_t first_day = FloorDivide(start + utc_offset_, kDay);
  const int64_t last_day = FloorDivide(start + window_.window.ms - 1 + utc_offset_, kDay);
  epoch_ = epoch;
  midnight_ = first_day * kDay - utc_offset_;
  first_weekday_ = static_cast<size_t>(((first_day + 3) % 7 + 7) % 7);  // 1970 began on a Thursday
  const auto days = static_cast<size_t>(last_day - first_day + 1);
  day_factors_.resize(days);
  begins_.resize(days + 1);
  begins_[0] = 0;
  for (size_t day = 0; day < days; ++day) {
    const uint64_t number = static_cast<uint64_t>(first_day) + day;
    day_factors_[day] = static_cast<uint16_t>(Hash(key_, number) >> kFactorShift);
    const uint64_t factor = factors_[day_factors_[day]];
    const uint64_t weight = factor * days_[(first_weekday_ + day) % 7][24];
    begins_[day + 1] = begins_[day] + weight;
  }
  begin_ = Before(start);
  end_ = Before(start + window_.window.ms);
}

Uint128 TimeProfile::Before(int64_t time) const {
  const auto local = static_cast<uint64_t>(time - midnight_);
  const size_t day = local / kDay;
  if (day == day_factors_.size()) return begins_[day];  // the window ends at midnight
  const uint64_t in_day = local % kDay;
  const size_t hour = in_day / kHour;
  const size_t weekday = (first_weekday_ + day) % 7;
  const uint64_t within =
      days_[weekday][hour] + in_day % kHour * hour_weights_[weekday * 24 + hour];
  const uint64_t weight = factors_[day_factors_[day]] * within;
  return begins_[day] + weight;
}

uint64_t TimeProfile::RateAt(int64_t time) const {
  const auto local = static_cast<uint64_t>(time - midnight_);
  const size_t day = local / kDay;
  const size_t weekday = (first_weekday_ + day) % 7;
  return uint64_t{factors_[day_factors_[day]]} * hour_weights_[weekday * 24 + local % kDay / kHour];
}

TimeProfile::Hour TimeProfile::HourOf(Uint128 weight) const {
  const size_t day = DayOf(weight);
  const auto [weekday, hour, within] = Find(weight, day);
  const uint64_t factor = factors_[day_factors_[day]];
  const uint64_t begin = factor * days_[weekday][hour];
  const uint64_t end = factor * days_[weekday][hour + 1];
  return {.begin = begins_[day] + begin,
          .end = begins_[day] + end,
          .time = midnight_ + static_cast<int64_t>(day) * kDay + static_cast<int64_t>(hour) * kHour,
          .rate = Reciprocal(factor * hour_weights_[weekday * 24 + hour])};
}

}  // namespace throng::plugins
