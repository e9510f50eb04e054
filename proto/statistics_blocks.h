// Statistics of a run's outputs as people read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "throng/v1/statistics.pb.h"

namespace throng {

struct OutputStatistics {
  std::string output;
  v1::Statistics statistics;
};

// A block of those of one output, under the output's name where its run has several (`outputs`);
// ends with a newline.
std::string NamedBlock(std::string_view output, const v1::Statistics& statistics, int outputs);

// A block of each, those that are equal in one under all their names.
std::string StatisticsBlocks(const std::vector<OutputStatistics>& all, int outputs);

}  // namespace throng
