// Reports: one HTML file that shows what a dataset is like, with nothing to be loaded from
// anywhere.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "throng/v1/summary.pb.h"

namespace throng {

struct Report {
  std::string title;                               // empty: the first place
  std::vector<std::string> places;                 // what it is about: files, topics
  std::string command;                             // that made it, as typed
  std::string created;                             // ISO 8601, UTC
  const v1::SummarizeResponse* summary = nullptr;  // the one with statistics
};

// One that is made now, by the command. `summary` outlives it.
Report ReportOn(const std::vector<std::string>& command_line, const v1::SummarizeResponse& summary);
std::string ReportHtml(const Report& report);

// Whether WriteReport would write there: INVALID_ARGUMENT if the path is a folder, or a file that
// is no report.
absl::Status CheckReportPath(const std::string& path);
// Replaces an earlier report whole, or not at all. Makes folders that are missing.
absl::Status WriteReport(const Report& report, const std::string& path);

}  // namespace throng
