// From real shares to integer counts that hold their totals: largest remainders, and tables whose
// rows and columns both add up.
#ifndef THRONG_ROUNDING_HPP_
#define THRONG_ROUNDING_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace throng {

// Shares as integers in the same ratio: billionths, reduced by their common divisor, so that
// [0.15, 0.25] becomes [3, 5]. Shares are finite and not negative; the sum of up to 10^4 of them,
// times any count up to 10^11, fits 128 bits. A positive share stays positive.
inline std::vector<int64_t> IntegerWeights(std::span<const double> shares) {
  std::vector<int64_t> weights;
  int64_t divisor = 0;
  for (const double share : shares) {
    const int64_t weight = std::llround(share * 1e9);
    weights.push_back(share > 0 ? std::max<int64_t>(weight, 1) : 0);
    divisor = std::gcd(divisor, weights.back());
  }
  for (int64_t& weight : weights) weight /= std::max<int64_t>(divisor, 1);
  return weights;
}

// Splits `total` by weights (not all 0): each part is its exact share rounded down or up, the
// largest remainders up, of equal ones the first. The parts sum to `total`.
inline std::vector<int64_t> Apportion(int64_t total, std::span<const int64_t> weights) {
  __extension__ using Int128 = __int128;
  const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  std::vector<int64_t> parts;
  std::vector<int64_t> remainders;
  for (const int64_t weight : weights) {
    const Int128 product = static_cast<Int128>(total) * weight;
    parts.push_back(static_cast<int64_t>(product / sum));
    remainders.push_back(static_cast<int64_t>(product % sum));
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  int64_t left = total - std::accumulate(parts.begin(), parts.end(), int64_t{0});
  for (size_t i = 0; left > 0; ++i, --left) ++parts[order[i]];
  return parts;
}

// A table of rows x columns to be rounded, row by row.
struct RealTable {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<int64_t> floors;    // the largest integer not above each cell
  std::vector<double> fractions;  // and what is missing, in [0, 1); 0: the cell is that integer
};

// Rounds each cell down or up so that rows sum to `row_totals` and columns lie in [column_least,
// column_most] (Cox, Controlled Rounding, 1987): a flow of single units, of which the largest
// fractions get theirs first. That is always possible if the real table has those row totals and
// its column sums lie within those bounds. Where cells are off by rounding errors, single ones may
// end one higher, and the sums still hold.
inline std::vector<int64_t> RoundTable(const RealTable& table, std::span<const int64_t> row_totals,
                                       std::span<const int64_t> column_least,
                                       std::span<const int64_t> column_most) {
  const size_t columns = table.columns;
  std::vector<int64_t> cells = table.floors;
  std::vector<int64_t> units(cells.size(), 0);  // added to each floor
  std::vector<int64_t> row_left(row_totals.begin(), row_totals.end());
  std::vector<int64_t> column_left(column_least.begin(), column_least.end());
  for (size_t i = 0; i < cells.size(); ++i) {
    row_left[i / columns] -= cells[i];
    column_left[i % columns] -= cells[i];
  }
  int64_t cell_limit = 1;
  const auto may_raise = [&](size_t i) {
    return units[i] < cell_limit && (cell_limit > 1 || table.fractions[i] > 0);
  };

  std::vector<size_t> order(cells.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return table.fractions[a] > table.fractions[b]; });
  // One more unit into `row`: straight into a column with room, else by moving units of other rows
  // out of the way (breadth first, so by the fewest moves).
  const auto place = [&](size_t start) {
    std::vector<size_t> reached_by(columns, cells.size());  // the cell raised to reach a column
    std::vector<size_t> row_by(table.rows, cells.size());   // the cell lowered to reach a row
    std::vector<bool> row_seen(table.rows, false);
    std::vector<size_t> queue{start};
    row_seen[start] = true;
    for (size_t head = 0; head < queue.size(); ++head) {
      for (size_t column = 0; column < columns; ++column) {
        const size_t cell = queue[head] * columns + column;
        if (reached_by[column] != cells.size() || !may_raise(cell)) continue;
        reached_by[column] = cell;
        if (column_left[column] > 0) {
          --column_left[column];
          for (size_t raised = cell;;) {
            ++units[raised];
            const size_t lowered = row_by[raised / columns];
            if (lowered == cells.size()) return true;
            --units[lowered];
            raised = reached_by[lowered % columns];
          }
        }
        for (size_t row = 0; row < table.rows; ++row) {
          if (row_seen[row] || units[row * columns + column] == 0) continue;
          row_seen[row] = true;
          row_by[row] = row * columns + column;
          queue.push_back(row);
        }
      }
    }
    return false;
  };
  const auto fill = [&] {
    for (const size_t cell : order) {
      int64_t& row = row_left[cell / columns];
      int64_t& column = column_left[cell % columns];
      if (row <= 0 || column <= 0 || !may_raise(cell)) continue;
      ++units[cell];
      --row;
      --column;
    }
    for (size_t row = 0; row < table.rows; ++row) {
      while (row_left[row] > 0 && place(row)) --row_left[row];
    }
  };
  fill();
  for (size_t column = 0; column < columns; ++column) {
    column_left[column] += column_most[column] - column_least[column];
  }
  fill();
  cell_limit = std::numeric_limits<int64_t>::max();
  fill();
  for (size_t i = 0; i < cells.size(); ++i) cells[i] += units[i];
  return cells;
}

}  // namespace throng

#endif  // THRONG_ROUNDING_HPP_
