// Messages as `throng-worker check --read CMD` reads them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace throng {

// The values of each key, in order: of different keys, a place may keep none.
using Messages = std::map<std::string, std::vector<std::string>>;

// Reads what the command of --read prints: a line a message, key and value with a tab in between.
// In both, a backslash begins \t, \n, \r, \\ or \xHH; all other bytes stand for themselves.
absl::StatusOr<Messages> ParseMessages(std::string_view text);

// Bytes as a part of a sentence, in quotes and not too many.
std::string Quoted(std::string_view bytes);

}  // namespace throng
