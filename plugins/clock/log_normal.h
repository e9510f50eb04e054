// Log-normal numbers as a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace throng::plugins {

// round(median exp(spread z)) for z = the standard normal distribution's quantiles at the midpoints
// of `size` equal parts, size even: never falling. The largest must fit.
std::vector<uint32_t> LogNormalTable(size_t size, double median, double spread);

}  // namespace throng::plugins
