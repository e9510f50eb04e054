#include "server/host/roots.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace throng {

namespace fs = std::filesystem;

bool LiesBelow(const std::string& path, const std::vector<std::string>& roots) {
  std::error_code error;
  const fs::path file = fs::weakly_canonical(fs::absolute(path), error);
  if (error) return false;  // a loop of links
  fs::path prefix;
  for (const fs::path& part : file) {  // a link that is left leads to what may be made anywhere
    prefix /= part;
    if (fs::is_symlink(fs::symlink_status(prefix, error))) return false;
  }
  return std::any_of(roots.begin(), roots.end(), [&](const std::string& folder) {
    std::error_code unknown;
    fs::path root = fs::weakly_canonical(fs::absolute(folder), unknown);
    if (unknown) return false;
    if (!root.has_filename()) root = root.parent_path();  // of `folder/`
    const auto [end, rest] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
    return end == root.end() && rest != file.end();
  });
}

}  // namespace throng
