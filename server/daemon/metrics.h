// What Prometheus is told of a daemon: figures of its runs, as they were last.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "throng/v1/run.pb.h"

namespace throng {

// Of runs that have neither ended nor are stopped each output has its series, and so has each
// figure of a component; of the others only how many there are, and which failed within the last
// hour: there are never more series than what is at work needs. Any thread.
class RunFigures {
 public:
  // What is now known of a run, instead of what was (without a name: there is no such run).
  void Take(const v1::Run& before, const v1::Run& now);

  // The text that Prometheus scrapes (its exposition format 0.0.4).
  std::string Text(bool is_ready, int64_t now_ms) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, v1::Run> at_work_;       // by name; without spec and plugins
  std::map<v1::RunState, int> counts_;           // of all runs
  std::map<v1::RunState, int64_t> ends_;         // since the daemon started
  std::map<std::string, int64_t> failed_at_ms_;  // of failed runs, by name
};

}  // namespace throng
