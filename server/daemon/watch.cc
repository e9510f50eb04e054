#include "server/daemon/watch.h"

#include <utility>

#include "server/daemon/run_changes.h"
#include "server/daemon/wall_clock.h"

namespace throng {
namespace {

// What the next change of a run is compared with: of runs that have ended, of which there may be
// many, as little as will do.
v1::Run Essence(const v1::Run& run) {
  v1::Run essence;
  essence.set_name(run.name());
  essence.set_state(run.state());
  if (run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED) {
    return essence;
  }
  essence.set_target_state(run.target_state());
  essence.set_restarts(run.restarts());
  for (const v1::OutputStatus& output : run.outputs()) {
    essence.add_outputs()->set_state(output.state());
  }
  return essence;
}

}  // namespace

void Watch::Take(const std::string& name, const v1::Run& now) {
  const v1::Run before = std::exchange(known_[name], Essence(now));
  if (now.name().empty()) known_.erase(name);
  figures.Take(before, now);
  if (!is_up) {
    if (before.name().empty()) ++runs;
    if (now.state() == v1::RUN_STATE_STARTING && before.state() != now.state()) ++going_on;
    return;
  }
  for (const RunChange& change : ChangesOf(before, now)) {
    log.Write(change.level, name, change.sentence);
  }
}

std::vector<HttpPage> Watch::Pages() {
  const auto metrics = [this] { return HttpAnswer{200, figures.Text(health.IsReady(), NowMs())}; };
  const auto ready = [this] {
    HttpAnswer answer;
    for (const auto& [part, trouble] : health.Troubles())
      answer.text += "not ready: " + part + "\n";
    if (answer.text.empty()) return HttpAnswer{200, "ready\n"};
    answer.status = 503;
    return answer;
  };
  return {{.path = "/metrics", .make = metrics},
          {.path = "/readyz", .is_open = true, .make = ready},
          {.path = "/healthz", .is_open = true, .make = [] {
             return HttpAnswer{200, "ok\n"};
           }}};
}

}  // namespace throng
