#include "server/daemon/worker_end.h"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "server/control/plain_text.h"

namespace throng {
namespace {

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

bool IsOfItsOwnMaking(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
         signal == SIGABRT;
}

std::string SizeText(int64_t bytes) {
  for (const auto& [unit, name] : {std::pair(int64_t{1} << 30, "GiB"), {1 << 20, "MiB"}}) {
    if (bytes >= unit)
      return fmt::format("{:.4g} {}", static_cast<double>(bytes) / static_cast<double>(unit), name);
  }
  return fmt::format("{} bytes", bytes);
}

}  // namespace

std::string DurationText(std::chrono::milliseconds duration) {
  return fmt::format("{:.4g} s", static_cast<double>(duration.count()) / 1000);
}

WorkerEnd EndIn(WorkerEnd::Kind kind, const std::string& what, const CallInfo& culprit) {
  WorkerEnd end;
  end.kind = kind;
  end.component = PlainText(culprit.component);
  end.row = culprit.component.empty() ? -1 : culprit.row;
  end.sentence = what;
  if (!end.component.empty()) end.sentence += " in " + end.component;
  if (end.row >= 0) end.sentence += fmt::format(" at row {}", end.row);
  end.sentence += ".";
  return end;
}

WorkerEnd EndOf(const WorkerRemains& remains) {
  using Kind = WorkerEnd::Kind;
  if (remains.finished) {
    WorkerEnd end;
    end.finished = *remains.finished;
    return end;
  }
  if (remains.is_out_of_memory) {
    return EndIn(Kind::kCrashed,
                 remains.worker_memory > 0
                     ? fmt::format("The worker used more than worker_memory ({})",
                                   SizeText(remains.worker_memory))
                     : "The worker ran out of memory",
                 remains.culprit);
  }
  if (remains.verdict) return *remains.verdict;
  if (remains.is_kill_asked) {
    return EndIn(Kind::kKilled, "The daemon ended the worker", remains.culprit);
  }
  const int value = remains.process.value;
  if (remains.process.is_signal) {
    const bool is_own = IsOfItsOwnMaking(value);
    return EndIn(is_own ? Kind::kCrashed : Kind::kKilled,
                 SignalName(value) + (is_own ? "" : " from outside"), remains.culprit);
  }
  if (!remains.has_said_hello) {
    return EndIn(
        Kind::kRefused,
        fmt::format("The worker {} ended with exit code {} before it said Hello; install throngd "
                    "and throng-worker from the same release",
                    remains.path, value),
        {});
  }
  return EndIn(Kind::kCrashed,
               fmt::format("The worker ended with exit code {} before its work was done", value),
               remains.culprit);
}

}  // namespace throng
