// Protobuf messages read back.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/decoding/messages.h"
#include "plugins/formats/protobuf/message_reader.h"
#include "plugins/formats/protobuf/proto_file.h"
#include "plugins/formats/registry/message_schemas.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

class ProtobufDecoder {
 public:
  using Options = RegistryConnection;
  static std::vector<OptionOf<Options>> DeclareOptions();
  static void Validate(const Options& options) { options.ValidateRegistry(); }
  static constexpr uint32_t kModes = THRONG_RECORDS_MESSAGES;

  ProtobufDecoder(const Options& options, const Host& host)
      : options_(options), schemas_("PROTOBUF", options_, host) {}
  ProtobufDecoder(const ProtobufDecoder&) = delete;
  ProtobufDecoder& operator=(const ProtobufDecoder&) = delete;

  void Begin(const throng_origin& origin);
  void Decode(const throng_input& input, throng_decoded& decoded);

 private:
  // Which message of a schema: its place, and within that message, and so on.
  using Path = std::vector<size_t>;
  // A reader, or why there is none.
  struct MessageOfSchema {
    std::unique_ptr<ProtobufReader> reader;
    std::string reason;
  };
  struct Schema {
    std::string name;  // for sentences
    std::vector<ProtoMessage> messages;
    std::map<Path, MessageOfSchema> readers;
  };
  // Of what stands before a message with the id of a schema; false if it is damaged.
  static bool TakePath(std::string_view* bytes, Path* path);
  const MessageOfSchema& ReaderOf(Schema* schema, const Path& path);
  MessageOfSchema MakeReader(const Schema& schema, const Path& path);
  MessageResult ReadMessage(std::string_view value, size_t row);

  const Options options_;
  FoundColumns columns_;
  MessageSchemas<Schema> schemas_;
  std::unique_ptr<ProtobufReader> own_;  // of throng.v1.Interaction
  bool has_reader_ = false;
};

}  // namespace throng::plugins
