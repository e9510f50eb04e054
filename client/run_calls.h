// What commands about runs have in common.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/connection.h"
#include "client/print.h"

namespace throng {

// Runs that the filter lets through, of all pages and without their specs; empty texts are those of
// ListRuns.
absl::StatusOr<std::vector<v1::Run>> ListedRuns(Connection* connection, const std::string& filter,
                                                const std::string& order_by);

// A run of which a command says how it is now: its line of the table, or the whole of it.
void PrintRun(PrintFormat format, const v1::Run& run);

// KEY=VALUE each, into a map.
void SetPairs(const std::vector<std::string>& pairs,
              google::protobuf::Map<std::string, std::string>* map);

}  // namespace throng
