// Avro read back: object container files, or messages that are the body of a record.
#include "plugins/formats/avro/decoder.h"

#include <utility>

namespace throng::plugins {
namespace {

// That of messages with the four columns of interactions.
constexpr char kInteraction[] =
    R"({"type":"record","name":"Interaction","namespace":"throng.v1","fields":[)"
    R"({"name":"user_id","type":"string"},{"name":"item_id","type":"string"},)"
    R"({"name":"rating","type":"double"},)"
    R"({"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}]})";

}  // namespace

std::vector<OptionOf<AvroDecoder::Options>> AvroDecoder::DeclareOptions() {
  std::vector<OptionOf<Options>> options = {
      RegistryConnection::DeclareUrl<Options>(),
      Option<&Options::schema>("schema",
                               "The Avro schema (JSON) of messages without the id of one; empty: "
                               "that of user_id, item_id, rating and timestamp."),
  };
  RegistryConnection::AddCredentialsTo(&options);
  return options;
}

void AvroDecoder::Validate(const Options& options) {
  options.ValidateRegistry();
  if (options.schema.empty()) return;
  try {
    FoundColumns none;
    const MessageReader reader(options.schema, "schema", &none);
  } catch (const Error& error) {
    throw Error(THRONG_INVALID_ARGUMENT, "schema cannot be used: " + std::string(error.what()),
                "schema");
  }
}

AvroDecoder::AvroDecoder(const Options& options, const Host& host)
    : options_(options), schemas_("AVRO", options_, host) {}

void AvroDecoder::Begin(const throng_origin& origin) {
  file_.reset();
  columns_.Begin(origin);
  if (origin.mode == THRONG_RECORDS_STREAM) {
    file_ = std::make_unique<AvroFileReader>(origin.name, &columns_);
    return;
  }
  bare_.reset();
  schemas_.Begin([this](const std::string& text, const std::string& name) {
    return std::make_unique<MessageReader>(text, name, &columns_);
  });
}

void AvroDecoder::Decode(const throng_input& input, throng_decoded& decoded) {
  columns_.Start(&decoded);
  if (file_) return file_->Decode(input, decoded.capacity);
  DecodeMessages(input, decoded.capacity, &columns_,
                 [this](std::string_view value, size_t row) { return ReadMessage(value, row); });
}

MessageResult AvroDecoder::ReadMessage(std::string_view value, size_t row) {
  const auto framed = UnframeMessage(value);
  MessageReader* reader = nullptr;
  if (options_.registry) {
    if (!framed) {
      return {.is_row = false,
              .reason = "the message does not begin with the id of a schema; leave registry out"};
    }
    const auto& entry = schemas_.Find(framed->id);
    if (!entry.reader) return {.is_row = false, .reason = entry.reason};
    reader = entry.reader.get();
    value = framed->body;
  } else {
    if (!bare_) {
      bare_ = std::make_unique<MessageReader>(
          options_.schema.empty() ? kInteraction : options_.schema,
          options_.schema.empty() ? "throng.v1.Interaction" : "schema", &columns_);
    }
    reader = bare_.get();
  }
  AvroBytes bytes = {value.data(), value.data() + value.size()};
  const AvroRecordReader::Result result = reader->records.Read(&bytes, row);
  const bool is_row = result == AvroRecordReader::Result::kRow;
  if (is_row && bytes.left() == 0) return {};
  std::string reason;
  if (!is_row) reason = reader->records.reason();
  if (is_row) reason = "the message goes on after its record";
  if (!options_.registry && framed) {
    reason += "; it may have the id of a schema: give registry";
  } else if (!options_.registry && options_.schema.empty()) {
    reason += "; give the schema of these messages by schema or registry";
  }
  return {.is_row = false,
          .wanted = is_row ? FoundColumns::kRecord : reader->records.wanted(),
          .reason = std::move(reason)};
}

}  // namespace throng::plugins
