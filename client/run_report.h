// The report that `throngctl generate --report` leaves.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/connection.h"
#include "throng/v1/run.pb.h"

namespace throng {

// Of the dataset of a run that has succeeded. Its rows are made once more and summed up.
absl::Status WriteRunReport(Connection* connection, const v1::Run& run, const std::string& path,
                            const std::vector<std::string>& command_line, bool is_quiet);

}  // namespace throng
