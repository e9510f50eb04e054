// The values of one column in one row group: a dictionary page where that is smaller, and pages of
// data.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plugins/formats/compression/compressor.h"
#include "plugins/formats/parquet/column.h"
#include "plugins/formats/parquet/dictionary.h"
#include "plugins/formats/parquet/layout.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// What the footer says of it.
struct ParquetChunk {
  ParquetEncoding encoding = ParquetEncoding::kPlain;
  int64_t bytes = 0;             // all of its pages, with their heads
  int64_t plain_bytes = 0;       // the same if they were not compressed
  int64_t dictionary_bytes = 0;  // the first of these; 0: there is none
  int64_t nulls = 0;
  std::optional<ParquetColumn::Bounds> bounds;

  // As bytes that a note can keep.
  void AppendTo(std::string* note) const;
  // Takes it from the front of such.
  static ParquetChunk TakeFrom(std::string_view* note);
};

class ChunkWriter {
 public:
  explicit ChunkWriter(Codec codec) : compressor_(codec) {}

  // Appends the rows of an array of the column's type.
  ParquetChunk Write(const ParquetColumn& column, const void* values, size_t rows, Buffer& out);

 private:
  // Which encoding takes the least bytes; a dictionary is then built.
  ParquetEncoding Choose(const ParquetColumn& column, std::span<const int64_t> values);
  size_t DictionaryBytes(const ParquetColumn& column);
  void WriteDictionary(const ParquetColumn& column, Buffer& out, ParquetChunk* chunk);
  void WriteData(const ParquetColumn& column, std::span<const int64_t> values, size_t rows,
                 Buffer& out, ParquetChunk* chunk);
  // What is written at the begin of `body_` up to its end is a page of so many values.
  void AddPage(ParquetPage type, size_t values, ParquetEncoding encoding, const char* end,
               Buffer& out, ParquetChunk* chunk);
  // Room for so many bytes.
  char* Body(size_t bytes) {
    if (body_.size() < bytes) body_.resize(bytes);
    return body_.data();
  }

  Compressor compressor_;
  Dictionary dictionary_;
  std::vector<int64_t> gathered_;
  std::vector<uint32_t> levels_;
  std::vector<uint32_t> all_there_;  // levels of a page without absent values
  std::vector<char> body_;
};

}  // namespace throng::plugins
