#include "plugins/clock/log_normal.h"

#include <cmath>

namespace throng::plugins {
namespace {

// The normal quantile of p in [1/2, 1), by Newton's method from `z` at or below it: the
// distribution is concave there, so that each step stays below, and the last ones are exact.
double NormalQuantile(double p, double z) {
  constexpr double kSqrt2 = 1.4142135623730951;
  constexpr double kInverseSqrt2Pi = 0.3989422804014327;
  for (int i = 0; i < 60; ++i) {
    const double missing = p - 0.5 * std::erfc(-z / kSqrt2);
    const double step = missing / (kInverseSqrt2Pi * std::exp(-z * z / 2));
    z += step;
    if (std::abs(step) < 1e-13) break;
  }
  return z;
}

}  // namespace

std::vector<uint32_t> LogNormalTable(size_t size, double median, double spread) {
  std::vector<uint32_t> table(size);
  double z = 0;
  for (size_t i = size / 2; i < size; ++i) {
    z = NormalQuantile((static_cast<double>(i) + 0.5) / static_cast<double>(size), z);
    table[i] = static_cast<uint32_t>(std::llround(median * std::exp(spread * z)));
    table[size - 1 - i] = static_cast<uint32_t>(std::llround(median * std::exp(-spread * z)));
  }
  return table;
}

}  // namespace throng::plugins
