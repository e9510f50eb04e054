// The check that kills: what was committed is there, once, wherever the process ended.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "server/conformance/contents.h"
#include "server/conformance/walker.h"
#include "server/control/status.h"
#include "server/host/process.h"

namespace throng {
namespace {

using std::chrono::microseconds;

constexpr int64_t kCommitRows = 30;

// What a walking process told, as lines.
struct Events {
  std::optional<std::string> opened;  // "none", "30", "complete 6000"
  std::optional<int64_t> committing;
  std::optional<int64_t> committed;
  int commits = 0;
  bool is_finishing = false;
  bool is_finished = false;
  std::string fault;
};

// When a walking process is killed: after so many commits, or when it begins to finish.
struct Moment {
  int commits = 0;
  // By itself, with rows written that are not committed; else from outside, this much later.
  std::optional<microseconds> delay;
};

// To its end, or until it has killed itself. `stop` is called before and after each commit and the
// finish.
void WalkAndTell(
    const CheckContext& context, const std::optional<Moment>& moment, int pipe,
    const std::function<void()>& stop = [] {}) {
  const bool kills_itself = moment && !moment->delay;
  const auto tell = [pipe](const std::string& line) { Tell(pipe, line + "\n"); };
  const auto walk = [&]() -> absl::Status {
    const auto walker = SinkWalker::Create(context, kCommitRows);
    if (!walker.ok()) return walker.status();
    const auto opened = (*walker)->Open();
    if (!opened.ok()) return opened.status();
    if (opened->is_complete) {
      tell("opened complete");
      return absl::OkStatus();
    }
    tell(fmt::format("opened {}", opened->position ? std::to_string(*opened->position) : "none"));
    WalkListener listener;
    listener.on_commit = [&](int64_t position) {
      tell(fmt::format("commit {}", position));
      stop();
    };
    listener.on_committed = [&](int64_t position) {
      tell(fmt::format("committed {}", position));
      stop();
    };
    if (kills_itself) {
      const int64_t first = opened->position.value_or(0);
      const int64_t end = std::min(SinkWalker::kRows, first + moment->commits * kCommitRows);
      absl::Status status = (*walker)->WalkTo(end, listener);
      if (status.ok()) status = (*walker)->WriteSome();
      if (!status.ok()) return status;
      raise(SIGKILL);
    }
    absl::Status status = (*walker)->WalkTo(SinkWalker::kRows, listener);
    if (!status.ok()) return status;
    tell("finish");
    stop();
    status = (*walker)->Finish();
    if (!status.ok()) return status;
    tell("finished");
    stop();
    return (*walker)->Finish();  // it may be repeated
  };
  if (const absl::Status status = walk(); !status.ok()) tell("fault " + MessageOf(status));
}

Events ReadEvents(const std::string& told) {
  Events events;
  std::istringstream lines(told.substr(0, told.rfind('\n') + 1));
  for (std::string word, rest; lines >> word && std::getline(lines, rest);) {
    if (word == "opened") events.opened = rest.substr(1);
    if (word == "commit") events.committing = std::stoll(rest);
    if (word == "committed") {
      events.committed = std::stoll(rest);
      ++events.commits;
    }
    if (word == "finish") events.is_finishing = true;
    if (word == "finished") events.is_finished = true;
    if (word == "fault") events.fault = rest.substr(1);
  }
  return events;
}

// What is known of a place from all processes that walked into it.
class Ledger {
 public:
  // Whether what was finished stays so: a stream ends once, messages may be continued.
  explicit Ledger(bool ends_once) : ends_once_(ends_once) {}
  // Whether what a process met and did goes with what those before it did.
  absl::Status Add(const Events& events) {
    if (events.opened) {
      if (absl::Status status = CheckOpened(*events.opened); !status.ok()) return status;
    }
    if (events.committed) last_ = events.committed;
    if (events.committing) {
      in_flight_ = events.committing == last_ ? std::nullopt : events.committing;
    }
    may_be_complete_ = may_be_complete_ || events.is_finishing;
    is_complete_ = is_complete_ || events.is_finished;
    if (!events.fault.empty()) return Fault("{}", events.fault);
    return absl::OkStatus();
  }
  bool is_complete() const { return is_complete_; }

 private:
  absl::Status CheckOpened(const std::string& opened) {
    const std::string known =
        fmt::format("after {} was committed{}", PositionText(last_),
                    in_flight_ ? fmt::format(" and the commit of {} had begun", *in_flight_) : "");
    if (opened == "complete") {
      if (!may_be_complete_) return Fault("open tells that it is complete, {}.", known);
      is_complete_ = true;
      return absl::OkStatus();
    }
    if (is_complete_ && ends_once_) {
      return Fault("open tells that it is not complete, after it was finished.");
    }
    const auto position =
        opened == "none" ? std::nullopt : std::optional<int64_t>(std::stoll(opened));
    if (position != last_ && (!in_flight_ || position != in_flight_)) {
      return Fault("open tells {}, {}.", PositionText(position), known);
    }
    last_ = position;
    in_flight_.reset();
    return absl::OkStatus();
  }

  const bool ends_once_;
  std::optional<int64_t> last_;       // surely committed
  std::optional<int64_t> in_flight_;  // perhaps committed
  bool may_be_complete_ = false;
  bool is_complete_ = false;
};

// Walks in a process that is killed, if it has not ended before.
absl::Status WalkAndKill(const CheckContext& context, const std::optional<Moment>& moment,
                         Ledger* ledger) {
  ChildProcess child([&](int pipe) { WalkAndTell(context, moment, pipe); });
  const auto far = ChildProcess::Clock::now() + std::chrono::hours(1);
  std::string told;
  const auto has_come = [&] {
    if (!moment || !moment->delay) return false;
    const Events events = ReadEvents(told);
    return events.is_finishing || events.commits >= moment->commits;
  };
  bool has_ended = false;
  while (!has_ended && !has_come()) {
    has_ended = child.Listen(&told, far) == ChildProcess::Heard::kEnd;
  }
  if (!has_ended) {
    std::this_thread::sleep_for(*moment->delay);
    child.Kill();
    while (child.Listen(&told, far) != ChildProcess::Heard::kEnd) {
    }
  }
  const std::string end = child.Wait();
  if (has_ended && !end.empty() && !end.starts_with("SIGKILL")) return Fault("{}.", end);
  return ledger->Add(ReadEvents(told));
}

// ---- At system calls ----------------------------------------------------------------------------

constexpr char kUntraceable[] = "untraceable\n";

// Whether walking processes can be followed here.
bool CanTrace() {
  ChildProcess child([](int pipe) { Tell(pipe, LetParentTrace() ? "" : kUntraceable); });
  std::string told;
  const auto far = ChildProcess::Clock::now() + std::chrono::hours(1);
  while (child.Listen(&told, far) != ChildProcess::Heard::kEnd) {
  }
  return told.empty();
}

// Walks in a process that is killed when it is about to make its n-th system call in its first
// commit, or in finish. False if it made fewer there.
absl::StatusOr<bool> KillAtCall(const CheckContext& context, bool is_in_finish, int n,
                                Ledger* ledger) {
  ChildProcess child([&](int pipe) {
    if (LetParentTrace()) WalkAndTell(context, std::nullopt, pipe, StopForParent);
  });
  const auto far = ChildProcess::Clock::now() + std::chrono::hours(1);
  std::string told;
  // What it told before it stopped can be read.
  const auto has_come = [&] {
    child.Listen(&told, far);
    return !is_in_finish || ReadEvents(told).is_finishing;
  };
  bool was_killed = false;
  while (child.GoOnToStop()) {
    if (!has_come()) continue;
    was_killed = child.KillAtSystemCall(n);
    break;
  }
  // Where it made fewer calls, it is stopped now, with all done; or it has ended.
  child.Kill();
  while (child.Listen(&told, far) != ChildProcess::Heard::kEnd) {
  }
  const std::string end = child.Wait();
  if (!end.empty() && !end.starts_with("SIGKILL")) return Fault("{}.", end);
  absl::Status status = ledger->Add(ReadEvents(told));
  if (!status.ok()) return status;
  return was_killed;
}

}  // namespace

absl::Status CheckKillsAtCalls(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  if (!CanTrace()) {
    context.skipped = "processes cannot be traced here; allow ptrace.";
    return absl::OkStatus();
  }
  constexpr int kEach = 40;  // after these in leaps, for sinks that wait in many calls
  Ledger ledger(TakesStream(context));
  for (const bool is_in_finish : {false, true}) {
    absl::StatusOr<bool> was_killed = true;
    for (int n = 1; was_killed.ok() && *was_killed; n += 1 + std::max(0, n - kEach)) {
      was_killed = KillAtCall(context, is_in_finish, n, &ledger);
    }
    if (!was_killed.ok()) return was_killed.status();
  }
  // What finish had begun may have to be done once more.
  absl::Status status = WalkAndKill(context, std::nullopt, &ledger);
  return status.ok() ? CheckContents(context, "after kills at system calls") : status;
}

absl::Status CheckKills(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  std::vector<Moment> moments;
  for (int commits = 0; commits < 6; ++commits) {
    moments.push_back({commits, std::nullopt});
    // Sinks differ much in how long they take; the moments spread over all that is likely.
    moments.push_back({5 - commits, microseconds(1 << (2 * commits))});
    moments.push_back({1, microseconds(2 << (2 * commits))});
  }
  constexpr int kAtTheEnd = 1 << 30;
  for (int i = 0; i < 5; ++i) moments.push_back({kAtTheEnd, microseconds(4 << (2 * i))});
  Ledger ledger(TakesStream(context));
  for (const Moment& moment : moments) {
    if (absl::Status status = WalkAndKill(context, moment, &ledger); !status.ok()) return status;
  }
  // To its end, and once more.
  for (int i = 0; i < 2; ++i) {
    absl::Status status = WalkAndKill(context, std::nullopt, &ledger);
    if (!status.ok()) return status;
  }
  if (!ledger.is_complete()) return Fault("the walk did not come to its end.");
  return CheckContents(context, "after kills");
}

}  // namespace throng
