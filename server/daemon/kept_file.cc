#include "server/daemon/kept_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "server/control/digest.h"
#include "server/daemon/descriptor.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

absl::Status Failure(const std::string& what, const std::string& path, int error) {
  const std::string sentence = fmt::format("{} {}: {}.", path, what, std::strerror(error));
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return is_full ? absl::ResourceExhaustedError(sentence) : absl::UnavailableError(sentence);
}

bool WriteWhole(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// A file that is gone unless it is kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path)
      : path_(std::move(path) + ".XXXXXX"), file_(mkostemp(path_.data(), O_CLOEXEC)) {}
  ~TemporaryFile() {
    if (file_.is_open()) unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  int fd() const { return file_.get(); }
  bool KeepAs(const std::string& path) {
    if (fsync(fd()) != 0 || rename(path_.c_str(), path.c_str()) != 0) return false;
    file_.Close();
    return true;
  }

 private:
  std::string path_;
  Descriptor file_;
};

}  // namespace

absl::Status KeepFile(const std::string& original, const std::string& sha256,
                      const std::string& copy) {
  const std::string folder = fs::path(copy).parent_path().string();
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Failure("cannot be made", folder, error.value());
  const Descriptor from(open(original.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from.is_open()) return Failure("cannot be read", original, errno);
  TemporaryFile to(copy);
  if (to.fd() < 0) return Failure("cannot be written", folder, errno);
  Digest digest;
  std::vector<char> block(1 << 18);
  for (;;) {
    const ssize_t got = read(from.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failure("cannot be read", original, errno);
    if (got == 0) break;
    const auto bytes = static_cast<size_t>(got);
    digest.Add(block.data(), bytes);
    if (!WriteWhole(to.fd(), block.data(), bytes)) {
      return Failure("cannot be written", copy, errno);
    }
  }
  if (digest.Hex() != sha256) {
    return absl::FailedPreconditionError(
        fmt::format("{} was replaced in the meantime; try again.", original));
  }
  if (!to.KeepAs(copy)) return Failure("cannot be written", copy, errno);
  // The folder too: the name of the copy is to be on the disk before that of its run.
  const Descriptor parent(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.is_open() || fsync(parent.get()) != 0) {
    return Failure("cannot be written", folder, errno);
  }
  return absl::OkStatus();
}

}  // namespace throng
