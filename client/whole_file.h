// Files that commands leave beside what they print.
#pragma once

#include <string>
#include <string_view>

namespace throng {

// Replaces the file whole, or not at all; false: it cannot be written.
bool WriteWholeFile(const std::string& path, std::string_view bytes);

}  // namespace throng
