// What those who watch a daemon are told of it: its log, health, metrics.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "server/daemon/daemon_log.h"
#include "server/daemon/health.h"
#include "server/daemon/http_server.h"
#include "server/daemon/metrics.h"
#include "throng/v1/run.pb.h"

namespace throng {

struct Watch {
  explicit Watch(const LogSettings& settings) : log(settings) {}

  // A run as it is now; without a name: it was deleted. One thread at a time.
  void Take(const std::string& name, const v1::Run& now);
  // /metrics, /readyz and /healthz.
  std::vector<HttpPage> Pages();

  DaemonLog log;
  Health health;
  RunFigures figures;
  std::atomic<bool> is_up = false;  // before, changes are those of runs that are taken up
  int runs = 0;                     // that are taken up
  int going_on = 0;                 // of them

 private:
  std::map<std::string, v1::Run> known_;  // by name: what a change is told by
};

}  // namespace throng
