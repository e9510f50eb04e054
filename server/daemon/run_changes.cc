#include "server/daemon/run_changes.h"

#include <fmt/format.h>

#include "server/daemon/state_words.h"

namespace throng {
namespace {

// A reason with what leads to it.
std::string Because(const std::string& what, const std::string& reason) {
  return reason.empty() ? what + "." : fmt::format("{}: {}", what, reason);
}

void AddStates(const v1::Run& before, const v1::Run& now, std::vector<RunChange>* changes) {
  if (now.restarts() > before.restarts()) {
    changes->push_back({LogLevel::kWarning,
                        Because(fmt::format("Its worker ended and is started again, for the {}. "
                                            "time",
                                            now.restarts()),
                                now.reason())});
  }
  if (now.target_state() != before.target_state()) {
    changes->push_back(
        {LogLevel::kInfo, fmt::format("It was asked to be {}.", WordOf(now.target_state()))});
  }
  if (now.state() != before.state()) {
    const bool has_failed = now.state() == v1::RUN_STATE_FAILED;
    changes->push_back({has_failed ? LogLevel::kError : LogLevel::kInfo,
                        Because(fmt::format("It is {}", WordOf(now.state())), now.reason())});
  }
}

void AddOutput(v1::OutputState before, const v1::OutputStatus& now,
               std::vector<RunChange>* changes) {
  if (now.state() == before) return;
  if (now.state() == v1::OUTPUT_STATE_FAILED) {
    changes->push_back(
        {LogLevel::kError, Because(fmt::format("Output `{}` failed", now.name()), now.reason())});
  } else if (now.state() == v1::OUTPUT_STATE_BLOCKED) {
    changes->push_back({LogLevel::kWarning,
                        Because(fmt::format("Output `{}` is blocked", now.name()), now.reason())});
  } else if (before == v1::OUTPUT_STATE_BLOCKED) {
    changes->push_back({LogLevel::kInfo,
                        fmt::format("Output `{}` is {} again.", now.name(), WordOf(now.state()))});
  }
}

}  // namespace

std::vector<RunChange> ChangesOf(const v1::Run& before, const v1::Run& now) {
  if (now.name().empty()) return {{LogLevel::kInfo, "It was deleted."}};
  if (before.name().empty()) {
    return {{LogLevel::kInfo,
             fmt::format("It was created with {} output{}; it is {}.", now.outputs_size(),
                         now.outputs_size() == 1 ? "" : "s", WordOf(now.state()))}};
  }
  std::vector<RunChange> changes;
  AddStates(before, now, &changes);
  for (int i = 0; i < now.outputs_size(); ++i) {
    const v1::OutputState known =
        i < before.outputs_size() ? before.outputs(i).state() : v1::OUTPUT_STATE_UNSPECIFIED;
    AddOutput(known, now.outputs(i), &changes);
  }
  return changes;
}

}  // namespace throng
