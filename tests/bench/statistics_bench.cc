// Nanoseconds a row on one thread of making the preset `shop`, of what a run counts of it, and of
// what `throngctl stats` counts. "cost" is the share of making: (a + b) / a - 1.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "server/dataset/statistics.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/inspection/row_feed.h"
#include "server/spec/reader.h"

namespace throng {
namespace {

constexpr int64_t kRows = 16'384;

std::unique_ptr<Plan> MakePlan(const benchmark::State& state) {
  static const absl::StatusOr<Catalogue> kPlugins = Catalogue::Load({THRONG_PLUGIN_FOLDER});
  static const Environment kQuiet;
  const SpecLayer layer{"bench", "dataset: {interactions: " + std::to_string(state.range(2)) +
                                     ", world: {users: " + std::to_string(state.range(0)) +
                                     ", items: " + std::to_string(state.range(1)) + "}}"};
  Problems problems;
  const std::optional<v1::RunSpec> spec = ReadSpec(std::span(&layer, 1), &problems, false);
  auto plan = spec ? PlanDataset(spec->dataset(), kPlugins.value(), kQuiet, 0, &problems) : nullptr;
  if (plan == nullptr) {
    fprintf(stderr, "%s", ToString(problems).c_str());
    abort();
  }
  return plan;
}

// Makes rows, and gives those of each piece to `count`, which is timed beside them.
template <class Count>
void MakeAnd(benchmark::State& state, const Plan& plan, Count&& count) {
  using Clock = std::chrono::steady_clock;
  const auto generator = *plan.MakeGenerator();
  Columns columns(static_cast<size_t>(kRows));
  Clock::duration making{};
  Clock::duration counting{};
  int64_t row = 0;
  for (auto _ : state) {
    const auto begin = Clock::now();
    if (!generator->Fill(row, kRows, &columns, 0).ok()) abort();
    const auto made = Clock::now();
    count(columns, row);
    counting += Clock::now() - made;
    making += made - begin;
    row = (row + kRows) % (plan.spec().interactions() - kRows);
  }
  const double rows = static_cast<double>(state.iterations()) * static_cast<double>(kRows);
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  state.counters["make ns/row"] = Nanoseconds(making).count() / rows;
  state.counters["count ns/row"] = Nanoseconds(counting).count() / rows;
  state.counters["cost"] = Nanoseconds(counting).count() / Nanoseconds(making).count();
}

void Run(benchmark::State& state) {
  const auto plan = MakePlan(state);
  Statistics statistics(plan->world());
  SeenRows seen;
  seen.Resize(static_cast<size_t>(kRows));
  MakeAnd(state, *plan, [&](const Columns& columns, int64_t /*row*/) {
    seen.Take(columns, 0, static_cast<size_t>(kRows));
    statistics.Add(seen);
  });
}

void Figures(benchmark::State& state) {
  const auto plan = MakePlan(state);
  RowFeed feed(plan.get());
  MadeRows made;
  MakeAnd(state, *plan, [&](const Columns& columns, int64_t row) {
    made.Take(*plan, columns, row, static_cast<size_t>(kRows));
    feed.Take(made);
  });
}

void Worlds(benchmark::internal::Benchmark* bench) {
  bench->Args({500, 1000, 10'000'000})->Args({100'000, 50'000, 10'000'000});
}
BENCHMARK(Run)->Apply(Worlds);
BENCHMARK(Figures)->Apply(Worlds);

}  // namespace
}  // namespace throng

BENCHMARK_MAIN();
