// Files as the file sink needs them: POSIX calls whose failures are sentences, and a lock file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "throng/sdk.hpp"

namespace throng::plugins {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Throws what an errno of a call on `path` means for whoever must act: RESOURCE_EXHAUSTED when
// space is wanting, PERMISSION_DENIED, DATA_LOSS for a failing disk, else FAILED_PRECONDITION.
[[noreturn]] void ThrowErrno(int error, const std::string& path);

// The folder that holds `path`, "." for a bare name.
std::string FolderOf(const std::string& path);

// Whether there is such a folder; throws INVALID_ARGUMENT where there can be none, as it or what it
// lies in is something else.
bool IsFolder(const std::string& path);

// Creates `folder` and its parents durably, and appends those it created, outermost first.
void CreateFolders(const std::string& folder, std::vector<std::string>* created);

// What `path` names, itself if it is a symbolic link; nothing if nothing is there.
std::optional<struct stat> Stat(const std::string& path);

// The whole of a small file; nothing if there is none.
std::optional<std::string> ReadFile(const std::string& path);

// Opens a file without following a symbolic link in its last name.
Fd OpenFile(const std::string& path, int flags);

// Reads up to `bytes` at `offset`; less only at the end of the file.
size_t ReadAt(const Fd& file, char* data, size_t bytes, int64_t offset, const std::string& path);

// Writes all of `bytes` at `offset`, or cuts the file off at `offset` and throws.
void WriteAt(const Fd& file, std::string_view bytes, int64_t offset, const std::string& path);

void Truncate(const Fd& file, int64_t length, const std::string& path);

// Has the disk begin with these bytes, so that SyncData need not wait for them; a failure is its to
// tell. Nothing is durable by it.
void StartWriting(const Fd& file, int64_t offset, int64_t bytes);

// Makes the content of `file` durable. DATA_LOSS if that fails, and then for good: the kernel may
// have dropped the pages it could not write, and says so only once.
void SyncData(const Fd& file, const std::string& path);

// Makes `path` hold `text`, durably, or leaves it as it was; never anything between. It passes
// through `path`.new.
void ReplaceFile(const std::string& path, std::string_view text);

// Makes renames and removals in the folder of `path` durable.
void SyncFolderOf(const std::string& path);

// Renames `from`, durably only after SyncFolderOf; false if `to` exists and is not to be replaced.
bool Rename(const std::string& from, const std::string& to, bool replace);

// Removes a file if it is there.
void RemoveFile(const std::string& path);

// Whether `path` (still) names the open `file`.
bool Names(const std::string& path, const Fd& file);

// A file that only one process at a time holds, and that is gone when nobody does.
class LockFile {
 public:
  LockFile() = default;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() { Release(); }

  // Takes the lock for writing `target`, waiting a few seconds for another holder, since a new
  // worker may meet the old one still committing. UNAVAILABLE afterwards, naming the holder;
  // CANCELLED as soon as the host wants to stop. Nothing happens if it is held already.
  void Take(const std::string& path, const std::string& target, const Host& host);
  // Removes the file, then lets go.
  void Release();
  bool is_held() const { return static_cast<bool>(file_); }
  // Whether nobody removed the file meanwhile, so that others still meet it.
  bool IsInPlace() const { return is_held() && Names(path_, file_); }

 private:
  std::string path_;
  Fd file_;
};

}  // namespace throng::plugins
