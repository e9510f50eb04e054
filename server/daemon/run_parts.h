// Parts of a run that several look at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "throng/v1/run.pb.h"

namespace throng {

std::vector<v1::PluginUse> UsedBy(const v1::Run& run);
std::vector<std::string> OutputNames(const v1::Run& run);
// INVALID_ARGUMENT about a field of a request: the run has no output of that name.
absl::Status RequireOutput(const v1::Run& run, std::string_view field, const std::string& output);

}  // namespace throng
