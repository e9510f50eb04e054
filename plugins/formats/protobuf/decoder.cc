// Protobuf messages read back.
#include "plugins/formats/protobuf/decoder.h"

#include <utility>

namespace throng::plugins {
namespace {

// Of throng.v1.Interaction; the types of ids are told by how they are encoded.
std::vector<ProtoField> OwnFields() {
  std::vector<ProtoField> fields;
  for (const char* name : {"user_id", "item_id", "rating", "timestamp", "interaction_id", "kind",
                           "cluster", "category", "session_id", "session_row"}) {
    fields.push_back(
        {.name = name,
         .number = static_cast<uint32_t>(fields.size() + 1),
         .type = std::string_view(name) == "timestamp" ? ProtoType::kTimestamp : ProtoType::kByWire,
         .is_optional = true,
         .is_number = false});
  }
  return fields;
}

}  // namespace

std::vector<OptionOf<ProtobufDecoder::Options>> ProtobufDecoder::DeclareOptions() {
  std::vector<OptionOf<Options>> options = {RegistryConnection::DeclareUrl<Options>()};
  RegistryConnection::AddCredentialsTo(&options);
  return options;
}

void ProtobufDecoder::Begin(const throng_origin& origin) {
  columns_.Begin(origin);
  own_.reset();
  has_reader_ = false;
  schemas_.Begin([](const std::string& text, const std::string& name) {
    auto schema = std::make_unique<Schema>();
    schema->name = name;
    schema->messages = ParseProtoFile(text);
    return schema;
  });
}

void ProtobufDecoder::Decode(const throng_input& input, throng_decoded& decoded) {
  columns_.Start(&decoded);
  DecodeMessages(input, decoded.capacity, &columns_,
                 [this](std::string_view value, size_t row) { return ReadMessage(value, row); });
}

// The number of places in the path, then these, each zigzag; none is the first message.
bool ProtobufDecoder::TakePath(std::string_view* bytes, Path* path) {
  constexpr uint64_t kDeepest = 64;
  const auto take = [bytes](uint64_t* value) {
    if (!TakeProtoVarint(bytes, value) || (*value & 1) != 0) return false;
    *value >>= 1;
    return true;
  };
  uint64_t count = 0;
  if (!take(&count) || count > kDeepest) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t place = 0;
    if (!take(&place)) return false;
    path->push_back(place);
  }
  if (path->empty()) path->push_back(0);
  return true;
}

const ProtobufDecoder::MessageOfSchema& ProtobufDecoder::ReaderOf(Schema* schema,
                                                                  const Path& path) {
  const auto found = schema->readers.find(path);
  if (found != schema->readers.end()) return found->second;
  constexpr size_t kMost = 1000;
  if (schema->readers.size() >= kMost) schema->readers.clear();
  return schema->readers.emplace(path, MakeReader(*schema, path)).first->second;
}

ProtobufDecoder::MessageOfSchema ProtobufDecoder::MakeReader(const Schema& schema,
                                                             const Path& path) {
  const std::vector<ProtoMessage>* messages = &schema.messages;
  const ProtoMessage* message = nullptr;
  for (const size_t place : path) {
    if (place >= messages->size()) {
      return {nullptr, "the message is one that " + schema.name + " does not have"};
    }
    message = &(*messages)[place];
    messages = &message->messages;
  }
  try {
    MessageOfSchema made = {
        std::make_unique<ProtobufReader>(
            message->fields, "message " + message->name + " in " + schema.name, &columns_),
        ""};
    has_reader_ = true;
    return made;
  } catch (const Error& error) {
    if (error.code() != THRONG_NOT_FOUND || !has_reader_) throw;
    return {nullptr, error.what()};
  }
}

MessageResult ProtobufDecoder::ReadMessage(std::string_view value, size_t row) {
  const auto refuse = [](std::string reason) {
    return MessageResult{.is_row = false, .reason = std::move(reason)};
  };
  // No field has the number 0: a message that begins with a zero byte has the id of a schema.
  const auto framed = UnframeMessage(value);
  Path path;
  if (framed) {
    value = framed->body;
    if (!TakePath(&value, &path)) {
      return refuse("what stands behind the id of the message's schema is damaged");
    }
  }
  if (!options_.registry) {
    // Numbers are those of throng.v1.Interaction, whatever a registry has of them.
    if (!own_)
      own_ = std::make_unique<ProtobufReader>(OwnFields(), "throng.v1.Interaction", &columns_);
    return own_->Read(value, row);
  }
  if (!framed) {
    return refuse("the message does not begin with the id of a schema; leave registry out");
  }
  const auto& entry = schemas_.Find(framed->id);
  if (!entry.reader) return refuse(entry.reason);
  const MessageOfSchema& found = ReaderOf(entry.reader.get(), path);
  return found.reader ? found.reader->Read(value, row) : refuse(found.reason);
}

}  // namespace throng::plugins
