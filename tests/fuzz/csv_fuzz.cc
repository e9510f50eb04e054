// The decoder `csv`.
#include "plugins/formats/csv/decoder.h"
#include "tests/fuzz/decoder_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  static const throng_component kComponent = throng::plugins::CsvDecoder();
  throng::FuzzedDecoder decoder(kComponent);
  throng::FuzzStream(&decoder, data, size);
  return 0;
}
