#include "client/run_report.h"

#include "client/reading.h"
#include "client/report.h"
#include "throng/v1/summary.pb.h"

namespace throng {

absl::Status WriteRunReport(Connection* connection, const v1::Run& run, const std::string& path,
                            const std::vector<std::string>& command_line, bool is_quiet) {
  v1::SummarizeRequest request;
  *request.mutable_spec()->mutable_spec()->mutable_dataset() = run.spec().dataset();
  v1::SummarizeResponse summary;
  ReadingBar bar(is_quiet, /*is_topic=*/false);
  absl::Status status = connection->Summarize(request, [&](const v1::SummarizeResponse& response) {
    bar.Show(response.progress());
    if (response.has_statistics()) summary = response;
    return true;
  });
  bar.Clear();
  if (!status.ok()) return status;
  Report report = ReportOn(command_line, summary);
  for (const v1::OutputStatus& output : run.outputs()) {
    if (!output.place().empty()) report.places.push_back(output.place());
  }
  status = WriteReport(report, path);
  if (status.ok() && !is_quiet) Say("report in " + path);
  return status;
}

}  // namespace throng
