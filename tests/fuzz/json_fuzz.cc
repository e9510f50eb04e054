// The decoder `json`, of streams and of messages.
#include "plugins/formats/json/decoder.h"
#include "tests/fuzz/decoder_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  static const throng_component kComponent = throng::plugins::JsonDecoder();
  throng::FuzzedDecoder decoder(kComponent);
  throng::FuzzStream(&decoder, data, size);
  decoder.Messages({reinterpret_cast<const char*>(data), size});
  return 0;
}
