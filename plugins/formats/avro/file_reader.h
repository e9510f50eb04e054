// Object container files of Avro, as they come in pieces: rows, and what is damaged.
//
// A block whose records cannot be read is left out; where nobody knows where a block ends, the next
// sync marker is looked for. A block, and what it is once decompressed, has a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/formats/avro/reader_schema.h"
#include "plugins/formats/avro/record_reader.h"
#include "plugins/formats/compression/blocks.h"
#include "plugins/formats/decoding/found_columns.h"

namespace throng::plugins {

class AvroFileReader {
 public:
  // `name`: of the file, for sentences.
  AvroFileReader(std::string name, FoundColumns* columns)
      : name_(std::move(name)), columns_(*columns) {}

  // As throng_decoder.decode, with columns that were started.
  void Decode(const throng_input& input, size_t capacity);

 private:
  enum class State {
    kHeader,
    kBlock,    // before one
    kRecords,  // in one
    kLost,     // looking for a sync marker
  };
  // Bytes that were taken of the input and not yet used up.
  std::string_view held() const { return std::string_view(held_).substr(at_); }
  // Takes of the input until so many are held; false if that is all there is.
  bool Hold(size_t size);
  void Drop(size_t size);
  [[noreturn]] void Fail(const std::string& reason) const;

  // Each: false if it wants more input.
  bool ReadHeader();
  bool ReadBlock();
  bool FindSync();
  void ReadRecords(size_t capacity);

  void SetHeader(const std::string& codec, std::string_view schema);
  // Of a block with its marker, whose records begin after `head` bytes.
  void OpenBlock(size_t head, size_t size, int64_t count);
  // Whether they are so many records, one after the other.
  bool HoldsRecords(std::string_view records, int64_t count) const;
  void CloseBlock();
  void Damage(const std::string& sentence) {
    columns_.AddDamage(offset_, rows_, FoundColumns::kRecord, sentence);
  }

  const std::string name_;
  FoundColumns& columns_;
  State state_ = State::kHeader;
  std::unique_ptr<AvroReaderSchema> schema_;
  std::unique_ptr<AvroRecordReader> reader_;
  std::unique_ptr<BlockDecompressor> decompressor_;  // none: blocks are plain
  std::string sync_;

  std::string held_;
  size_t at_ = 0;       // what is held begins there
  int64_t offset_ = 0;  // and is there in the file
  std::string plain_;   // a block, decompressed
  // The block at hand.
  AvroBytes records_;
  const char* records_begin_ = nullptr;
  int64_t records_offset_ = 0;  // in the file, if they are plain
  int64_t count_ = 0;
  int64_t left_ = 0;
  size_t block_size_ = 0;  // with its marker

  // The call at hand.
  std::string_view input_;
  bool ends_ = false;
  size_t rows_ = 0;
  size_t kept_ = 0;  // rows whose texts do not lie in the block at hand
};

}  // namespace throng::plugins
