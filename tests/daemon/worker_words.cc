#include "tests/daemon/worker_words.h"

#include <fmt/format.h>

namespace throng {

v1::OutputStatus OutputOf(const std::string& name, v1::OutputState state, int64_t position) {
  v1::OutputStatus output;
  output.set_name(name);
  output.set_state(state);
  output.set_place(name + ".out");
  output.set_position(position);
  output.set_rows(position);
  output.set_total_rows(1000);
  return output;
}

worker::v1::FromWorker ProgressOf(v1::OutputState state, int64_t position) {
  constexpr int64_t kAllCommands = 1'000'000;
  worker::v1::FromWorker message;
  message.mutable_progress()->set_commands(kAllCommands);
  *message.mutable_progress()->add_outputs() = OutputOf("csv", state, position);
  return message;
}

WorkerEnd FinishedAs(v1::OutputState state, int64_t position) {
  WorkerEnd end;
  *end.finished.add_outputs() = OutputOf("csv", state, position);
  return end;
}

WorkerEnd CrashedIn(const std::string& component, int64_t row) {
  WorkerEnd end;
  end.kind = WorkerEnd::Kind::kCrashed;
  end.component = component;
  end.row = row;
  end.sentence = fmt::format("SIGSEGV in {} at row {}.", component, row);
  return end;
}

WorkerEnd KilledFromOutside() {
  WorkerEnd end;
  end.kind = WorkerEnd::Kind::kKilled;
  end.sentence = "SIGKILL from outside.";
  return end;
}

}  // namespace throng
