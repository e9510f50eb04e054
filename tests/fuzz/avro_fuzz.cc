// Avro files, arbitrarily broken.
#include "plugins/formats/avro/decoder.h"
#include "tests/fuzz/file_in_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  static const throng_component kAvro =
      throng::Decoder<throng::plugins::AvroDecoder>("avro", "Avro.");
  throng::TryFileInParts(kAvro, data, size);
  return 0;
}
