#include "server/host/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "server/control/status.h"

namespace throng {
namespace {

constexpr size_t kStepBytes = 4096;
constexpr int kThrewExit = 121;  // exit codes of ours that no plugin is likely to use
constexpr int kLimitExit = 122;

char* current_step = nullptr;  // of this process

std::string InStep(std::string_view step) {
  return step.empty() ? "" : fmt::format(" in {}", step);
}

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
  NoteStep(fmt::format("an exception crossed the boundary{}{}", what, InStep(step)));
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

// A result on its way through the pipe: whether it is one or why not, its length, its text.
constexpr size_t kHeadBytes = 1 + sizeof(uint64_t);

void TellResult(int pipe, const absl::StatusOr<std::string>& result) {
  const std::string text = result.ok() ? *result : MessageOf(result.status());
  const uint64_t size = text.size();
  std::string head(kHeadBytes, result.ok() ? '+' : '-');
  std::memcpy(head.data() + 1, &size, sizeof size);
  Tell(pipe, head + text);
}

// Takes the first result from `told`; nothing: it is not complete.
std::optional<absl::StatusOr<std::string>> TakeResult(std::string* told) {
  if (told->size() < kHeadBytes) return std::nullopt;
  uint64_t size = 0;
  std::memcpy(&size, told->data() + 1, sizeof size);
  if (told->size() - kHeadBytes < size) return std::nullopt;
  const bool is_ok = told->front() == '+';
  std::string text = told->substr(kHeadBytes, size);
  told->erase(0, kHeadBytes + size);
  if (!is_ok) return absl::InternalError(text);
  return text;
}

// Clocks hold less than a duration can say.
ChildProcess::Clock::time_point After(std::chrono::milliseconds limit) {
  return ChildProcess::Clock::now() +
         std::min<std::chrono::milliseconds>(limit, std::chrono::hours(24 * 365 * 100));
}

// What tells a process where libraries and the network are, and nothing about data.
bool IsOfTheSystem(std::string_view name) {
  constexpr std::string_view kPrefixes[] = {"LD_", "SSL_", "GCOV_"};
  constexpr std::string_view kSuffixes[] = {"_proxy", "_PROXY", "SAN_OPTIONS"};
  return name == "PATH" || name == "TMPDIR" ||
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

void ClearEnvironment(const std::vector<std::string>& needed) {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) {
    const bool is_needed = std::find(needed.begin(), needed.end(), name) != needed.end();
    if (!is_needed && !IsOfTheSystem(name)) unsetenv(name.c_str());
  }
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

bool ChildProcess::GoOn(int calls) {
  constexpr int kSystemCall = SIGTRAP | 0x80;
  const auto request = calls > 0 ? PTRACE_SYSCALL : PTRACE_CONT;
  int signal = 0;
  bool is_inside = false;  // a system call, which stops it at its begin and at its end
  for (bool is_first = !is_traced_;; is_first = false) {
    if (!is_first && ptrace(request, pid_, nullptr, signal) != 0) return false;
    is_traced_ = true;
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) return false;
    }
    if (!WIFSTOPPED(status)) {
      ended_ = status;
      return false;
    }
    if (is_first)
      ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    signal = 0;
    if (WSTOPSIG(status) == SIGSTOP) return true;
    if (WSTOPSIG(status) != kSystemCall) {
      signal = WSTOPSIG(status);
    } else if (is_inside = !is_inside; is_inside && --calls == 0) {
      was_killed_ = true;
      Kill();
      return false;
    }
  }
}

std::string ChildProcess::Wait() {
  if (pid_ <= 0) return "no process could be started";
  int status = ended_.value_or(0);
  while (!ended_ && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
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

bool LetParentTrace() { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }

void StopForParent() { raise(SIGSTOP); }

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

void MoveElsewhere(const std::vector<std::string>& needed) {
  mallopt(M_PERTURB, 0x5a);  // fresh memory is not zero
  // Kept for good, so that all that comes later lies elsewhere; of all sizes, to fill gaps too.
  for (size_t pages = 1; pages <= 256; ++pages) {
    (void)mmap(nullptr, pages << 12, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  static void* kept[64];
  for (size_t i = 0; i < std::size(kept); ++i) kept[i] = std::malloc(16 + 40 * i);
  ClearEnvironment(needed);
  for (const char* name : {"HOME", "USER", "LOGNAME", "HOSTNAME", "LANG"}) {
    setenv(name, "elsewhere", 1);
  }
  setenv("TZ", "ABC-13:37", 1);
  setenv("LC_ALL", "de_DE.UTF-8", 1);
  std::setlocale(LC_ALL, "");
}

absl::StatusOr<std::string> RunInProcess(const std::function<absl::StatusOr<std::string>()>& work,
                                         std::chrono::milliseconds limit) {
  return RunInProcesses(
      1, [&work](size_t) { return work(); }, limit)[0];
}

std::vector<absl::StatusOr<std::string>> RunInProcesses(
    size_t count, const std::function<absl::StatusOr<std::string>(size_t i)>& work,
    std::chrono::milliseconds limit) {
  std::vector<absl::StatusOr<std::string>> results;
  while (results.size() < count) {
    ChildProcess child([&](int pipe) {
      for (size_t i = results.size(); i < count; ++i) {
        NoteStep("");
        TellResult(pipe, work(i));
      }
    });
    std::string told;
    auto until = After(limit);
    while (results.size() < count) {
      if (auto result = TakeResult(&told)) {
        results.push_back(*std::move(result));
        until = After(limit);
        continue;
      }
      const auto heard = child.Listen(&told, until);
      if (heard == ChildProcess::Heard::kSomething) continue;
      const std::string step(child.step());
      if (heard == ChildProcess::Heard::kNothing) {
        results.push_back(absl::DeadlineExceededError(fmt::format(
            "no end within {} s{}.", static_cast<double>(limit.count()) / 1000, InStep(step))));
      } else {
        const std::string end = child.Wait();
        results.push_back(absl::AbortedError(
            end.empty() ? fmt::format("the process was ended with exit code 0{}.", InStep(step))
                        : end + "."));
      }
      break;
    }
  }
  return results;
}

}  // namespace throng
