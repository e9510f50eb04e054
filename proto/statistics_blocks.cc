#include "proto/statistics_blocks.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "proto/statistics_block.h"

namespace throng {

using google::protobuf::util::MessageDifferencer;

std::string NamedBlock(std::string_view output, const v1::Statistics& statistics, int outputs) {
  const std::string name = outputs > 1 ? fmt::format("Output {}:\n", output) : "";
  return name + StatisticsBlock(statistics) + "\n";
}

std::string StatisticsBlocks(const std::vector<OutputStatistics>& all, int outputs) {
  std::vector<OutputStatistics> blocks;
  for (const OutputStatistics& one : all) {
    const auto equal = std::find_if(blocks.begin(), blocks.end(), [&](const auto& block) {
      return MessageDifferencer::Equals(block.statistics, one.statistics);
    });
    if (equal == blocks.end()) {
      blocks.push_back(one);
    } else {
      equal->output += ", " + one.output;
    }
  }
  std::string text;
  for (const OutputStatistics& block : blocks) {
    text += (text.empty() ? "" : "\n") + NamedBlock(block.output, block.statistics, outputs);
  }
  return text;
}

}  // namespace throng
