// Parquet files, as they come in pieces: rows, and what is damaged.
//
// What a file holds stands at its end, so that all of it is held before the first row is read; it
// has a limit. A row group that cannot be read is left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/parquet/chunk_reader.h"
#include "plugins/formats/parquet/file_schema.h"

namespace throng::plugins {

class ParquetFileReader {
 public:
  // `name`: of the file, for sentences.
  ParquetFileReader(std::string name, FoundColumns* columns)
      : name_(std::move(name)), columns_(*columns) {}

  // As throng_decoder.decode, with columns that were started.
  void Decode(const throng_input& input, size_t capacity);

 private:
  struct Step {
    size_t leaf;
    size_t wanted;
  };
  [[noreturn]] void Fail(const std::string& reason) const;
  // Adds to what is held.
  void Hold(const throng_input& input);
  void ReadFooter();
  void FindColumns();
  void ReadRows(size_t capacity);
  // The next row group with rows; false: there is none.
  bool OpenGroup();
  // Sees to it that each column has a page with a row.
  bool HasPages();
  void ReadRow();
  void LeaveGroup(const std::string& reason);

  const std::string name_;
  FoundColumns& columns_;
  std::string file_;
  bool is_whole_ = false;
  ParquetFileSchema schema_;
  std::vector<Step> steps_;
  std::vector<size_t> missing_;  // wanted columns that the file does not have

  size_t group_ = 0;                                         // the next one
  std::vector<std::unique_ptr<ParquetChunkReader>> chunks_;  // of the one at hand, by step
  int64_t left_ = 0;                                         // of its rows
  int64_t offset_ = 0;                                       // where it begins

  // The call at hand.
  size_t rows_ = 0;
  size_t kept_ = 0;  // rows whose texts do not lie in pages
};

}  // namespace throng::plugins
