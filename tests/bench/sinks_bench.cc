// Nanoseconds a row of each sink: writes of 16 384 rows of CSV, for the file with the hash, into
// memory where there is a file system for it, and without a commit.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

constexpr int64_t kRows = 16384;
constexpr int64_t kWrites = 256;  // to one file: 180 MB

void Write(benchmark::State& state, const char* library) {
  std::string rows;
  for (int64_t row = 0; row < kRows; ++row) {
    rows += "user_" + std::to_string(row % 500 + 1) + ",item_" + std::to_string(row % 1000 + 1) +
            ",3.5,2024-01-01T00:00:40Z\n";
  }
  std::unique_ptr<ScratchFolder> folder;
  std::unique_ptr<LoadedSink> sink;
  int64_t writes = 0;
  for (auto _ : state) {
    if (writes++ % kWrites == 0) {
      state.PauseTiming();
      sink.reset();
      folder = std::make_unique<ScratchFolder>();
      sink = std::make_unique<LoadedSink>(
          library, std::map<std::string, std::string>{{"path", folder->path("rows.csv")}});
      if (sink->Open().code != THRONG_OK) abort();
      state.ResumeTiming();
    }
    if (sink->Write(rows).code != THRONG_OK) abort();
  }
  state.counters["s/row"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(Write, null, THRONG_NULL_PLUGIN);
BENCHMARK_CAPTURE(Write, file, THRONG_FILE_PLUGIN);

}  // namespace
}  // namespace throng

BENCHMARK_MAIN();
