#include "client/run_calls.h"

#include <unistd.h>

#include <utility>

#include "client/run_columns.h"
#include "client/run_text.h"
#include "client/terminal.h"

namespace throng {

absl::StatusOr<std::vector<v1::Run>> ListedRuns(Connection* connection, const std::string& filter,
                                                const std::string& order_by) {
  std::vector<v1::Run> runs;
  v1::ListRunsRequest request;
  request.set_filter(filter);
  request.set_order_by(order_by);
  do {
    auto page = connection->ListRuns(request);
    if (!page.ok()) return page.status();
    for (v1::Run& run : *page->mutable_runs()) runs.push_back(std::move(run));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return runs;
}

void PrintRun(PrintFormat format, const v1::Run& run) {
  if (format == PrintFormat::kTable) {
    Out(RunsTable({run}, UsualColumns(), IsColorful(STDOUT_FILENO)));
  } else {
    PrintOne(format, {&run, ShortName(run.name())});
  }
}

void SetPairs(const std::vector<std::string>& pairs,
              google::protobuf::Map<std::string, std::string>* map) {
  for (const std::string& pair : pairs) {
    const size_t sign = pair.find('=');
    (*map)[pair.substr(0, sign)] = pair.substr(sign + 1);
  }
}

}  // namespace throng
