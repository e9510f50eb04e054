#include "server/daemon/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "server/control/frame.h"

extern "C" {  // which the header of glibc 2.36 forgets
#include <sys/pidfd.h>
}

namespace throng {
namespace {

constexpr int kFirstFreeFd = kRowFd + 1;
constexpr int kRowChannelBytes = 2 << 20;

absl::Status ErrorOf(int error, const std::string& what) {
  const std::string sentence = fmt::format("{}: {}.", what, std::strerror(error));
  const bool may_pass = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
  return may_pass ? absl::UnavailableError(sentence) : absl::FailedPreconditionError(sentence);
}

// A descriptor for the child's use, above those that it will have: dup2 must not hit one that is
// still to be passed on.
absl::Status MoveUp(Descriptor* descriptor) {
  if (descriptor->get() >= kFirstFreeFd) return absl::OkStatus();
  Descriptor moved(fcntl(descriptor->get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!moved.is_open()) return ErrorOf(errno, "A descriptor cannot be moved");
  *descriptor = std::move(moved);
  return absl::OkStatus();
}

// A pipe whose reading end does not block.
absl::Status MakePipe(Descriptor* reading, Descriptor* writing) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrorOf(errno, "A pipe cannot be made");
  *reading = Descriptor(ends[0]);
  *writing = Descriptor(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return MoveUp(writing);
}

absl::Status MakeSocketPair(Descriptor* ours, Descriptor* theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrorOf(errno, "A socket cannot be made");
  }
  *ours = Descriptor(ends[0]);
  *theirs = Descriptor(ends[1]);
  return MoveUp(theirs);
}

// Memory whose size the worker cannot change: reading it must never hurt the daemon.
absl::StatusOr<const CallPage*> MakeCallPage(Descriptor* theirs) {
  *theirs = Descriptor(memfd_create("throng-calls", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!theirs->is_open() || ftruncate(theirs->get(), sizeof(CallPage)) != 0) {
    return ErrorOf(errno, "The call page cannot be made");
  }
  fcntl(theirs->get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  void* memory = mmap(nullptr, sizeof(CallPage), PROT_READ, MAP_SHARED, theirs->get(), 0);
  if (memory == MAP_FAILED) return ErrorOf(errno, "The call page cannot be mapped");
  if (absl::Status moved = MoveUp(theirs); !moved.ok()) {
    munmap(memory, sizeof(CallPage));
    return moved;
  }
  return static_cast<const CallPage*>(memory);
}

// posix_spawn's settings; the first error of a step is kept.
class Spawn {
 public:
  Spawn() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  void Pass(int fd, int as) { Note(posix_spawn_file_actions_adddup2(&actions_, fd, as)); }
  void PassNothingAsInput() {
    Note(posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
  }
  void CloseFrom(int fd) { Note(posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
  void WorkIn(const std::string& folder) {
    Note(posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()));
  }

  // Leads a process group of its own, and treats signals as a process does that knows none.
  int Start(const WorkerCommand& command, int* pid) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    Note(posix_spawnattr_setsigmask(&attributes_, &none));
    Note(posix_spawnattr_setsigdefault(&attributes_, &all));
    Note(posix_spawnattr_setpgroup(&attributes_, 0));
    Note(posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
    if (error_ != 0) return error_;
    std::string path = command.path;
    std::string verb = "serve";
    char* arguments[] = {path.data(), verb.data(), nullptr};
    std::vector<std::string> variables = command.environment;
    std::vector<char*> environment;
    environment.reserve(variables.size() + 1);
    for (std::string& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);
    return posix_spawn(pid, path.c_str(), &actions_, &attributes_, arguments, environment.data());
  }

 private:
  void Note(int error) {
    if (error_ == 0) error_ = error;
  }
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int error_ = 0;
};

}  // namespace

absl::Status MakeRowChannel(Descriptor* reading, Descriptor* writing) {
  if (absl::Status made = MakeSocketPair(reading, writing); !made.ok()) return made;
  // Beyond the system's limit only for those who may; others get that limit.
  const int bytes = kRowChannelBytes;
  if (setsockopt(writing->get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(writing->get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const WorkerCommand& command) {
  std::unique_ptr<WorkerProcess> process(new WorkerProcess);
  Descriptor control;
  Descriptor call_page;
  Descriptor out;
  Descriptor err;
  if (absl::Status made = MakeSocketPair(&process->control_, &control); !made.ok()) return made;
  auto calls = MakeCallPage(&call_page);
  if (!calls.ok()) return calls.status();
  process->calls_ = *calls;
  if (absl::Status made = MakePipe(&process->stderr_, &err); !made.ok()) return made;
  if (!command.inherits_stdout) {
    if (absl::Status made = MakePipe(&process->stdout_, &out); !made.ok()) return made;
  }

  Spawn spawn;
  spawn.PassNothingAsInput();
  spawn.Pass(command.inherits_stdout ? STDOUT_FILENO : out.get(), STDOUT_FILENO);
  spawn.Pass(err.get(), STDERR_FILENO);
  spawn.Pass(control.get(), kControlFd);
  spawn.Pass(call_page.get(), kCallPageFd);
  if (command.row_fd >= 0) spawn.Pass(command.row_fd, kRowFd);
  spawn.CloseFrom(command.row_fd >= 0 ? kRowFd + 1 : kRowFd);
  if (!command.folder.empty()) spawn.WorkIn(command.folder);
  int pid = -1;
  if (const int error = spawn.Start(command, &pid); error != 0) {
    return ErrorOf(error, fmt::format("The worker {} cannot be started{}", command.path,
                                      command.folder.empty() ? "" : " in " + command.folder));
  }
  process->pid_ = pid;
  process->pidfd_ = Descriptor(pidfd_open(pid, 0));
  if (!process->pidfd_.is_open()) return ErrorOf(errno, "The worker cannot be waited for");
  return process;
}

WorkerProcess::~WorkerProcess() {
  if (pid_ >= 0) {
    KillGroup();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (calls_ != nullptr) munmap(const_cast<CallPage*>(calls_), sizeof(CallPage));
}

// As long as it is not reaped, the worker's number is its own, and that of its group.
void WorkerProcess::Signal(int signal) const {
  if (pid_ >= 0) kill(pid_, signal);
}

void WorkerProcess::KillGroup() const {
  kill(pid_, SIGKILL);
  kill(-pid_, SIGKILL);
}

ProcessEnd WorkerProcess::Reap() {
  KillGroup();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) break;
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) return {true, WTERMSIG(status)};
  return {false, WEXITSTATUS(status)};
}

}  // namespace throng
