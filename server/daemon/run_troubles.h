// What happens to a run's outputs, as lines for its log.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "throng/v1/run.pb.h"

namespace throng {

// Says once that an output is blocked, goes on or failed, and why; what stays as it is is not said
// again, however often it is looked at.
class RunTroubles {
 public:
  using Clock = std::chrono::steady_clock;
  struct Line {
    std::string level;  // as in LogLine
    std::string sentence;
  };

  // The lines that `run` calls for, after all that were looked at before.
  std::vector<Line> Look(const v1::Run& run, Clock::time_point now);

 private:
  struct Told {
    std::string reason;  // empty: nothing is wrong
    Clock::time_point time;
    int64_t position = 0;  // then
  };

  std::map<std::string, Told> told_;  // by output
};

}  // namespace throng
