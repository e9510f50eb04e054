// What a replay is asked for, and what tells one from another.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/inspection/row_reader.h"
#include "server/spec/problem.h"
#include "throng/v1/inspection_service.pb.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// What the request says of its output, with defaults filled in; nothing if that is wrong.
std::optional<v1::RunSpec> ReplaySpec(const v1::ReplayRequest& request, Problems* problems);

// Of the bytes that are read, and of how; 32 of them. UNIMPLEMENTED: they may be others each time.
absl::StatusOr<std::string> DigestOfData(const v1::DataSource& source, const RowReader& reader);

}  // namespace throng
