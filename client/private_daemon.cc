#include "client/private_daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "client/interrupts.h"

namespace throng {
namespace {

constexpr int kReadyFd = 3;  // its number in the daemon
constexpr std::chrono::milliseconds kReadyTimeout{10'000};
// It gives its workers ten seconds to commit and end.
constexpr std::chrono::milliseconds kEndTimeout{15'000};

void CloseFd(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

absl::Status Failed(std::string_view what, int error) {
  return absl::InternalError(fmt::format("{}: {}.", what, std::strerror(error)));
}

// Waits until `fd` can be read or its other end is closed; false: too late.
bool AwaitReadable(int fd, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd entry{fd, POLLIN, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
  }
}

struct Pipe {
  int read_fd = -1, write_fd = -1;

  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == 0) std::tie(read_fd, write_fd) = std::pair(fds[0], fds[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseFd(&read_fd);
    CloseFd(&write_fd);
  }
};

// The program with `in_fd` as its standard input and `ready_fd` as kReadyFd, in a process group of
// its own and with nothing of our signals. 0, or an error number.
int Spawn(const std::vector<std::string>& command, int in_fd, int ready_fd, pid_t* pid) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ready_fd, kReadyFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kReadyFd + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, ours;
  sigemptyset(&none);
  sigemptyset(&ours);
  sigaddset(&ours, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ours);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  const int error =
      posix_spawn(pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

std::string ProgramBeside(const std::string& name) {
  std::error_code error;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", error);
  return (binary.parent_path() / name).string();
}

absl::StatusOr<std::unique_ptr<PrivateDaemon>> PrivateDaemon::Start(
    const std::vector<std::string>& plugin_folders) {
  const char* temporary = std::getenv("TMPDIR");
  std::string folder = temporary != nullptr && *temporary == '/' ? temporary : "/tmp";
  // The path of a socket has at most 107 characters.
  if (folder.size() > 80) folder = "/tmp";
  folder += "/throngctl-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return Failed("A folder for the private daemon cannot be made in " + folder, errno);
  }
  std::unique_ptr<PrivateDaemon> daemon(new PrivateDaemon);
  daemon->folder_ = folder;
  daemon->address_ = "unix:" + folder + "/throngd.sock";
  SetLastWords([folder] {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  });

  Pipe in, ready;
  if (in.read_fd < 0 || ready.read_fd < 0) {
    return Failed("The private daemon cannot be started: no pipe", errno);
  }
  std::vector<std::string> command = {
      ProgramBeside("throngd"), "--ephemeral", "--listen",
      daemon->address_,         "--ready-fd",  std::to_string(kReadyFd)};
  for (const std::string& plugins : plugin_folders) {
    command.insert(command.end(), {"--plugin-dir", plugins});
  }
  // dup2 onto its own number would leave the descriptor to be closed at exec.
  const int high_ready = fcntl(ready.write_fd, F_DUPFD_CLOEXEC, kReadyFd + 1);
  const int error = Spawn(command, in.read_fd, high_ready, &daemon->pid_);
  close(high_ready);
  if (error != 0) {
    daemon->pid_ = -1;
    return Failed(command[0] + " cannot be started", error);
  }
  daemon->stdin_fd_ = std::exchange(in.write_fd, -1);
  daemon->ready_fd_ = std::exchange(ready.read_fd, -1);
  return daemon;
}

absl::Status PrivateDaemon::AwaitReady() {
  if (ready_fd_ < 0) return absl::OkStatus();
  char said = 0;
  const bool is_ready = AwaitReadable(ready_fd_, kReadyTimeout) && read(ready_fd_, &said, 1) == 1;
  CloseFd(&ready_fd_);
  if (is_ready) return absl::OkStatus();
  // It has said why on stderr.
  return absl::UnavailableError("The private daemon (throngd --ephemeral) does not start.");
}

PrivateDaemon::~PrivateDaemon() {
  CloseFd(&stdin_fd_);
  CloseFd(&ready_fd_);
  if (pid_ > 0) {
    int pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (pid_fd < 0 || !AwaitReadable(pid_fd, kEndTimeout)) kill(-pid_, SIGKILL);
    CloseFd(&pid_fd);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  RemoveFolder();
}

void PrivateDaemon::RemoveFolder() const {
  SetLastWords(nullptr);
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

}  // namespace throng
