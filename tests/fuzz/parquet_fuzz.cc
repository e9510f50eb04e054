// Parquet files, arbitrarily broken: however they come, the same rows and damages come out. The
// first byte chooses how.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "plugins/formats/parquet/decoder.h"
#include "tests/plugins/formats/driven_decoder.h"

namespace throng {
namespace {

Decoding Decode(std::string_view file, size_t chunk, uint32_t capacity) {
  static const throng_component kParquet = Decoder<plugins::ParquetDecoder>("parquet", "Parquet.");
  DrivenDecoder decoder(kParquet);
  decoder.wanted[0].is_required = decoder.wanted[1].is_required = false;
  decoder.wanted.push_back({"kind", THRONG_FOUND_TEXT, false});
  decoder.capacity = capacity;
  return decoder.Stream(file, chunk);
}

}  // namespace
}  // namespace throng

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  const throng::Decoding whole = throng::Decode(file, file.size(), 4096);
  const throng::Decoding parts = throng::Decode(file, 1 + data[0] % 64, 1U + data[0] / 64U * 5U);
  const bool is_same = whole.code == parts.code && whole.rows == parts.rows &&
                       whole.damages == parts.damages && whole.offsets == parts.offsets;
  if (!is_same) std::abort();
  return 0;
}
