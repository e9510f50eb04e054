// Folders below which a daemon allows files.
#pragma once

#include <string>
#include <vector>

namespace throng {

// Whether a file, which need not exist, lies below one of the folders once links and `..` are
// resolved; what a link leads to must exist. A relative path begins at the working folder.
bool LiesBelow(const std::string& path, const std::vector<std::string>& roots);

}  // namespace throng
