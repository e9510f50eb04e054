#include "server/inspection/states.h"

#include <fmt/format.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <fstream>
#include <optional>

#include "server/inspection/input_roots.h"

namespace throng {
namespace {

using States = std::vector<std::pair<std::string, v1::StatisticsState>>;

void Add(const std::string& field, v1::StatisticsState state, bool is_first, States* states) {
  // A message that goes on with the one before has no rows.
  if (state.rows() == 0 && !is_first) return states->back().second.MergeFrom(state);
  states->emplace_back(field, std::move(state));
}

// What is wrong with the file; empty: nothing.
std::string AddFile(const std::string& path, const std::string& field,
                    const Environment& environment, States* states) {
  if (environment.input_roots) {
    if (auto outside = OutsideInputRoots(path, *environment.input_roots)) return *outside;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return path + " cannot be read.";
  google::protobuf::io::IstreamInputStream stream(&file);
  bool is_end = false;
  for (bool is_first = true; !is_end; is_first = false) {
    v1::StatisticsState state;
    if (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&state, &stream, &is_end)) {
      Add(field, std::move(state), is_first, states);
    } else if (!is_end) {
      return path + " is no state that `throngctl stats --state` has written.";
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<States> StatesOf(const v1::SummarizeRequest& request, const Inspection& inspection) {
  States states;
  for (int i = 0; i < request.states_size(); ++i) {
    Add(fmt::format("states[{}]", i), request.states(i), i == 0, &states);
  }
  for (int i = 0; i < request.state_files_size(); ++i) {
    const std::string field = fmt::format("state_files[{}]", i);
    const std::string wrong =
        AddFile(request.state_files(i), field, inspection.environment, &states);
    if (wrong.empty()) continue;
    inspection.problems->push_back({field, wrong});
    return absl::InvalidArgumentError("The request cannot be answered as it is.");
  }
  return states;
}

}  // namespace throng
