// Messages in Avro and Protobuf, and schemas that registries may have, arbitrarily broken. The
// first byte chooses what the others are.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/formats/avro/decoder.h"
#include "plugins/formats/protobuf/decoder.h"
#include "plugins/formats/protobuf/proto_file.h"
#include "tests/plugins/formats/driven_decoder.h"

namespace throng {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// A message is a row or damaged.
void Take(const throng_component& component, const std::string& message,
          const std::map<std::string, std::string>& options = {}) {
  DrivenDecoder decoder(component, options);
  if (!decoder.refusal.empty()) return;
  const Decoding found = decoder.Messages({message, std::nullopt, message});
  if (found.code != THRONG_OK) {
    Require(!found.message.empty());
    return;
  }
  Require(found.rows.size() + found.damages.size() == 3);
  Require(found.rows.size() != 1);
}

// Up to a byte 0 a schema, then a message of it.
void TakeWithSchema(const throng_component& avro, std::string_view bytes) {
  const size_t end = bytes.find('\0');
  if (end == std::string_view::npos) return;
  Take(avro, std::string(bytes.substr(end + 1)), {{"schema", std::string(bytes.substr(0, end))}});
}

void ParseProto(std::string_view text) {
  try {
    plugins::ParseProtoFile(text);
  } catch (const Error& error) {
    Require(error.code() == THRONG_DATA_LOSS);
  }
}

}  // namespace
}  // namespace throng

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  static const throng_component kAvro = throng::Decoder<throng::plugins::AvroDecoder>("avro", "A.");
  static const throng_component kProtobuf =
      throng::Decoder<throng::plugins::ProtobufDecoder>("protobuf", "P.");
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      throng::Take(kAvro, std::string(bytes));
      break;
    case 1:
      throng::Take(kProtobuf, std::string(bytes));
      break;
    case 2:
      throng::TakeWithSchema(kAvro, bytes);
      break;
    default:
      throng::ParseProto(bytes);
  }
  return 0;
}
