// Avro: object container files, or messages that are the body of a record.
//
// A file is a header with the schema, then blocks of records, each with a sync marker behind it.
// Blocks end at fixed rows and the marker derives from the dataset's fingerprint, so that the bytes
// depend on nothing else. A message has the id of its schema in a registry before it, or nothing:
// whoever sends it then says what its schema is.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plugins/formats/avro/decoder.h"
#include "plugins/formats/avro/record.h"
#include "plugins/formats/avro/schema.h"
#include "plugins/formats/compression/compressor.h"
#include "plugins/formats/record.h"
#include "plugins/formats/registry/messages.h"
#include "plugins/formats/registry/registry.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// Rows of a block: 0.4 MB of interactions, large enough for a write and small enough for a cache.
constexpr uint32_t kBlockRows = 16'384;
constexpr size_t kSyncBytes = 16;
constexpr const char* kCodecNames[] = {"null", "deflate", "snappy", "zstandard"};  // as Codec

// Avro's int and long, and a string: its size, then its bytes.
std::string AvroVarint(size_t value) {
  char bytes[kMaxVarint];
  return {bytes, WriteZigzag(static_cast<int64_t>(value), bytes)};
}
std::string AvroString(std::string_view text) {
  return AvroVarint(text.size()) + std::string(text);
}

class Avro {
 public:
  struct Options : RegistryOptions {
    Codec codec = Codec::kNone;
    std::optional<KeyFormat> key_format;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return RegistryOptions::AddTo<Options>(
        {Option<&Options::codec>("codec", "How the blocks of a file are compressed.")
             .Choices({std::begin(kCodecNames), std::end(kCodecNames)})
             .Identity(),
         Option<&Options::key_format>("key_format",
                                      "How keys of messages are encoded; unset: text.")
             .Choices({"text", "avro"})
             .Identity()});
  }
  static void Validate(const Options& options) { options.ValidateRegistry(); }
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  Avro(const Options& options, const Host& host)
      : options_(options), registry_(options_, host), compressor_(options.codec) {}

  Prologue Begin(const throng_destination& destination) {
    const throng_schema& schema = *destination.schema;
    record_ = AvroRecord(schema);
    is_messages_ = destination.mode == THRONG_RECORDS_MESSAGES;
    if (is_messages_) {
      const bool has_key = HasTypedKey(options_.key_format, destination);
      std::optional<MessageSchema> key_schema;
      if (has_key) {
        const std::string text = AvroSchema(*schema.columns[destination.key_column]);
        key_schema = {"AVRO", text, text, ""};
      }
      const Registration registration = registry_.Register(
          {"AVRO", AvroSchema(schema), AvroSchema(schema, Docs::kWrite), FullRecordName(schema)},
          key_schema, destination);
      if (has_key) {
        key_ = TypedKey<AvroRecord>(destination, registration.key_header);
      } else {
        key_ = KeyOf(destination);
      }
      header_ = FixedText(registration.header);
      return {.bytes = "", .cut_rows = 0, .state = registration.state};
    }
    RefuseKeysOfFiles(options_.key_format);
    registry_.RefuseFiles();
    sync_ = View(destination.fingerprint).substr(0, kSyncBytes);
    const std::string codec = kCodecNames[static_cast<size_t>(options_.codec)];
    return {.bytes = "Obj\x01" + AvroVarint(2) + AvroString("avro.codec") + AvroString(codec) +
                     AvroString("avro.schema") + AvroString(AvroSchema(schema)) + AvroVarint(0) +
                     sync_,
            .cut_rows = kBlockRows,
            .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    if (!is_messages_) return EncodeBlock(block, out);
    std::visit([&](auto& key) { EncodeMessages(block, key, header_, record_, out); }, key_);
  }

 private:
  // The number of records, the size of their bytes, these, and the sync marker.
  void EncodeBlock(const throng_block& block, Buffer& out) {
    out.Append(AvroVarint(block.rows));
    out.EndAt(out.Reserve(kMaxVarint) + gap_);
    const size_t records_at = out.size();
    if (options_.codec == Codec::kNone) {
      char* const records = out.Reserve(record_.MaxSize(block.rows));
      out.EndAt(record_.Write(block, 0, block.rows, records));
    } else {
      plain_.resize(std::max(plain_.size(), record_.MaxSize(block.rows)));
      const char* const end = record_.Write(block, 0, block.rows, plain_.data());
      compressor_.Compress({plain_.data(), static_cast<size_t>(end - plain_.data())}, out);
    }
    const size_t size = out.size() - records_at;
    const std::string size_text = AvroVarint(size);
    char* const end = out.Reserve(kMaxVarint + kSyncBytes);
    char* const start = end - size - gap_;  // of the size
    if (size_text.size() != gap_) std::memmove(start + size_text.size(), start + gap_, size);
    gap_ = size_text.size();
    std::memcpy(start, size_text.data(), gap_);
    out.EndAt(start + gap_ + size);
    out.Append(sync_);
  }

  const Options options_;
  const SchemaRegistry registry_;
  Compressor compressor_;
  bool is_messages_ = false;
  AvroRecord record_;
  std::variant<Record, TypedKey<AvroRecord>> key_;
  FixedText header_;  // of messages
  std::string sync_;
  std::string plain_;  // records before they are compressed
  // Bytes kept free for the size of a block, which stands before it: as many as the last one took.
  // Where it takes others, the block moves.
  size_t gap_ = 3;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("avro", THRONG_VERSION, "Avro files and messages.",
              throng::Format<throng::plugins::Avro>("avro",
                                                    "A record per row, in Avro's binary encoding."),
              throng::Decoder<throng::plugins::AvroDecoder>(
                  "avro", "Avro files of any schema, and messages, with a registry or without."))
