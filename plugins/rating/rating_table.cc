#include "plugins/rating/rating_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "throng/rounding.hpp"

namespace throng::plugins {
namespace {

constexpr double kMostFittingRounds = 20'000;
constexpr double kTolerance = 1e-12;

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

struct NamedRange {
  std::string_view kind;
  RatingRange range;
};

std::vector<NamedRange> ParseNamedRanges(std::string_view text) {
  std::vector<NamedRange> ranges;
  if (text.empty()) return ranges;
  for (const std::string_view part : Split(text, ',')) {
    const std::vector<std::string_view> sides = Split(part, '=');
    const std::vector<std::string_view> ends = Split(sides.back(), '-');
    const auto index = [](std::string_view end) { return (ParseNumber(end) - 1) * 2; };
    const double low = ends.size() == 2 ? index(ends[0]) : -1;
    const double high = ends.size() == 2 ? index(ends[1]) : -1;
    const auto is_rating = [](double at) {
      return at >= 0 && at < static_cast<double>(kRatings) && std::floor(at) == at;
    };
    if (sides.size() != 2 || sides[0].empty() || !is_rating(low) || !is_rating(high) ||
        low > high) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "\"" + std::string(part) +
                      "\" is no range; write the kind and half stars from 1 to 5, as "
                      "preferred=3.5-5.",
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

// ---- Rounding -------------------------------------------------------------------------------

// Rounds cells so that each kind has its rows and each rating lies in its bounds.
RatingCounts Round(std::span<const Kind> kinds, std::span<const double> cells,
                   std::span<const int64_t> column_least, std::span<const int64_t> column_most) {
  RealTable table{.rows = kinds.size(), .columns = kRatings, .floors = {}, .fractions = {}};
  for (const double cell : cells) {
    // A hair below, so that floors never sum to more than rows and ratings have.
    const double floor = std::max(0.0, std::floor(cell - 1e-7 - cell * 1e-14));
    table.floors.push_back(static_cast<int64_t>(floor));
    table.fractions.push_back(cell - floor);
  }
  std::vector<int64_t> row_totals;
  for (const Kind& kind : kinds) row_totals.push_back(kind.rows);
  return RoundTable(table, row_totals, column_least, column_most);
}

std::vector<double> EvenCells(std::span<const Kind> kinds, std::span<const RatingRange> ranges) {
  std::vector<double> cells;
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    const auto [low, high] = ranges[kind];
    for (size_t rating = 0; rating < kRatings; ++rating) {
      const bool is_inside = low <= rating && rating <= high;
      cells.push_back(is_inside ? static_cast<double>(kinds[kind].rows) /
                                      static_cast<double>(high - low + 1)
                                : 0);
    }
  }
  return cells;
}

RatingCounts RoundFreely(std::span<const Kind> kinds, std::span<const double> cells) {
  std::array<double, kRatings> sums{};
  for (size_t i = 0; i < cells.size(); ++i) sums[i % kRatings] += cells[i];
  std::vector<int64_t> least;
  std::vector<int64_t> most;
  for (const double sum : sums) {
    least.push_back(static_cast<int64_t>(std::floor(sum + 1e-6)));
    most.push_back(static_cast<int64_t>(std::ceil(sum - 1e-6)));
  }
  return Round(kinds, cells, least, most);
}

// Scales rows and columns in turn until both sums hold. Cells of kinds without rows and of ratings
// without share become 0.
void FitProportionally(std::span<const Kind> kinds, std::span<const int64_t> columns,
                       std::vector<double>* cells) {
  const size_t rows = kinds.size();
  double error = 1;
  for (int round = 0; round < kMostFittingRounds && error > kTolerance; ++round) {
    error = 0;
    for (size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (size_t column = 0; column < kRatings; ++column) sum += (*cells)[row * kRatings + column];
      const double factor = sum > 0 ? static_cast<double>(kinds[row].rows) / sum : 0;
      for (size_t column = 0; column < kRatings; ++column) {
        (*cells)[row * kRatings + column] *= factor;
      }
      if (round > 0 && kinds[row].rows > 0) error = std::max(error, std::abs(factor - 1));
    }
    if (round > 0 && error <= kTolerance) return;
    error = 1;
    for (size_t column = 0; column < kRatings; ++column) {
      double sum = 0;
      for (size_t row = 0; row < rows; ++row) sum += (*cells)[row * kRatings + column];
      const double factor = sum > 0 ? static_cast<double>(columns[column]) / sum : 0;
      for (size_t row = 0; row < rows; ++row) (*cells)[row * kRatings + column] *= factor;
    }
  }
  throw Error(THRONG_INVALID_ARGUMENT,
              "so few ratings may leave their range that the histogram cannot be reached; raise "
              "leak or decay, or widen the ranges.",
              "leak");
}

// Warns of names that are no kind, unless the text is the default.
void WarnOfUnknownKinds(const std::string& text, std::span<const Kind> kinds, const Host& host) {
  if (text == kDefaultRanges) return;
  std::string known;
  for (const Kind& kind : kinds) known += (known.empty() ? "" : ", ") + kind.name;
  for (const NamedRange& range : ParseNamedRanges(text)) {
    const bool is_known = std::any_of(kinds.begin(), kinds.end(),
                                      [&](const Kind& kind) { return kind.name == range.kind; });
    if (is_known) continue;
    host.Warn("ranges names the kind \"" + std::string(range.kind) +
              "\", which the choice does not have; its kinds are " + known + ".");
  }
}

}  // namespace

std::vector<RatingRange> ParseRanges(const std::string& text, std::span<const Kind> kinds) {
  const std::vector<NamedRange> named = ParseNamedRanges(text);
  std::vector<RatingRange> ranges;
  for (const Kind& kind : kinds) {
    const auto found = std::find_if(named.begin(), named.end(), [&](const NamedRange& range) {
      return range.kind == kind.name;
    });
    ranges.push_back(found == named.end() ? RatingRange{} : found->range);
  }
  return ranges;
}

Histogram ParseHistogram(const std::string& text) {
  static constexpr std::pair<std::string_view, Histogram> kNamed[] = {
      {"seed", {0.05, 0.045, 0.055, 0.06, 0.12, 0.13, 0.21, 0.18, 0.15}},
      {"movielens", {0.046, 0.014, 0.072, 0.044, 0.214, 0.11, 0.278, 0.077, 0.145}},
      {"jshape", {0.11, 0, 0.05, 0, 0.08, 0, 0.16, 0, 0.6}}};
  for (const auto& [name, histogram] : kNamed) {
    if (text == name) return histogram;
  }
  std::string_view list = text;
  if (list.size() >= 2 && list.front() == '[' && list.back() == ']') {
    list = list.substr(1, list.size() - 2);
  }
  const std::vector<std::string_view> parts = Split(list, ',');
  Histogram histogram{};
  double sum = 0;
  bool is_good = parts.size() == kRatings;
  for (size_t i = 0; is_good && i < kRatings; ++i) {
    histogram[i] = ParseNumber(parts[i]);
    is_good = histogram[i] >= 0 && histogram[i] <= 1;
    sum += histogram[i];
  }
  if (!is_good) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "\"" + text +
                    "\" is no histogram; give seed, movielens, jshape, or the nine shares of the "
                    "ratings 1.0, 1.5 to 5.0.",
                "histogram");
  }
  if (std::abs(sum - 1) > 1e-6) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "the shares of the histogram sum to " +
                    detail::NumberText(std::round(sum * 1e9) / 1e9) + "; they must sum to 1.",
                "histogram");
  }
  return histogram;
}

RatingCounts EvenRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges) {
  return RoundFreely(kinds, EvenCells(kinds, ranges));
}

RatingCounts FittedRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                           const Histogram& histogram, double leak, double decay, double blend) {
  const int64_t rows =
      std::accumulate(kinds.begin(), kinds.end(), int64_t{0},
                      [](int64_t sum, const Kind& kind) { return sum + kind.rows; });
  const std::vector<int64_t> columns = Apportion(rows, IntegerWeights(histogram));
  std::vector<double> cells;
  for (const auto& [low, high] : ranges) {
    for (size_t rating = 0; rating < kRatings; ++rating) {
      const size_t outside = rating < low ? low - rating : rating > high ? rating - high : 0;
      double start = 1 / static_cast<double>(high - low + 1);
      if (outside > 0) start = leak;
      for (size_t d = 1; d < outside; ++d) start *= decay;
      cells.push_back(start);
    }
  }
  FitProportionally(kinds, columns, &cells);
  if (blend == 0) return Round(kinds, cells, columns, columns);
  const std::vector<double> even = EvenCells(kinds, ranges);
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = (1 - blend) * cells[i] + blend * even[i];
  return RoundFreely(kinds, cells);
}

// ---- Dealing --------------------------------------------------------------------------------

namespace {

// The rating whose places hold place[i]: as many steps up as there are ratings that begin at or
// before it.
THRONG_SIMD void RatePlaces(const int64_t* first_place, const int64_t* place, int32_t* rating,
                            size_t n) {
  for (size_t i = 0; i < n; ++i) {
    int64_t steps = 0;
    for (size_t r = 1; r < kRatings; ++r) steps += place[i] >= first_place[r] ? 1 : 0;
    rating[i] = RatingAt(0) + 50 * static_cast<int32_t>(steps);
  }
}

}  // namespace

RatingDealer::RatingDealer(const Dataset& dataset, const RatingCounts& counts,
                           const std::string& ranges)
    : key_(dataset.key), permutations_(dataset.kinds.size()), by_kind_(dataset.kinds.size()) {
  WarnOfUnknownKinds(ranges, dataset.kinds, dataset.host);
  for (size_t kind = 0; kind < dataset.kinds.size(); ++kind) {
    kind_rows_.push_back(dataset.kinds[kind].rows);
    int64_t place = 0;
    for (size_t rating = 0; rating < kRatings; ++rating) {
      first_place_.push_back(place);
      place += counts[kind * kRatings + rating];
    }
  }
}

void RatingDealer::Fill(const Rows& rows, std::span<int32_t> rating) {
  if (rows.epoch != epoch_) {
    epoch_ = rows.epoch;
    const uint64_t epoch_key = Hash(key_, static_cast<uint64_t>(epoch_));
    for (size_t kind = 0; kind < permutations_.size(); ++kind) {
      permutations_[kind] =
          Permutation(static_cast<uint64_t>(kind_rows_[kind]), Hash(epoch_key, kind));
    }
  }
  by_kind_.Sort(rows.kind);
  for (size_t kind = 0; kind < permutations_.size(); ++kind) {
    const std::span<const uint32_t> of_kind = by_kind_.Of(kind);
    place_.resize(of_kind.size());
    rating_.resize(of_kind.size());
    for (size_t j = 0; j < of_kind.size(); ++j) place_[j] = rows.kind_row[of_kind[j]];
    permutations_[kind].Map(place_, place_);
    RatePlaces(first_place_.data() + kind * kRatings, place_.data(), rating_.data(),
               of_kind.size());
    for (size_t j = 0; j < of_kind.size(); ++j) rating[of_kind[j]] = rating_[j];
  }
}

}  // namespace throng::plugins
