#include "plugins/choice/item_curves.h"

#include <cmath>

namespace throng::plugins {
namespace {

constexpr double kHeadShift = 3;  // how many items the head's curve leaves out before the first
constexpr double kEdge = 1.5;     // rows of the last popular item against the first of the tail
constexpr double kTail = 1.5;
constexpr double kFlatTail = 1.3;
constexpr double kFlatHead = 0.25;  // exponents below it are of heads with such a tail
constexpr double kMostExponent = 3;

// The share of the head that its first p of n items have: the integral of (p + shift)^-a, scaled.
double HeadShare(double p, double n, double a) {
  const double power = 1 - a;
  const double part = std::log1p(p / kHeadShift);
  const double all = std::log1p(n / kHeadShift);
  if (std::abs(power) < 1e-9) return part / all;
  return std::expm1(power * part) / std::expm1(power * all);
}

}  // namespace

CurveExponents FindExponents(const CurveGoal& goal) {
  const auto items = static_cast<double>(goal.popular_items);
  const double first_of_tail =
      (static_cast<double>(goal.random_rows) + kTail * static_cast<double>(goal.preferred_rows)) /
      static_cast<double>(goal.tail_items);
  double low = 0;
  double high = kMostExponent;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    const double last =
        static_cast<double>(goal.popular_rows) * (1 - HeadShare(items - 1, items, middle));
    (last > kEdge * first_of_tail ? low : high) = middle;
  }
  return {low, low < kFlatHead ? kFlatTail : kTail};
}

Curve HeadCurve(int64_t popular_items, double exponent) {
  const auto items = static_cast<double>(popular_items);
  const double power = 1 - exponent;
  const double all = std::log1p(items / kHeadShift);
  return Curve([&](double x) {
    const double part =
        std::abs(power) < 1e-9 ? x * all : std::log1p(x * std::expm1(power * all)) / power;
    return kHeadShift * std::expm1(part) / items;
  });
}

Curve TailCurve(double exponent) {
  return Curve([&](double x) { return 1 - std::pow(1 - x, 1 / exponent); });
}

int64_t SpacedItems::FirstOf(int64_t item) const {
  int64_t row = 0;
  if (curve_ == nullptr) {
    // Right, or one beside it.
    row = static_cast<int64_t>(
        MultiplyHigh(static_cast<uint64_t>(item) * step_, static_cast<uint64_t>(rows_)));
    while (row > 0 && At(row - 1) >= item) --row;
    while (row < rows_ && At(row) < item) ++row;
  } else {
    int64_t end = rows_;
    while (row < end) {
      const int64_t middle = row + (end - row) / 2;
      if (At(middle) < item) {
        row = middle + 1;
      } else {
        end = middle;
      }
    }
  }
  return std::min(row, rows_ - 1);
}

Breadth::Breadth(double share, double tail_of_category)
    : k_(std::round((1 - share) / share * tail_of_category)) {}

}  // namespace throng::plugins
