#include "plugins/rating/rating_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "throng/rounding.hpp"

namespace throng::plugins {
namespace {

constexpr double kMostFittingRounds = 20'000;
constexpr double kTolerance = 1e-12;

// Rounds cells so that each kind has its rows and each rating lies in its bounds.
RatingCounts Round(std::span<const Kind> kinds, std::span<const double> cells,
                   std::span<const int64_t> column_least, std::span<const int64_t> column_most) {
  RealTable table{
      .rows = kinds.size(), .columns = column_least.size(), .floors = {}, .fractions = {}};
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

std::vector<double> EvenCells(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                              size_t ratings) {
  std::vector<double> cells;
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    const auto [low, high] = ranges[kind];
    for (size_t rating = 0; rating < ratings; ++rating) {
      const bool is_inside = low <= rating && rating <= high;
      cells.push_back(is_inside ? static_cast<double>(kinds[kind].rows) /
                                      static_cast<double>(high - low + 1)
                                : 0);
    }
  }
  return cells;
}

RatingCounts RoundFreely(std::span<const Kind> kinds, std::span<const double> cells,
                         size_t ratings) {
  std::vector<double> sums(ratings, 0.0);
  for (size_t i = 0; i < cells.size(); ++i) sums[i % ratings] += cells[i];
  std::vector<int64_t> least;
  std::vector<int64_t> most;
  for (const double sum : sums) {
    least.push_back(static_cast<int64_t>(std::floor(sum + 1e-6)));
    most.push_back(static_cast<int64_t>(std::ceil(sum - 1e-6)));
  }
  return Round(kinds, cells, least, most);
}

// Scales rows and columns in turn until both sums hold, and says whether they do. Cells of kinds
// without rows and of ratings without share become 0.
bool FitProportionally(std::span<const Kind> kinds, std::span<const int64_t> column_totals,
                       std::vector<double>* cells) {
  const size_t rows = kinds.size();
  const size_t columns = column_totals.size();
  double error = 1;
  for (int round = 0; round < kMostFittingRounds && error > kTolerance; ++round) {
    error = 0;
    for (size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (size_t column = 0; column < columns; ++column) sum += (*cells)[row * columns + column];
      const double factor = sum > 0 ? static_cast<double>(kinds[row].rows) / sum : 0;
      for (size_t column = 0; column < columns; ++column) {
        (*cells)[row * columns + column] *= factor;
      }
      if (round > 0 && kinds[row].rows > 0) error = std::max(error, std::abs(factor - 1));
    }
    if (round > 0 && error <= kTolerance) return true;
    error = 1;
    for (size_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (size_t row = 0; row < rows; ++row) sum += (*cells)[row * columns + column];
      const double factor = sum > 0 ? static_cast<double>(column_totals[column]) / sum : 0;
      for (size_t row = 0; row < rows; ++row) (*cells)[row * columns + column] *= factor;
    }
  }
  return false;
}

// The kind that has the most rows too many for its range.
std::string FullestRange(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                         std::span<const int64_t> column_totals, const Ratings& ratings) {
  const auto rows_in = [&](const RatingRange& range) {
    const auto begin = column_totals.begin() + static_cast<std::ptrdiff_t>(range.low);
    const auto size = static_cast<std::ptrdiff_t>(range.high - range.low + 1);
    return std::accumulate(begin, begin + size, int64_t{0});
  };
  size_t fullest = 0;
  for (size_t kind = 1; kind < kinds.size(); ++kind) {
    if (kinds[kind].rows - rows_in(ranges[kind]) > kinds[fullest].rows - rows_in(ranges[fullest])) {
      fullest = kind;
    }
  }
  const auto stars = [&](size_t index) { return detail::NumberText(ratings.At(index) / 100.0); };
  const RatingRange& range = ranges[fullest];
  return "the kind \"" + kinds[fullest].name + "\" has " + std::to_string(kinds[fullest].rows) +
         " rows, and the histogram has " + std::to_string(rows_in(range)) + " in its range " +
         stars(range.low) + "-" + stars(range.high);
}

}  // namespace

RatingCounts EvenRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                         Scale scale) {
  const size_t ratings = RatingsOf(scale).count;
  return RoundFreely(kinds, EvenCells(kinds, ranges, ratings), ratings);
}

RatingCounts FittedRatings(std::span<const Kind> kinds, std::span<const RatingRange> ranges,
                           const Histogram& histogram, double leak, double decay, double blend) {
  const Ratings ratings = RatingsOf(histogram.scale);
  const int64_t rows =
      std::accumulate(kinds.begin(), kinds.end(), int64_t{0},
                      [](int64_t sum, const Kind& kind) { return sum + kind.rows; });
  const std::vector<int64_t> columns = Apportion(rows, IntegerWeights(histogram.shares));
  std::vector<double> cells;
  for (const auto& [low, high] : ranges) {
    for (size_t rating = 0; rating < ratings.count; ++rating) {
      const size_t outside = rating < low ? low - rating : rating > high ? rating - high : 0;
      double start = 1 / static_cast<double>(high - low + 1);
      if (outside > 0) start = leak;
      for (size_t d = 1; d < outside; ++d) start *= decay;
      cells.push_back(start);
    }
  }
  if (!FitProportionally(kinds, columns, &cells)) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "so few ratings may leave their range that the histogram cannot be reached: " +
                    FullestRange(kinds, ranges, columns, ratings) +
                    "; raise leak or decay, or widen the ranges.",
                "leak");
  }
  if (blend == 0) return Round(kinds, cells, columns, columns);
  const std::vector<double> even = EvenCells(kinds, ranges, ratings.count);
  for (size_t i = 0; i < cells.size(); ++i) cells[i] = (1 - blend) * cells[i] + blend * even[i];
  return RoundFreely(kinds, cells, ratings.count);
}

}  // namespace throng::plugins
