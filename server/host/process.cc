#include "server/host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "server/control/status.h"

namespace throng {
namespace {

constexpr size_t kStepBytes = 4096;
constexpr int kThrewExit = 121;  // exit codes of ours that no plugin is likely to use
constexpr int kLimitExit = 122;

char* current_step = nullptr;  // of this process

// What an exception that nobody catches, since it crossed the boundary, comes to.
[[noreturn]] void OnUncaughtException() {
  std::string what;
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    what = fmt::format(" ({})", exception.what());
  } catch (...) {
    // of no type that says more
  }
  const std::string step = current_step;
  NoteStep(fmt::format("an exception crossed the boundary{} in {}", what, step));
  _exit(kThrewExit);
}

// Where a debugger or a sanitizer would handle a fatal signal, the parent is to see it.
void LeaveSignalsAlone() {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT}) {
    signal(number, SIG_DFL);
  }
  signal(SIGPIPE, SIG_IGN);
}

// Standard output is for the parent's results.
void DropOutput() {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDOUT_FILENO);
}

std::string InStep(std::string_view step) {
  return step.empty() ? "" : fmt::format(" in {}", step);
}

}  // namespace

ChildProcess::ChildProcess(const std::function<void(int pipe)>& work) {
  void* page = mmap(nullptr, kStepBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ends[2] = {-1, -1};
  if (page == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0) return;
  step_ = static_cast<char*>(page);
  pipe_ = ends[0];
  std::fflush(nullptr);  // else both would print what is buffered
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ != 0) {
    close(ends[1]);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kLimitExit);
  current_step = step_;
  LeaveSignalsAlone();
  DropOutput();
  close(ends[0]);
  std::set_terminate(OnUncaughtException);
  [&]() noexcept { work(ends[1]); }();
  // Without static destructors: they belong to the parent.
  _exit(0);
}

ChildProcess::~ChildProcess() {
  Kill();
  Wait();
  if (pipe_ >= 0) close(pipe_);
  if (step_ != nullptr) munmap(step_, kStepBytes);
}

ChildProcess::Heard ChildProcess::Listen(std::string* text, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd event{pipe_, POLLIN, 0};
    const int ready = poll(&event, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 && left > 0) continue;
    if (ready <= 0) return Heard::kNothing;
    char piece[4096];
    const ssize_t size = read(pipe_, piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return Heard::kEnd;
    text->append(piece, static_cast<size_t>(size));
    return Heard::kSomething;
  }
}

void ChildProcess::Kill() const {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

std::string ChildProcess::Wait() {
  if (pid_ <= 0) return "no process could be started";
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return fmt::format("SIG{}{}", name == nullptr ? "?" : name, InStep(step_));
  }
  if (WEXITSTATUS(status) == kThrewExit) return step_;
  if (WEXITSTATUS(status) != 0) {
    return fmt::format("the process was ended with exit code {}{}", WEXITSTATUS(status),
                       InStep(step_));
  }
  return "";
}

void Tell(int pipe, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(pipe, text.data(), text.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) text.remove_prefix(static_cast<size_t>(size));
  }
}

void NoteStep(std::string_view step) {
  // While an exception passes, the step that threw it is what matters.
  if (current_step == nullptr || std::uncaught_exceptions() > 0) return;
  const size_t size = std::min(step.size(), kStepBytes - 1);
  std::memcpy(current_step, step.data(), size);
  current_step[size] = '\0';
}

void MoveElsewhere() {
  mallopt(M_PERTURB, 0x5a);  // fresh memory is not zero
  // Kept for good, so that all that comes later lies elsewhere; of all sizes, to fill gaps too.
  for (size_t pages = 1; pages <= 256; ++pages) {
    (void)mmap(nullptr, pages << 12, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  static void* kept[64];
  for (size_t i = 0; i < std::size(kept); ++i) kept[i] = std::malloc(16 + 40 * i);
  setenv("TZ", "ABC-13:37", 1);
  setenv("LC_ALL", "de_DE.UTF-8", 1);
  std::setlocale(LC_ALL, "");
}

absl::StatusOr<std::string> RunInProcess(const std::function<absl::StatusOr<std::string>()>& work,
                                         std::chrono::milliseconds limit) {
  ChildProcess child([&work](int pipe) {
    const auto result = work();
    Tell(pipe, result.ok() ? "+" + *result : "-" + MessageOf(result.status()));
  });
  // Clocks hold less than a duration can say.
  const auto until = ChildProcess::Clock::now() +
                     std::min<std::chrono::milliseconds>(limit, std::chrono::hours(24 * 365 * 100));
  std::string told;
  for (;;) {
    const auto heard = child.Listen(&told, until);
    if (heard == ChildProcess::Heard::kEnd) break;
    if (heard == ChildProcess::Heard::kNothing) {
      const std::string step(child.step());
      return absl::DeadlineExceededError(fmt::format(
          "no end within {} s{}.", static_cast<double>(limit.count()) / 1000, InStep(step)));
    }
  }
  const std::string step(child.step());
  const std::string end = child.Wait();
  if (!end.empty()) return absl::AbortedError(end + ".");
  if (told.empty()) {
    return absl::AbortedError(
        fmt::format("the process was ended with exit code 0{}.", InStep(step)));
  }
  if (told.front() == '-') return absl::InternalError(told.substr(1));
  return told.substr(1);
}

}  // namespace throng
