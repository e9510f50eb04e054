// Stands between a sink and the kernel: counts, records, fails or kills the process at the calls
// that change files.
#include "tests/plugins/sinks/syscall_shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>

namespace throng::shim {

namespace {

enum class Fate { kPass, kFail, kKill, kKillAfterHalf, kAct };

// Tests use one thread while they watch.
struct Watched {
  bool is_on = false;
  Fate fate = Fate::kPass;
  int at = 0;
  int error = 0;
  std::function<void()> act = nullptr;
  Calls calls;
};

int journal = -1;

Watched& State() {
  static Watched state;
  return state;
}

void Begin(Fate fate, int at, int error) {
  State() = {.is_on = true, .fate = fate, .at = at, .error = error, .act = nullptr, .calls = {}};
}

std::string LastName(std::string_view path) {
  return std::string(path.substr(path.find_last_of('/') + 1));
}

std::string NameOf(int fd) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), path, sizeof path);
  return LastName({path, size > 0 ? static_cast<size_t>(size) : 0});
}

[[noreturn]] void Die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// What becomes of this call; for a fate that is not to be met after half a write, it is met here.
Fate Meet(const char* call, const std::string& name) {
  Watched& state = State();
  if (!state.is_on) return Fate::kPass;
  state.calls.push_back(std::string(call) + " " + name);
  if (journal >= 0) dprintf(journal, "%s\n", state.calls.back().c_str());
  if (static_cast<int>(state.calls.size()) != state.at) return Fate::kPass;
  if (state.fate == Fate::kKill) Die();
  if (state.fate == Fate::kKillAfterHalf && std::string_view(call) != "pwrite") Die();
  if (state.fate != Fate::kAct) return state.fate;
  state.is_on = false;  // what the test does is not counted
  state.act();
  state.is_on = true;
  return Fate::kPass;
}

// The next definition of a function: the C library's, or a sanitizer's around it.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

template <class Function, class... Args>
int Pass(const char* call, const std::string& name, Args... args) {
  static Function* const kReal = Real<Function>(call);
  if (Meet(call, name) != Fate::kPass) {
    errno = State().error;
    return -1;
  }
  return kReal(args...);
}

}  // namespace

void Watch() { Begin(Fate::kPass, 0, 0); }
void FailAt(int n, int error) { Begin(Fate::kFail, n, error); }
void KillAt(int n) { Begin(Fate::kKill, n, 0); }
void DoBefore(int n, std::function<void()> act) {
  Begin(Fate::kAct, n, 0);
  State().act = std::move(act);
}
void KillWithin(int n) { Begin(Fate::kKillAfterHalf, n, 0); }
void Journal(int fd) { journal = fd; }

Calls Stop() {
  State().is_on = false;
  return State().calls;
}

}  // namespace throng::shim

// NOLINTBEGIN: these names and signatures are the C library's.
extern "C" {

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  static auto* const real = throng::shim::Real<int(const char*, int, ...)>("open");
  if ((flags & O_CREAT) == 0) return real(path, flags);
  if (throng::shim::Meet("open", throng::shim::LastName(path)) != throng::shim::Fate::kPass) {
    errno = throng::shim::State().error;
    return -1;
  }
  return real(path, flags, mode);
}

EXPORTED ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  using throng::shim::Fate;
  static auto* const real = throng::shim::Real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  const Fate fate = throng::shim::Meet("pwrite", throng::shim::NameOf(fd));
  if (fate == Fate::kPass) return real(fd, data, size, offset);
  const ssize_t half = real(fd, data, size / 2, offset);
  if (fate == Fate::kKillAfterHalf) throng::shim::Die();
  // A disk that fills up takes a part first, and fails at the rest.
  if (half > 0) {
    throng::shim::State().at += 1;
    return half;
  }
  errno = throng::shim::State().error;
  return -1;
}

EXPORTED int flock(int fd, int operation) noexcept {
  return throng::shim::Pass<int(int, int)>("flock", throng::shim::NameOf(fd), fd, operation);
}
EXPORTED int ftruncate(int fd, off_t length) noexcept {
  return throng::shim::Pass<int(int, off_t)>("ftruncate", throng::shim::NameOf(fd), fd, length);
}
EXPORTED int fdatasync(int fd) {
  return throng::shim::Pass<int(int)>("fdatasync", throng::shim::NameOf(fd), fd);
}
EXPORTED int fsync(int fd) {
  return throng::shim::Pass<int(int)>("fsync", throng::shim::NameOf(fd), fd);
}
EXPORTED int rename(const char* from, const char* to) noexcept {
  return throng::shim::Pass<int(const char*, const char*)>("rename", throng::shim::LastName(from),
                                                           from, to);
}
EXPORTED int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                       unsigned flags) noexcept {
  return throng::shim::Pass<int(int, const char*, int, const char*, unsigned)>(
      "renameat2", throng::shim::LastName(from), from_folder, from, to_folder, to, flags);
}
EXPORTED int unlink(const char* path) noexcept {
  return throng::shim::Pass<int(const char*)>("unlink", throng::shim::LastName(path), path);
}
EXPORTED int mkdir(const char* path, mode_t mode) noexcept {
  return throng::shim::Pass<int(const char*, mode_t)>("mkdir", throng::shim::LastName(path), path,
                                                      mode);
}
EXPORTED int rmdir(const char* path) noexcept {
  return throng::shim::Pass<int(const char*)>("rmdir", throng::shim::LastName(path), path);
}

}  // extern "C"
// NOLINTEND
