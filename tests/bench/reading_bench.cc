// Rows a second that are read back by one thread, of files in memory in each form that Throng
// writes them in, and of the same as other programs write them; beside it what their bytes alone
// cost.
//   reading_bench [ROWS]
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "server/control/status.h"
#include "server/delivery/run.h"
#include "server/inspection/row_reader.h"
#include "server/spec/reader.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

constexpr int kRounds = 3;

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

void Require(bool is_well, const std::string& what) {
  if (is_well) return;
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

struct Bench {
  Bench() {
    auto loaded = Catalogue::Load({THRONG_PLUGIN_FOLDER});
    Require(loaded.ok(), MessageOf(loaded.status()));
    catalogue = *std::move(loaded);
  }

  // Seconds that it took to write the rows.
  double Write(const std::string& path, const std::string& format, int64_t rows) {
    const std::string text = fmt::format(
        "{{dataset: {{preset: seed, size: production, seed: 42, interactions: {}}}, outputs: "
        "[{{format: {}, sink: {{component: file, options: {{path: {}}}}}}}]}}",
        rows, format, path);
    const SpecLayer layer{"bench", text};
    Problems problems;
    const auto spec = ReadSpec({&layer, 1}, &problems);
    Require(spec.has_value() && problems.empty(), ToString(problems));
    const auto begun = Clock::now();
    const auto run = Run::Create(*spec, catalogue, environment, 0, &problems);
    Require(problems.empty() && run != nullptr, ToString(problems));
    Require(run->Open(std::chrono::seconds(1)).ok(), "The output does not open.");
    run->Start(std::chrono::seconds(1));
    while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(10));
    return Seconds(begun);
  }

  // Seconds that it takes to read them, the least of some rounds.
  double Read(const std::string& path, int64_t rows) {
    double least = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      ReadRequest request;
      request.source.mutable_source()->set_component("file");
      (*request.source.mutable_source()->mutable_options())["path"] = path;
      const auto begun = Clock::now();
      auto reader = RowReader::Open(request, catalogue, environment);
      Require(reader.ok(), MessageOf(reader.status()));
      FoundRows found;
      int64_t count = 0;
      while (!found.is_end) {
        const absl::Status status = (*reader)->Next(1000, &found);
        Require(status.ok() && found.damages.empty(), MessageOf(status) + " or damages");
        count += static_cast<int64_t>(found.rows);
      }
      Require(count == rows, fmt::format("{} rows of {}", count, rows));
      least = std::min(least, Seconds(begun));
    }
    return least;
  }

  Catalogue catalogue;
  Environment environment;
};

double ReadBytes(const std::string& path) {
  std::vector<char> piece(size_t{1} << 20);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto begun = Clock::now();
  while (read(file, piece.data(), piece.size()) > 0) {
  }
  close(file);
  return Seconds(begun);
}

int Main(int argc, char** argv) {
  const int64_t rows = argc > 1 ? std::atoll(argv[1]) : 4'000'000;
  const ScratchFolder folder;
  Bench bench;
  const std::map<std::string, std::string> outputs = {
      {"rows.csv", "{component: csv}"},     {"rows.csv.gz", "{component: csv}"},
      {"rows.csv.zst", "{component: csv}"}, {"rows.jsonl", "{component: json}"},
      {"rows.json", "{component: json}"},   {"rows.jsonl.zst", "{component: json}"},
      {"rows.avro", "{component: avro}"},
  };
  fmt::print("{:<16} {:>14} {:>12} {:>16} {:>12}\n", "file", "M rows/s read", "MB",
             "of its writing", "bytes alone");
  for (const auto& [name, format] : outputs) {
    if (!bench.catalogue.Find(Role::kDecoder, format.substr(12, format.size() - 13)).ok()) continue;
    const std::string path = folder.path(name);
    const double written = bench.Write(path, format, rows);
    const double seconds = bench.Read(path, rows);
    fmt::print("{:<16} {:>14.2f} {:>12.0f} {:>16.2f} {:>12.2f}\n", name,
               static_cast<double>(rows) / seconds / 1e6,
               static_cast<double>(std::filesystem::file_size(path)) / 1e6, written / seconds,
               ReadBytes(path) / seconds);
    std::filesystem::remove(path);
  }
  return 0;
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) { return throng::Main(argc, argv); }
