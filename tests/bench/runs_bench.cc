// What runs that have ended cost a daemon: memory, and the time of calls, beside those of a daemon
// with ten. `runs_bench [RUNS]`; workers are played, the store is a real one in a folder of its
// own.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "server/daemon/run_engine.h"
#include "tests/daemon/fake_workers.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double ResidentMb() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Milliseconds.
double Median(int calls, const std::function<void(int)>& call) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    const auto begin = Clock::now();
    call(i);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + calls / 2, times.end());
  return times[static_cast<size_t>(calls / 2)];
}

// As large as that of a run with a Kafka output.
daemon::v1::RunRecord RecordOf(int i) {
  daemon::v1::RunRecord record;
  v1::Run* run = record.mutable_run();
  run->set_name(fmt::format("runs/run-{}", i));
  run->set_uid(fmt::format("{:032x}", i));
  run->set_target_state(v1::TARGET_STATE_RUNNING);
  run->set_state(v1::RUN_STATE_SUCCEEDED);
  run->mutable_end_time()->set_seconds(1'700'000'000 + i);
  run->add_outputs()->set_name("csv");
  run->mutable_outputs(0)->set_state(v1::OUTPUT_STATE_SUCCEEDED);
  for (int plugin = 0; plugin < 6; ++plugin) {
    run->add_plugins()->set_sha256(std::string(64, static_cast<char>('0' + plugin)));
  }
  run->set_fingerprint(std::string(64, 'f'));
  run->add_warnings(std::string(1'000, 'x'));
  record.mutable_asked()->add_outputs()->set_name(std::string(1'000, 'x'));
  return record;
}

struct Figures {
  double resident_mb = 0;
  double get_ms = 0;
  double list_ms = 0;
  double delete_ms = 0;
};

Figures Measure(int runs) {
  const fs::path folder = fs::temp_directory_path() / fmt::format("throng_runs_{}", getpid());
  fs::remove_all(folder);
  fs::create_directories(folder / "logs");
  {
    const auto store = *RunStore::Open(folder.string());
    for (int i = 0; i < runs; ++i) store->PutSoon(RecordOf(i), [](const absl::Status&) {});
  }
  const auto store = *RunStore::Open(folder.string());
  FakeWorkers workers;
  PluginIndex index({}, folder.string(), &workers);
  RunEngine::Parts parts;
  parts.config.state_folder = folder.string();
  parts.config.ended_runs = 100'000;
  parts.workers = &workers;
  parts.timers = &workers;
  parts.index = &index;
  parts.store = store.get();
  Figures figures;
  {
    RunEngine engine(parts);
    if (!engine.Start().ok()) std::abort();
    figures.resident_mb = ResidentMb();
    const auto name = [&](int i) { return fmt::format("runs/run-{}", i % runs); };
    figures.get_ms = Median(200, [&](int i) { (void)engine.GetRun(name(i * 7)); });
    v1::ListRunsRequest list;
    list.set_page_size(1000);
    figures.list_ms = Median(5, [&](int) { (void)engine.ListRuns(list); });
    figures.delete_ms = Median(std::min(runs, 100), [&](int i) {
      if (!engine.DeleteRun({name(i)}).ok()) std::abort();
    });
    workers.Settle();
  }
  fs::remove_all(folder);
  return figures;
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 10'000;
  fmt::print("| runs that have ended | MB | GetRun ms | ListRuns(1000) ms | DeleteRun ms |\n");
  fmt::print("| --- | --- | --- | --- | --- |\n");
  for (const int count : {10, runs}) {
    const throng::Figures figures = throng::Measure(count);
    fmt::print("| {} | {:.1f} | {:.3f} | {:.2f} | {:.2f} |\n", count, figures.resident_mb,
               figures.get_ms, figures.list_ms, figures.delete_ms);
  }
  return 0;
}
