// The columns of `throngctl runs list`.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throng/v1/run.pb.h"

namespace throng {

// Names, in order: of `-o table` and of `-o wide`.
std::vector<std::string> UsualColumns();
std::vector<std::string> WideColumns();

// The names of `name,state,...`. INVALID_ARGUMENT: one is none of them, which are named.
absl::StatusOr<std::vector<std::string>> ParseColumns(const std::string& text);

// Lines, a header first. States in color if `has_color`.
std::string RunsTable(const std::vector<v1::Run>& runs, const std::vector<std::string>& columns,
                      bool has_color);

// "2024-01-01T00:00:00Z"; empty: there was none.
std::string MomentText(const google::protobuf::Timestamp& time);

// "team=x, trial=".
std::string PairsText(const google::protobuf::Map<std::string, std::string>& pairs);

}  // namespace throng
