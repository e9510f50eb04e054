// flock on PATH.lock. The lock goes with its process, however that ends.
#include "server/daemon/socket_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "server/daemon/errors.h"

namespace throng {
namespace {

std::string LockPath(const std::string& path) { return path + ".lock"; }

absl::Status CannotListen(const std::string& path, std::string_view why) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "CANNOT_LISTEN",
      fmt::format("It cannot be listened on unix:{}: {} Name another address with --listen.", path,
                  why));
}

// In a folder of somebody else's the socket could be exchanged for another.
absl::Status PrepareFolder(const std::string& path, mode_t mode) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  if (mkdir(folder.c_str(), 0700) == 0) {
    chmod(folder.c_str(), mode);  // whatever the umask is
  } else if (errno != EEXIST) {
    return CannotListen(path, fmt::format("folder {}: {}.", folder, std::strerror(errno)));
  }
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) {
    return CannotListen(path, fmt::format("folder {}: {}.", folder, std::strerror(errno)));
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return CannotListen(path, fmt::format("folder {} belongs to another user.", folder));
  }
  return absl::OkStatus();
}

// Whether the locked file is still the one of that name, and not one that a daemon removed as it
// ended.
bool IsStillThere(const std::string& path, int fd) {
  struct stat named {};
  struct stat opened {};
  return stat(path.c_str(), &named) == 0 && fstat(fd, &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

absl::StatusOr<Descriptor> Lock(const std::string& path) {
  const std::string lock_path = LockPath(path);
  for (;;) {
    Descriptor file(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) {
      return CannotListen(path, fmt::format("{}: {}.", lock_path, std::strerror(errno)));
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      char owner[32] = {};
      const ssize_t size = pread(file.get(), owner, sizeof owner - 1, 0);
      return MakeError(
          absl::StatusCode::kAlreadyExists, "DAEMON_EXISTS",
          fmt::format("A daemon listens on unix:{} already (process {}). Stop it, or name another "
                      "address with --listen.",
                      path, size > 0 ? owner : "unknown"));
    }
    if (!IsStillThere(lock_path, file.get())) continue;
    const std::string pid = std::to_string(getpid());
    if (ftruncate(file.get(), 0) == 0) (void)!pwrite(file.get(), pid.data(), pid.size(), 0);
    return file;
  }
}

}  // namespace

SocketLock::SocketLock(std::string path, Descriptor file)
    : path_(std::move(path)), file_(std::move(file)) {}

SocketLock::~SocketLock() {
  unlink(path_.c_str());
  unlink(LockPath(path_).c_str());
}

absl::StatusOr<std::unique_ptr<SocketLock>> SocketLock::Take(const std::string& path,
                                                             mode_t folder_mode) {
  if (absl::Status status = PrepareFolder(path, folder_mode); !status.ok()) return status;
  auto file = Lock(path);
  if (!file.ok()) return file.status();
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return CannotListen(path, "there is a file that is no socket.");
    unlink(path.c_str());
  }
  return std::unique_ptr<SocketLock>(new SocketLock(path, *std::move(file)));
}

}  // namespace throng
