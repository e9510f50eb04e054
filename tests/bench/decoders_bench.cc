// Nanoseconds a row of the decoders of typed data, over what the formats of the same name wrote of
// 65 536 rows of the four columns of interactions, and of encoding these.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/formats/driven_decoder.h"
#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

constexpr size_t kRows = 65'536;
constexpr size_t kBlock = 16'384;
constexpr size_t kChunk = 1 << 20;  // as the source `file` gives

const Table& Interactions() {
  static const Table kTable("interactions", [] {
    std::mt19937_64 random(42);
    std::vector<int64_t> user(kRows);
    std::vector<int64_t> item(kRows);
    std::vector<int32_t> rating(kRows);
    std::vector<int64_t> time(kRows);
    int64_t now = 1'704'067'200'000;
    for (size_t i = 0; i < kRows; ++i) {
      user[i] = static_cast<int64_t>(random() % 500);
      item[i] = static_cast<int64_t>(random() % 1000);
      rating[i] = static_cast<int32_t>(100 + 50 * (random() % 9));
      time[i] = now += static_cast<int64_t>(random() % 103'680);
    }
    return InteractionColumns(user, item, rating, time);
  }());
  return kTable;
}

struct Case {
  const char* name;
  const char* file;  // of the plugin
  std::map<std::string, std::string> options;
  uint32_t mode;
};

void Count(benchmark::State& state) {
  state.counters["s/row"] =
      benchmark::Counter(static_cast<double>(kRows) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Decode(benchmark::State& state, const Case& c) {
  const Table& table = Interactions();
  LoadedFormat format(c.file, c.options);
  const throng_destination destination = table.Destination(c.mode, "rows");
  DrivenDecoder decoder(DecoderIn(c.file));
  decoder.keeps_rows = false;
  if (c.mode == THRONG_RECORDS_STREAM) {
    const std::string stream = format.Stream(table, destination, kBlock);
    for (auto _ : state) {
      if (decoder.Stream(stream, kChunk).code != THRONG_OK || decoder.rows() != kRows) abort();
    }
    return Count(state);
  }
  format.Begin(destination);
  const std::vector<std::pair<std::string, std::string>> records = format.Messages(table);
  std::vector<throng_message> messages;
  for (const auto& [key, value] : records) {
    messages.emplace_back().value = {value.data(), value.size()};
  }
  for (auto _ : state) {
    if (decoder.Messages(messages).code != THRONG_OK || decoder.rows() != kRows) abort();
  }
  Count(state);
}

void Encode(benchmark::State& state, const Case& c) {
  const Table& table = Interactions();
  LoadedFormat format(c.file, c.options);
  const throng_destination destination = table.Destination(c.mode, "rows");
  format.Begin(destination);
  std::vector<uint32_t> key_end(kBlock);
  std::vector<uint32_t> value_end(kBlock);
  for (auto _ : state) {
    for (size_t first = 0; first < kRows; first += kBlock) {
      const std::vector<const void*> columns = table.At(first);
      format.Rewind();
      format.Encode({.struct_size = sizeof(throng_block),
                     .rows = kBlock,
                     .first_row = static_cast<int64_t>(first),
                     .columns = columns.data(),
                     .key_end = key_end.data(),
                     .value_end = value_end.data()});
    }
  }
  Count(state);
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  const throng::Case cases[] = {
      {"avro", THRONG_AVRO_PLUGIN, {}, THRONG_RECORDS_STREAM},
      {"avro_snappy", THRONG_AVRO_PLUGIN, {{"codec", "snappy"}}, THRONG_RECORDS_STREAM},
      {"avro_zstandard", THRONG_AVRO_PLUGIN, {{"codec", "zstandard"}}, THRONG_RECORDS_STREAM},
      {"avro_deflate", THRONG_AVRO_PLUGIN, {{"codec", "deflate"}}, THRONG_RECORDS_STREAM},
      {"avro_messages", THRONG_AVRO_PLUGIN, {}, THRONG_RECORDS_MESSAGES},
      {"protobuf_messages", THRONG_PROTOBUF_PLUGIN, {}, THRONG_RECORDS_MESSAGES},
  };
  for (const throng::Case& c : cases) {
    benchmark::RegisterBenchmark((std::string("decode_") + c.name).c_str(), throng::Decode, c);
    benchmark::RegisterBenchmark((std::string("encode_") + c.name).c_str(), throng::Encode, c);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
