// Standard streams, memory, and folders beside the binary.
#include "server/control/start_up.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>

namespace throng {

void ReserveStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free, so this one; what cannot be written to says so.
    (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

std::string BinaryFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string DefaultPluginFolder() {
  std::error_code error;
  const auto prefix = std::filesystem::path(BinaryFolder()).parent_path();
  const auto installed = prefix / "lib" / "throng" / "plugins";
  return (std::filesystem::is_directory(installed, error) ? installed : prefix / "plugins")
      .string();
}

void KeepMemory() {
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

}  // namespace throng
