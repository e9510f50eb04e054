// Avro read back: object container files, or messages that are the body of a record.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/formats/avro/file_reader.h"
#include "plugins/formats/avro/reader_schema.h"
#include "plugins/formats/avro/record_reader.h"
#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/decoding/messages.h"
#include "plugins/formats/registry/message_schemas.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

class AvroDecoder {
 public:
  struct Options : RegistryConnection {
    std::string schema;
  };
  static std::vector<OptionOf<Options>> DeclareOptions();
  static void Validate(const Options& options);
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  AvroDecoder(const Options& options, const Host& host);
  AvroDecoder(const AvroDecoder&) = delete;
  AvroDecoder& operator=(const AvroDecoder&) = delete;

  void Begin(const throng_origin& origin);
  void Decode(const throng_input& input, throng_decoded& decoded);

 private:
  // A schema and what reads by it.
  struct MessageReader {
    MessageReader(const std::string& text, const std::string& name, FoundColumns* columns)
        : schema(text), records(schema, name, columns) {}
    AvroReaderSchema schema;
    AvroRecordReader records;
  };
  MessageResult ReadMessage(std::string_view value, size_t row);

  const Options options_;
  FoundColumns columns_;
  std::unique_ptr<AvroFileReader> file_;  // of a stream
  MessageSchemas<MessageReader> schemas_;
  std::unique_ptr<MessageReader> bare_;  // of messages without the id of a schema
};

}  // namespace throng::plugins
