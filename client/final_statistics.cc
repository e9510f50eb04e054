#include "client/final_statistics.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "client/print.h"
#include "proto/statistics_blocks.h"

namespace throng {
namespace {

// Of an output whose rows are all counted.
absl::StatusOr<v1::Statistics> StatisticsOf(Connection* connection, const std::string& run,
                                            const std::string& output) {
  v1::GetRunStatisticsRequest request;
  request.set_name(run);
  request.set_output(output);
  for (;;) {
    const auto answer = connection->GetRunStatistics(request);
    if (!answer.ok()) return answer.status();
    if (answer->rows_to_count() == 0) return answer->statistics();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

bool WritesToStdout(const v1::OutputSpec& output) { return output.sink().component() == "stdout"; }

void ShowFinalStatistics(Connection* connection, const v1::Run& run) {
  std::vector<OutputStatistics> all;
  for (const v1::OutputSpec& output : run.spec().outputs()) {
    if (output.table() != v1::TABLE_INTERACTIONS) continue;
    const auto statistics = StatisticsOf(connection, run.name(), output.name());
    if (statistics.ok()) all.push_back({output.name(), *statistics});  // else it has none
  }
  const std::string text = StatisticsBlocks(all, run.spec().outputs_size());
  if (std::any_of(run.spec().outputs().begin(), run.spec().outputs().end(), WritesToStdout)) {
    std::fputs(text.c_str(), stderr);
  } else {
    Out(text);
  }
}

}  // namespace throng
