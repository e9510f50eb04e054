#include "server/daemon/run_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/daemon/errors.h"
#include "server/spec/problem.h"

namespace throng {

std::vector<v1::PluginUse> UsedBy(const v1::Run& run) {
  return {run.plugins().begin(), run.plugins().end()};
}

std::vector<std::string> OutputNames(const v1::Run& run) {
  std::vector<std::string> names;
  for (const v1::OutputStatus& output : run.outputs()) names.push_back(output.name());
  return names;
}

absl::Status RequireOutput(const v1::Run& run, std::string_view field, const std::string& output) {
  const std::vector<std::string> known = OutputNames(run);
  if (std::find(known.begin(), known.end(), output) != known.end()) return absl::OkStatus();
  return InvalidField(
      field, fmt::format("There is no output \"{}\".{}", output, DidYouMean(output, known)));
}

}  // namespace throng
