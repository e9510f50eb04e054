// Parquet files, arbitrarily broken.
#include "plugins/formats/parquet/decoder.h"
#include "tests/fuzz/file_in_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  static const throng_component kParquet =
      throng::Decoder<throng::plugins::ParquetDecoder>("parquet", "Parquet.");
  throng::TryFileInParts(kParquet, data, size);
  return 0;
}
