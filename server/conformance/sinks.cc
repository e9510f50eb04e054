// Checks of sinks: exactly once is the contract.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "server/conformance/check.h"
#include "server/conformance/walker.h"
#include "server/control/status.h"
#include "server/host/process.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kCommitRows = SinkWalker::kCommitRows;

absl::Status CheckCreates(CheckContext& context) { return SinkWalker::Create(context).status(); }

absl::Status CheckEdges(CheckContext& context) {
  for (const auto& options : EdgeOptions(*context.component)) {
    const auto values = ParseOptions(context, options);
    absl::Status status = values.status();
    if (values.ok()) {
      NoteStep("create");
      status = Sink::Create(*context.component, context.environment, values->values()).status();
    }
    status = CheckRefusal(status);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckMemory(CheckContext& context) {
  return CheckGivesBack([&] { return SinkWalker::Create(context).status(); });
}

absl::Status CheckKeeps(CheckContext& context) {
  context.is_lending = true;
  // What the first was lent for its life is gone when the second lives.
  for (const int64_t rows : {2 * kCommitRows, SinkWalker::kRows}) {
    const auto walker = SinkWalker::Create(context);
    if (!walker.ok()) return walker.status();
    absl::Status status = (*walker)->Open().status();
    if (status.ok()) status = (*walker)->WalkTo(rows);
    if (status.ok() && rows == SinkWalker::kRows) status = (*walker)->Finish();
    if (!status.ok()) return absl::OkStatus();  // the checks of walks say why
  }
  return absl::OkStatus();
}

absl::Status CheckWalk(CheckContext& context) {
  const auto walker = SinkWalker::Create(context);
  if (!walker.ok()) return walker.status();
  const auto opened = (*walker)->Open();
  if (!opened.ok()) return opened.status();
  if (opened->position || opened->is_complete) {
    return Fault("open of a fresh place tells {}.",
                 opened->is_complete ? "that it is complete" : PositionText(opened->position));
  }
  absl::Status status = (*walker)->WalkTo(SinkWalker::kRows);
  if (status.ok()) status = (*walker)->Commit(SinkWalker::kRows);  // with another host state, say
  if (status.ok()) status = (*walker)->Finish();
  if (!status.ok()) return status;
  status = (*walker)->Finish();
  if (status.ok()) return status;
  return Fault("finish cannot be repeated: {}", MessageOf(status));
}

absl::Status CheckNoRows(CheckContext& context) {
  const auto walker = SinkWalker::Create(context);
  if (!walker.ok()) return walker.status();
  absl::Status status = (*walker)->Open().status();
  if (status.ok()) status = (*walker)->Commit(0);
  return status.ok() ? (*walker)->Finish() : status;
}

absl::Status CheckDrops(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  for (const int64_t committed : {int64_t{0}, 2 * kCommitRows}) {
    {
      const auto walker = SinkWalker::Create(context);
      if (!walker.ok()) return walker.status();
      absl::Status status = (*walker)->Open().status();
      if (status.ok()) status = (*walker)->WalkTo(committed);
      if (status.ok()) status = (*walker)->WriteSome();
      if (!status.ok()) return status;
    }
    const auto walker = SinkWalker::Create(context);
    if (!walker.ok()) return walker.status();
    const auto opened = (*walker)->Open();
    if (!opened.ok()) return opened.status();
    const auto expected = committed == 0 ? std::nullopt : std::optional(committed);
    if (opened->position != expected) {
      return Fault("open tells {} where {} was committed, and more was written.",
                   PositionText(opened->position), PositionText(expected));
    }
  }
  return absl::OkStatus();
}

// Opens a place that another process may hold, and keeps it; for a process of its own.
void OpenAndTell(CheckContext& context, int pipe) {
  // It may wait for the other one, until it is told to stop.
  std::atomic<bool> is_stopping = false;
  context.environment.is_stopping = &is_stopping;
  std::thread stopper([&is_stopping] {
    std::this_thread::sleep_for(milliseconds(500));
    is_stopping = true;
  });
  const auto values = ParseOptions(context);
  const auto sink = Sink::Create(*context.component, context.environment, values->values());
  NoteStep("open");
  const bool is_open = sink.ok() && (*sink)->Open(SinkWalker::Target()).ok();
  Tell(pipe, is_open ? "open" : "refused");
  stopper.join();
  for (;;) pause();
}

absl::Status CheckAlone(CheckContext& context) {
  if (context.component->sink.is_durable == 0) return DoesNotApply(&context);
  int go[2];
  if (pipe2(go, O_CLOEXEC) != 0) return Fault("no pipe can be made.");
  // Before there is an instance here, which a fork would copy.
  ChildProcess second([&](int pipe) {
    char signal = 0;
    if (read(go[0], &signal, 1) == 1) OpenAndTell(context, pipe);
  });
  const auto first = SinkWalker::Create(context);
  if (!first.ok()) return first.status();
  absl::Status status = (*first)->Open().status();
  if (status.ok()) status = (*first)->WalkTo(kCommitRows);
  if (!status.ok()) return status;
  Tell(go[1], "!");
  std::string told;
  if (second.Listen(&told, ChildProcess::Clock::now() + std::chrono::hours(1)) !=
      ChildProcess::Heard::kSomething) {
    return Fault("{}.", second.Wait());
  }
  status = (*first)->WalkTo(2 * kCommitRows);
  if (told == "open" && status.ok()) {
    return Fault(
        "two processes hold the same place: a second one could open it, and the first one still "
        "commits.");
  }
  if (told != "open" && !status.ok()) {
    return Fault("a second process was refused the place, and the first one lost it: {}",
                 MessageOf(status));
  }
  return absl::OkStatus();
}

absl::Status CheckSame(std::string_view when, const Sink::Opened& peeked,
                       const Sink::Opened& opened) {
  if (peeked.position == opened.position && peeked.is_complete == opened.is_complete &&
      peeked.host_state == opened.host_state) {
    return absl::OkStatus();
  }
  return Fault("peek tells {}{}, and open {}{}, {}.", PositionText(peeked.position),
               peeked.is_complete ? ", complete" : "", PositionText(opened.position),
               opened.is_complete ? ", complete" : "", when);
}

absl::Status CheckPeeks(CheckContext& context) {
  if (context.component->sink.peek == nullptr) return DoesNotApply(&context);
  const auto step = [&](std::string_view when,
                        const std::function<absl::Status(SinkWalker&)>& go_on) -> absl::Status {
    const auto other = SinkWalker::Create(context);
    const auto walker = SinkWalker::Create(context);
    if (!other.ok() || !walker.ok()) return other.ok() ? walker.status() : other.status();
    const auto before = (*other)->Peek();
    if (!before.ok()) return before.status();
    const auto opened = (*walker)->Open();
    if (!opened.ok()) return opened.status();
    absl::Status status = CheckSame(when, *before, *opened);
    if (status.ok()) status = go_on(**walker);
    if (!status.ok()) return status;
    return (*other)->Peek().status();  // while it is held
  };
  absl::Status status = step("before the first row",
                             [](SinkWalker& walker) { return walker.WalkTo(2 * kCommitRows); });
  if (status.ok()) {
    status = step("after some commits", [](SinkWalker& walker) {
      absl::Status walked = walker.WalkTo(SinkWalker::kRows);
      return walked.ok() ? walker.Finish() : walked;
    });
  }
  if (status.ok()) {
    status = step("after the end", [](SinkWalker&) { return absl::OkStatus(); });
  }
  return status;
}

absl::Status CheckForgets(CheckContext& context) {
  if (context.component->sink.reset == nullptr) return DoesNotApply(&context);
  for (const int64_t rows : {2 * kCommitRows, SinkWalker::kRows}) {
    {
      const auto walker = SinkWalker::Create(context);
      if (!walker.ok()) return walker.status();
      absl::Status status = (*walker)->Open().status();
      if (status.ok()) status = (*walker)->WalkTo(rows);
      if (status.ok() && rows == SinkWalker::kRows) status = (*walker)->Finish();
      if (!status.ok()) return status;
    }
    const auto walker = SinkWalker::Create(context);
    if (!walker.ok()) return walker.status();
    absl::Status status = (*walker)->Reset();
    if (!status.ok()) return status;
    const auto other = SinkWalker::Create(context);
    if (!other.ok()) return other.status();
    const auto opened = (*other)->Open();
    if (!opened.ok()) return opened.status();
    if (opened->position || opened->is_complete) {
      return Fault("open tells {} after a reset{}.",
                   opened->is_complete ? "that it is complete" : PositionText(opened->position),
                   rows == SinkWalker::kRows ? " of what was finished" : "");
    }
  }
  return absl::OkStatus();
}

constexpr unsigned kSinkBit = RoleBit(Role::kSink);

constexpr Check kSinkChecks[] = {
    {"is created", kSinkBit, CheckCreates, false, true},
    {"works or says why not at the edges of its options", kSinkBit, CheckEdges},
    {"gives back what it took", kSinkBit, CheckMemory},
    {"keeps nothing for longer than it is lent", kSinkBit, CheckKeeps},
    {"says which options are paths", kSinkBit, CheckPaths},
    {"takes a whole walk", kSinkBit, CheckWalk},
    {"holds what was written, once", kSinkBit, CheckHolds},
    {"takes an output without rows", kSinkBit, CheckNoRows},
    {"drops what was not committed", kSinkBit, CheckDrops},
    {"neither loses nor doubles rows when killed", kSinkBit, CheckKills},
    {"is exactly once if killed at any system call of commit or finish", kSinkBit,
     CheckKillsAtCalls},
    {"is held by one process at a time", kSinkBit, CheckAlone},
    {"peeks at what open would tell", kSinkBit, CheckPeeks},
    {"loses nothing to a run of another identity", kSinkBit, CheckForeign},
    {"forgets when reset", kSinkBit, CheckForgets},
    {"takes up again what is complete", kSinkBit, CheckReopens},
};

}  // namespace

std::span<const Check> SinkChecks() { return kSinkChecks; }

}  // namespace throng
