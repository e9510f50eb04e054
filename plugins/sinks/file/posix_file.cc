// Files as the file sink needs them: POSIX calls whose failures are sentences, and a lock file.
#include "plugins/sinks/file/posix_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>

namespace throng::plugins {
namespace {

constexpr auto kLockWait = std::chrono::seconds(5);
constexpr auto kLockPoll = std::chrono::milliseconds(20);
constexpr mode_t kFileMode = 0666;  // less the umask
constexpr mode_t kFolderMode = 0777;

// A call that signals do not interrupt.
template <class Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

void Sync(const Fd& file, const std::string& path) {
  if (Retry([&] { return fsync(file.get()); }) != 0) ThrowErrno(errno, path);
}

// Who holds a lock file, as far as it says.
std::string Holder(const Fd& lock) {
  char text[24];
  const ssize_t size = pread(lock.get(), text, sizeof text, 0);
  std::string pid(text, size > 0 ? static_cast<size_t>(size) : 0);
  pid.erase(std::min(pid.find_first_not_of("0123456789"), pid.size()));
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

void ThrowErrno(int error, const std::string& path) {
  const std::string reason = " (" + std::generic_category().message(error) + ")";
  throng_code code = THRONG_FAILED_PRECONDITION;
  std::string sentence;
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      code = THRONG_RESOURCE_EXHAUSTED;
      sentence = "The disk that holds " + path + " is full" + reason +
                 "; free some space, and writing goes on where it stopped.";
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = THRONG_RESOURCE_EXHAUSTED;
      sentence = path + " cannot be opened now" + reason + "; it is tried again.";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = THRONG_PERMISSION_DENIED;
      sentence =
          path + " may not be written" + reason + "; make the folder " + FolderOf(path) +
          " and what is in it writable, and the same command goes on, or choose another path.";
      break;
    case ENOENT:
    case ESTALE:
      sentence = "The folder " + FolderOf(path) + " has vanished" + reason +
                 "; bring it back, and the same command goes on where it was committed.";
      break;
    case EIO:
      // The pages of an earlier write may be gone too, so offering the same bytes again proves
      // nothing. The next open reads what is committed and compares its digest.
      code = THRONG_DATA_LOSS;
      sentence = "The disk that holds " + path + " failed" + reason +
                 "; once it is sound again, the same command goes on where it was committed.";
      break;
    case EFBIG:
      sentence = path + " cannot grow further" + reason +
                 "; use slices, or a path where a file may be as large as this.";
      break;
    case ELOOP:
    case ENAMETOOLONG:
      code = THRONG_INVALID_ARGUMENT;
      [[fallthrough]];
    default:
      sentence = path + " cannot be used" + reason + "; choose another path, or mend this one.";
  }
  throw Error(code, sentence, "path");
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool IsFolder(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return true;
    throw Error(THRONG_INVALID_ARGUMENT,
                path + " is not a folder, so no file can be written below it; choose another path.",
                "path");
  }
  const std::string parent = FolderOf(path);
  if (parent != path) IsFolder(parent);
  return false;
}

void CreateFolders(const std::string& folder, std::vector<std::string>* created) {
  if (IsFolder(folder)) return;
  if (const std::string parent = FolderOf(folder); parent != folder) CreateFolders(parent, created);
  if (mkdir(folder.c_str(), kFolderMode) == 0) {
    created->push_back(folder);
    SyncFolderOf(folder);
  } else if (errno != EEXIST) {
    ThrowErrno(errno, folder);
  }
}

std::optional<struct stat> Stat(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) == 0) return found;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  ThrowErrno(errno, path);
}

std::optional<std::string> ReadFile(const std::string& path) {
  if (!Stat(path)) return std::nullopt;
  const Fd file(Retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); }));
  if (!file && errno == ENOENT) return std::nullopt;  // gone in between
  if (!file) ThrowErrno(errno, path);
  std::string text;
  char piece[16384];
  while (const size_t size =
             ReadAt(file, piece, sizeof piece, static_cast<int64_t>(text.size()), path)) {
    text.append(piece, size);
  }
  return text;
}

Fd OpenFile(const std::string& path, int flags) {
  Fd file(Retry([&] { return open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kFileMode); }));
  if (!file) ThrowErrno(errno, path);
  return file;
}

size_t ReadAt(const Fd& file, char* data, size_t bytes, int64_t offset, const std::string& path) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t size = Retry([&] {
      return pread(file.get(), data + done, bytes - done, offset + static_cast<int64_t>(done));
    });
    if (size < 0) ThrowErrno(errno, path);
    if (size == 0) break;
    done += static_cast<size_t>(size);
  }
  return done;
}

void WriteAt(const Fd& file, std::string_view bytes, int64_t offset, const std::string& path) {
  int64_t at = offset;
  while (!bytes.empty()) {
    const ssize_t size = Retry([&] { return pwrite(file.get(), bytes.data(), bytes.size(), at); });
    if (size < 0) {
      const int error = errno;
      // Gives the space back. Should it fail, the bytes beyond are written over or cut off later.
      (void)!ftruncate(file.get(), offset);
      ThrowErrno(error, path);
    }
    bytes.remove_prefix(static_cast<size_t>(size));
    at += size;
  }
}

void Truncate(const Fd& file, int64_t length, const std::string& path) {
  if (Retry([&] { return ftruncate(file.get(), length); }) != 0) ThrowErrno(errno, path);
}

void StartWriting(const Fd& file, int64_t offset, int64_t bytes) {
  (void)sync_file_range(file.get(), offset, bytes, SYNC_FILE_RANGE_WRITE);
}

void SyncData(const Fd& file, const std::string& path) {
  if (Retry([&] { return fdatasync(file.get()); }) == 0) return;
  throw Error(THRONG_DATA_LOSS,
              "The disk that holds " + path + " did not keep what was written (" +
                  std::generic_category().message(errno) +
                  "); mend it, and the same command goes on where it was committed.",
              "path");
}

void ReplaceFile(const std::string& path, std::string_view text) {
  const std::string next = path + ".new";
  try {
    const Fd file = OpenFile(next, O_WRONLY | O_CREAT | O_TRUNC);
    WriteAt(file, text, 0, next);
    Sync(file, next);
    Rename(next, path, /*replace=*/true);
  } catch (...) {
    unlink(next.c_str());
    throw;
  }
  SyncFolderOf(path);
}

void SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  const Fd file(Retry([&] { return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!file) ThrowErrno(errno, path);
  // EINVAL: a file system that has no such thing.
  if (Retry([&] { return fsync(file.get()); }) != 0 && errno != EINVAL) ThrowErrno(errno, path);
}

bool Rename(const std::string& from, const std::string& to, bool replace) {
  if (!replace) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != EINVAL && errno != ENOSYS) ThrowErrno(errno, from);
    if (Stat(to)) return false;  // a file system without RENAME_NOREPLACE: the next best
  }
  if (rename(from.c_str(), to.c_str()) != 0) ThrowErrno(errno, from);
  return true;
}

void RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) ThrowErrno(errno, path);
}

bool Names(const std::string& path, const Fd& file) {
  struct stat held, found;
  return fstat(file.get(), &held) == 0 && lstat(path.c_str(), &found) == 0 &&
         held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

void LockFile::Take(const std::string& path, const std::string& target, const Host& host) {
  if (is_held()) return;
  const auto give_up = std::chrono::steady_clock::now() + kLockWait;
  for (;;) {
    Fd file = OpenFile(path, O_RDWR | O_CREAT);
    if (Retry([&] { return flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) {
      // Its holder may have removed it after we opened it: then it keeps nobody out.
      if (!Names(path, file)) continue;
      const std::string pid = std::to_string(getpid()) + "\n";
      (void)!ftruncate(file.get(), 0);
      (void)!pwrite(file.get(), pid.data(), pid.size(), 0);  // only for the other's sentence
      path_ = path;
      file_ = std::move(file);
      return;
    }
    if (errno != EWOULDBLOCK) ThrowErrno(errno, path);
    if (host.IsCancelled()) {
      throw Error(THRONG_CANCELLED, "Stopped while waiting for " + Holder(file) +
                                        ", which is writing " + target + ".");
    }
    if (std::chrono::steady_clock::now() >= give_up) {
      throw Error(THRONG_UNAVAILABLE,
                  target + " is being written by " + Holder(file) +
                      "; wait for it, stop it, or choose another path.",
                  "path");
    }
    std::this_thread::sleep_for(kLockPoll);
  }
}

void LockFile::Release() {
  if (IsInPlace()) unlink(path_.c_str());  // held, so nobody else removes it just now
  file_ = Fd();
}

}  // namespace throng::plugins
