// Protobuf messages, with the id of their schema in a registry before them, or bare.
#include "plugins/formats/protobuf/record.h"
#include "plugins/formats/protobuf/schema.h"
#include "plugins/formats/record.h"
#include "plugins/formats/registry/messages.h"
#include "plugins/formats/registry/registry.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Protobuf {
 public:
  struct Options : RegistryOptions {};
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return RegistryOptions::AddTo<Options>({});
  }
  static void Validate(const Options& options) { options.ValidateRegistry(); }
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;

  Protobuf(const Options& options, const Host& host)
      : options_(options), registry_(options_, host) {}

  Prologue Begin(const throng_destination& destination) {
    const throng_schema& schema = *destination.schema;
    const std::string text = ProtobufSchema(schema);
    record_ = ProtobufRecord(schema);
    key_ = KeyOf(destination);
    const Registration registration =
        registry_.Register({"PROTOBUF", text, FullRecordName(schema)}, destination);
    // After a schema's id stands which of its messages it is: a zero byte for the first.
    const std::string index(registration.header.empty() ? 0 : 1, '\0');
    header_ = FixedText(registration.header + index);
    return {.bytes = "", .cut_rows = 0, .state = registration.state};
  }

  void Encode(const throng_block& block, Buffer& out) {
    EncodeMessages(block, key_, header_, record_, out);
  }

 private:
  const Options options_;
  const SchemaRegistry registry_;
  FixedText header_;
  ProtobufRecord record_;
  Record key_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("protobuf", THRONG_VERSION, "Protobuf messages.",
              throng::Format<throng::plugins::Protobuf>("protobuf", "A Protobuf message per row."))
