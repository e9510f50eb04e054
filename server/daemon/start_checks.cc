#include "server/daemon/start_checks.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace throng {
namespace {

// Whoever may rename in the state folder decides what the daemon's workers load and do. Root's own
// is fine: volumes of containers belong to root.
std::string StateFolderMistake(const std::string& folder) {
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return "";  // what uses it tells why it cannot
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return fmt::format(
        "The state folder {} belongs to another user (uid {}). Give it to the "
        "daemon's user by `chown`, or name another with --state.",
        folder, info.st_uid);
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return fmt::format(
        "Every user can write in the state folder {}. Take that away by "
        "`chmod o-w {}`, or name a folder below it with --state.",
        folder, folder);
  }
  return "";
}

}  // namespace

std::string FolderMistake(const DaemonConfig& config, bool is_ephemeral) {
  if (config.state_folder.empty() && !is_ephemeral) {
    return "There is no home folder to keep runs in; name a folder with --state.";
  }
  std::error_code error;
  if (!config.state_folder.empty()) {
    std::filesystem::create_directories(config.state_folder + "/logs", error);
    if (error) {
      return fmt::format("The state folder {} cannot be made: {}. Name another with --state.",
                         config.state_folder, error.message());
    }
    std::string mistake = StateFolderMistake(config.state_folder);
    if (!mistake.empty()) return mistake;
  }
  for (const std::string& root : config.output_roots) {
    if (!std::filesystem::is_directory(root, error)) {
      return fmt::format("The output root {} is no folder; make it, or name another.", root);
    }
    if (access(root.c_str(), X_OK) == 0) continue;
    return fmt::format(
        "The output root {} cannot be entered: {}. Give the daemon's user the permission to, or "
        "name another.",
        root, std::strerror(errno));
  }
  for (const std::string& root : config.input_roots) {
    if (std::filesystem::is_directory(root, error)) continue;
    return fmt::format("The input root {} is no folder; make it, or name another.", root);
  }
  return "";
}

}  // namespace throng
