// Nanoseconds a row of each stage of generation for the preset `seed`, of all of them together, and
// of counting statistics, on one thread: the world of the seed job, a large one, and a plan of a
// thousand million rows. And of what other presets have instead: clocks, and the sort of a block.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "server/control/start_up.h"
#include "server/dataset/plan.h"
#include "server/dataset/statistics.h"
#include "server/host/behaviours.h"
#include "server/host/catalogue.h"
#include "server/host/option_values.h"
#include "server/spec/reader.h"

namespace throng {
namespace {

constexpr int64_t kRows = Generator::kBatchRows;
constexpr int64_t kBatches = 8;  // that a stage goes through, so that no row is learnt by heart

const Catalogue& Plugins() {
  static const absl::StatusOr<Catalogue> kCatalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER});
  return kCatalogue.value();
}

const Environment& Quiet() {
  static const Environment kEnvironment;
  return kEnvironment;
}

std::unique_ptr<Plan> MakePlan(const benchmark::State& state,
                               const std::string& dataset = "preset: seed") {
  const SpecLayer layer{"bench", "dataset: {" + dataset +
                                     ", interactions: " + std::to_string(state.range(2)) +
                                     ", world: {users: " + std::to_string(state.range(0)) +
                                     ", items: " + std::to_string(state.range(1)) +
                                     "}}\noutputs: [{format: {component: csv}, sink: {component: "
                                     "'null'}}]\n"};
  Problems problems;
  const std::optional<v1::RunSpec> spec = ReadSpec(std::span(&layer, 1), &problems);
  auto plan = spec ? PlanDataset(spec->dataset(), Plugins(), Quiet(), 0, &problems) : nullptr;
  if (plan == nullptr) {
    fprintf(stderr, "%s", ToString(problems).c_str());
    abort();
  }
  return plan;
}

// Batches of a plan's first rows, filled.
class Batches {
 public:
  explicit Batches(const Plan& plan) : columns_(kRows * kBatches) {
    if (!(*plan.MakeGenerator())->Fill(0, kRows * kBatches, &columns_, 0).ok()) abort();
  }
  throng_batch Next() {
    const int64_t at = next_++ % kBatches * kRows;
    throng_batch batch = columns_.At(static_cast<size_t>(at));
    batch.rows = kRows;
    batch.first_row = at;
    batch.epoch_row = at;
    return batch;
  }

 private:
  Columns columns_;
  int64_t next_ = 0;
};

void Count(benchmark::State& state) {
  state.counters["time/row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kRows),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Grid(benchmark::State& state) {
  const Permutation grid(static_cast<uint64_t>(state.range(2)), 42);
  std::vector<int64_t> k(kRows);
  uint64_t first = 0;
  for (auto _ : state) {
    grid.MapRange(first, k);
    first = (first + kRows) % static_cast<uint64_t>(state.range(2) - kRows);
    benchmark::DoNotOptimize(k.data());
  }
  Count(state);
}

void Stage(benchmark::State& state, size_t role, const std::string& fields = "preset: seed") {
  const auto plan = MakePlan(state, fields);
  Batches batches(*plan);
  const Component& component = *ComponentsOf(*plan)[role];
  const std::string name(RoleName(component.role));
  Problems problems;
  const v1::DatasetSpec& spec = plan->spec();
  const v1::Component* const chosen[] = {&spec.activity(), &spec.clock(), &spec.choice(),
                                         &spec.rating()};
  const auto& texts = chosen[role]->options();
  const OptionValues options =
      OptionValues::Parse(component, {texts.begin(), texts.end()}, name, 0, &problems);
  std::vector<throng_kind> kinds;
  for (const KindRows& kind : plan->kinds()) {
    kinds.push_back({sizeof(throng_kind), kind.name.c_str(), kind.rows});
  }
  std::vector<const throng_kind*> kind_pointers;
  kind_pointers.reserve(kinds.size());
  for (const throng_kind& kind : kinds) kind_pointers.push_back(&kind);
  throng_dataset dataset{};
  dataset.struct_size = sizeof dataset;
  dataset.kinds_count = static_cast<uint32_t>(kinds.size());
  dataset.kinds = kind_pointers.data();
  dataset.key = DeriveKey(plan->spec().seed(), name);
  dataset.plan_size = plan->spec().plan_size();
  dataset.world = &plan->world();
  const auto behaviour = PluginBehaviour::Create(component, Quiet(), dataset, options.values());
  for (auto _ : state) {
    if (!(*behaviour)->Fill(batches.Next()).ok()) abort();
  }
  Count(state);
}

void UserNumber(benchmark::State& state) {
  const auto plan = MakePlan(state);
  Batches batches(*plan);
  std::vector<int64_t> number(kRows);
  for (auto _ : state) {
    plan->world().user_number(plan->world().self, batches.Next().user, number.data(), kRows);
    benchmark::DoNotOptimize(number.data());
  }
  Count(state);
}

void ItemNumber(benchmark::State& state) {
  const auto plan = MakePlan(state);
  Batches batches(*plan);
  std::vector<int64_t> number(kRows);
  for (auto _ : state) {
    plan->world().item_number(plan->world().self, batches.Next().item, number.data(), kRows);
    benchmark::DoNotOptimize(number.data());
  }
  Count(state);
}

// Of rows at random, whose times lie within an hour, with all columns that are there by then.
void SortByTime(benchmark::State& state) {
  const auto rows = static_cast<size_t>(state.range(0));
  Columns columns(rows);
  std::vector<int64_t> times(rows);
  for (size_t i = 0; i < rows; ++i) times[i] = static_cast<int64_t>(Hash(1, i) % 3'600'000);
  for (auto _ : state) {
    columns.time = times;
    columns.SortByTime(0, rows);
    benchmark::DoNotOptimize(columns.time.data());
  }
  state.counters["time/row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(rows),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Everything: grid, behaviours, the host's checks, numbers.
void Generate(benchmark::State& state, const std::string& fields) {
  const auto plan = MakePlan(state, fields);
  const auto generator = *plan->MakeGenerator();
  Columns columns(kRows);
  std::vector<int64_t> number(kRows);
  const throng_world& world = plan->world();
  int64_t first = 0;
  for (auto _ : state) {
    if (!generator->Fill(first, kRows, &columns, 0).ok()) abort();
    world.user_number(world.self, columns.user.data(), number.data(), kRows);
    benchmark::DoNotOptimize(number.data());
    world.item_number(world.self, columns.item.data(), number.data(), kRows);
    benchmark::DoNotOptimize(number.data());
    first = (first + kRows) % (state.range(2) - kRows);
  }
  Count(state);
}

// A block from anywhere, with all tables planned anew.
void AnyBlock(benchmark::State& state) {
  const auto plan = MakePlan(state, "preset: shop");
  Columns columns(1);
  uint64_t i = 0;
  for (auto _ : state) {
    const auto generator = plan->MakeGenerator();
    const uint64_t row = MultiplyHigh(Hash(42, i++), static_cast<uint64_t>(state.range(2)));
    if (!(*generator)->Fill(static_cast<int64_t>(row), 1, &columns, 0).ok()) abort();
  }
}

// What the writer does for the statistics block.
void CountStatistics(benchmark::State& state) {
  const auto plan = MakePlan(state);
  Batches batches(*plan);
  Statistics statistics(plan->world());
  for (auto _ : state) {
    state.PauseTiming();
    const throng_batch batch = batches.Next();
    const std::vector<uint32_t> user(batch.user, batch.user + kRows);
    const std::vector<uint32_t> item(batch.item, batch.item + kRows);
    state.ResumeTiming();
    statistics.Add(user, item, {batch.rating, kRows}, {batch.time, kRows});
  }
  Count(state);
}

void Worlds(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"users", "items", "rows"})
      ->Args({500, 1'000, 50'000})
      ->Args({1'000'000, 100'000, 10'000'000})
      ->Args({1'000'000, 100'000, 1'000'000'000});
}

BENCHMARK(Grid)->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, activity, size_t{0})->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, clock, size_t{1})->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, clock_diurnal, size_t{1}, "preset: seed, clock: {component: diurnal}")
    ->Apply(Worlds);
BENCHMARK(SortByTime)->Arg(4096)->Arg(65'408);
BENCHMARK_CAPTURE(Stage, choice, size_t{2})->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, rating, size_t{3})->Apply(Worlds);
BENCHMARK(UserNumber)->Apply(Worlds);
BENCHMARK(ItemNumber)->Apply(Worlds);
BENCHMARK_CAPTURE(Generate, seed, "preset: seed")->Apply(Worlds);
BENCHMARK_CAPTURE(Generate, trace, "preset: trace")->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, shop_activity, size_t{0}, "preset: shop")->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, shop_clock, size_t{1}, "preset: shop")->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, shop_choice, size_t{2}, "preset: shop")->Apply(Worlds);
BENCHMARK_CAPTURE(Stage, shop_rating, size_t{3}, "preset: shop")->Apply(Worlds);
BENCHMARK_CAPTURE(Generate, shop, "preset: shop")->Apply(Worlds);
BENCHMARK(AnyBlock)
    ->ArgNames({"users", "items", "rows"})
    ->Args({500, 1'000, 50'000})
    ->Args({1'000'000'000, 10'000'000, 100'000'000'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(CountStatistics)->Apply(Worlds);

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  throng::KeepMemory();  // as throng-worker does
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
