// Runs as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "throng/v1/run.pb.h"

namespace throng {

// "running"; of an enum of the API without its prefix, in lower case, as -o json has it.
std::string StateText(v1::RunState state);
// With how many of its outputs stand still: "running (1 of 2 blocked)".
std::string StateText(const v1::Run& run);
std::string StateText(v1::OutputState state);
std::string TargetText(v1::TargetState state);

// Whether it has succeeded or failed.
bool HasEnded(const v1::Run& run);

// Of all outputs together.
struct RunProgress {
  int64_t rows = 0;
  int64_t total_rows = 0;  // -1: without end
  int64_t bytes = 0;       // -1: not known
  double rows_per_second = 0;
};
RunProgress ProgressOf(const v1::Run& run);

// "50%", "-" without end.
std::string PercentText(const RunProgress& progress);
// "1.5 MB".
std::string ByteText(int64_t bytes);
// "3:05", "1:02:03".
std::string ClockText(double seconds);

// "runs/nightly" of "nightly" or "runs/nightly"; likewise "plugins/..." and "presets/...".
std::string FullName(const std::string& collection, const std::string& name);
// "nightly" of "runs/nightly".
std::string ShortName(const std::string& name);

}  // namespace throng
