// Protobuf messages, with the id of their schema in a registry before them, or bare.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plugins/formats/protobuf/decoder.h"
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
  struct Options : RegistryOptions {
    std::optional<KeyFormat> key_format;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return RegistryOptions::AddTo<Options>(
        {Option<&Options::key_format>("key_format", "How keys are encoded; unset: text.")
             .Choices({"text", "protobuf"})
             .Identity()});
  }
  static void Validate(const Options& options) { options.ValidateRegistry(); }
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;

  Protobuf(const Options& options, const Host& host)
      : options_(options), registry_(options_, host) {}

  Prologue Begin(const throng_destination& destination) {
    const throng_schema& schema = *destination.schema;
    record_ = ProtobufRecord(schema);
    const std::string message = RecordName(schema);
    const bool has_key = HasTypedKey(options_.key_format, destination);
    std::optional<MessageSchema> key_schema;
    if (has_key) key_schema = SchemaOf(KeySchema(destination), message + "Key");
    const Registration registration =
        registry_.Register(SchemaOf(schema, message), key_schema, destination);
    header_ = FixedText(Header(registration.header));
    if (has_key) {
      key_ = TypedKey<ProtobufRecord>(destination, Header(registration.key_header));
    } else {
      key_ = KeyOf(destination);
    }
    return {.bytes = "", .cut_rows = 0, .state = registration.state};
  }

  void Encode(const throng_block& block, Buffer& out) {
    std::visit([&](auto& key) { EncodeMessages(block, key, header_, record_, out); }, key_);
  }

 private:
  static MessageSchema SchemaOf(const throng_schema& schema, const std::string& message) {
    return {"PROTOBUF", ProtobufSchema(schema, message),
            ProtobufSchema(schema, message, Docs::kWrite), std::string(kNamespace) + "." + message};
  }
  // After a schema's id stands which of its messages it is: a zero byte for the first.
  static std::string Header(const std::string& id) {
    return id + std::string(id.empty() ? 0 : 1, '\0');
  }

  const Options options_;
  const SchemaRegistry registry_;
  FixedText header_;
  ProtobufRecord record_;
  std::variant<Record, TypedKey<ProtobufRecord>> key_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("protobuf", THRONG_VERSION, "Protobuf messages.",
              throng::Format<throng::plugins::Protobuf>("protobuf", "A Protobuf message per row."),
              throng::Decoder<throng::plugins::ProtobufDecoder>(
                  "protobuf", "Messages of throng.v1.Interaction, or as a registry has them."))
