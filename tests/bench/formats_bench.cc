// Nanoseconds a row of each format over blocks of 16 384 rows (of Parquet row groups of 131 072) of
// the four columns of interactions, or of these and the extra ones (`_wide`), for the world of the
// seed job (500 x 1000) and a large one (1 000 000 x 100 000).
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

constexpr size_t kUsualRows = 16384;
constexpr size_t kGroupRows = 131072;

Table Interactions(size_t rows, int64_t users, int64_t items, bool is_wide) {
  std::mt19937_64 random(42);
  std::vector<int64_t> user(rows);
  std::vector<int64_t> item(rows);
  std::vector<int32_t> rating(rows);
  std::vector<int64_t> time(rows);
  int64_t now = 1704067200000;
  for (size_t i = 0; i < rows; ++i) {
    user[i] = static_cast<int64_t>(random() % static_cast<uint64_t>(users));
    item[i] = static_cast<int64_t>(random() % static_cast<uint64_t>(items));
    rating[i] = static_cast<int32_t>(100 + 50 * (random() % 9));
    now += static_cast<int64_t>(random() % 103680);  // 30 days for 50 000 rows
    time[i] = now;
  }
  std::vector<TableColumn> columns = InteractionColumns(user, item, rating, time);
  columns[0].id_count = users;
  columns[1].id_count = items;
  if (is_wide) {
    std::vector<int64_t> row(rows);
    std::iota(row.begin(), row.end(), int64_t{1'000'000});
    std::vector<int32_t> label(rows);
    for (int32_t& index : label) index = static_cast<int32_t>(random() % 3);
    const std::vector<std::string> labels = {"preferred", "popular", "random"};
    columns.push_back({THRONG_COLUMN_INT64, "interaction_id", row, "", {}, true});
    for (const char* name : {"kind", "cluster", "category"}) {
      columns.push_back({THRONG_COLUMN_LABEL, name, label, "", labels, true});
    }
  }
  return Table("interactions", std::move(columns));
}

struct Case {
  const char* name;
  const char* file;  // of the plugin
  std::map<std::string, std::string> options;
  uint32_t mode;
  const char* place;
  bool is_wide = false;
  size_t rows = kUsualRows;
};

Case Parquet(const char* name, const char* codec, bool is_wide = false) {
  return {
      name,      THRONG_PARQUET_PLUGIN, {{"codec", codec}}, THRONG_RECORDS_STREAM, "rows", is_wide,
      kGroupRows};
}

void Encode(benchmark::State& state, const Case& c) {
  const size_t rows = c.rows;
  const Table table = Interactions(rows, state.range(0), state.range(1), c.is_wide);
  LoadedFormat format(c.file, c.options);
  throng_destination destination = table.Destination(c.mode, c.place);
  if (c.mode == THRONG_RECORDS_MESSAGES) destination.key_column = 0;
  format.Begin(destination);
  const std::vector<const void*> columns = table.At(0);
  std::vector<uint32_t> key_end(rows);
  std::vector<uint32_t> value_end(rows);
  const throng_block block = {.struct_size = sizeof(throng_block),
                              .rows = static_cast<uint32_t>(rows),
                              .first_row = kGroupRows,
                              .columns = columns.data(),
                              .key_end = key_end.data(),
                              .value_end = value_end.data()};
  for (auto _ : state) {
    format.Rewind();
    format.Encode(block);
    benchmark::DoNotOptimize(format.buffer().data());
  }
  const double encoded = static_cast<double>(rows) * static_cast<double>(state.iterations());
  state.counters["s/row"] =
      benchmark::Counter(encoded, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/row"] =
      static_cast<double>(format.buffer().size()) / static_cast<double>(rows);
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  const throng::Case cases[] = {
      {"csv", THRONG_CSV_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.csv"},
      {"csv_wide", THRONG_CSV_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.csv", true},
      {"csv_movielens",
       THRONG_CSV_PLUGIN,
       {{"delimiter", "tab"}, {"header", "false"}, {"timestamp", "epoch_seconds"}},
       THRONG_RECORDS_STREAM,
       "u.data"},
      {"csv_gzip", THRONG_CSV_PLUGIN, {{"compression", "gzip"}}, THRONG_RECORDS_STREAM, "rows"},
      {"csv_zstd", THRONG_CSV_PLUGIN, {{"compression", "zstd"}}, THRONG_RECORDS_STREAM, "rows"},
      {"libsvm", THRONG_LIBSVM_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.libsvm"},
      {"json_indent", THRONG_JSON_PLUGIN, {{"indent", "2"}}, THRONG_RECORDS_STREAM, "rows.json"},
      {"json_connect",
       THRONG_JSON_PLUGIN,
       {{"envelope", "connect"}},
       THRONG_RECORDS_STREAM,
       "rows.jsonl"},
      {"json_document", THRONG_JSON_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.json"},
      {"json_lines", THRONG_JSON_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.jsonl"},
      {"json_lines_wide", THRONG_JSON_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.jsonl", true},
      {"json_messages", THRONG_JSON_PLUGIN, {}, THRONG_RECORDS_MESSAGES, "topic"},
      {"avro", THRONG_AVRO_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.avro"},
      {"avro_wide", THRONG_AVRO_PLUGIN, {}, THRONG_RECORDS_STREAM, "rows.avro", true},
      {"avro_messages", THRONG_AVRO_PLUGIN, {}, THRONG_RECORDS_MESSAGES, "topic"},
      {"protobuf_messages", THRONG_PROTOBUF_PLUGIN, {}, THRONG_RECORDS_MESSAGES, "topic"},
      {"protobuf_wide", THRONG_PROTOBUF_PLUGIN, {}, THRONG_RECORDS_MESSAGES, "topic", true},
      {"avro_deflate", THRONG_AVRO_PLUGIN, {{"codec", "deflate"}}, THRONG_RECORDS_STREAM, "rows"},
      {"avro_snappy", THRONG_AVRO_PLUGIN, {{"codec", "snappy"}}, THRONG_RECORDS_STREAM, "rows"},
      {"avro_zstandard",
       THRONG_AVRO_PLUGIN,
       {{"codec", "zstandard"}},
       THRONG_RECORDS_STREAM,
       "rows"},
      throng::Parquet("parquet", "none"),
      throng::Parquet("parquet_wide", "none", true),
      throng::Parquet("parquet_snappy", "snappy"),
      throng::Parquet("parquet_zstd", "zstd"),
  };
  for (const throng::Case& c : cases) {
    benchmark::RegisterBenchmark(c.name, throng::Encode, c)
        ->Args({500, 1000})
        ->Args({1000000, 100000});
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
