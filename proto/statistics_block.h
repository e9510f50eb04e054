// Statistics as people read them.
#pragma once

#include <string>

#include "throng/v1/statistics.pb.h"

namespace throng {

// The statistics block, without a newline before or after. Totals of those seen say so.
std::string StatisticsBlock(const v1::Statistics& statistics);

}  // namespace throng
