// Which decoder reads what lies somewhere, told by its name and its first bytes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace throng {

// Of a stream: by `path`, as rows.csv.gz, else by the bytes that it begins with. "" where neither
// tells; INVALID_ARGUMENT for what is known not to be readable.
absl::StatusOr<std::string> DecoderOfStream(std::string_view path, std::string_view bytes);

// Of messages: by the value of one of them. INVALID_ARGUMENT where it does not tell.
absl::StatusOr<std::string> DecoderOfMessages(std::string_view value);

}  // namespace throng
