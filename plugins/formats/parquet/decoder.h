// Parquet read back: files that Throng or anybody else wrote.
#pragma once

#include <memory>

#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/parquet/file_reader.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

class ParquetDecoder {
 public:
  ParquetDecoder() = default;
  ParquetDecoder(const ParquetDecoder&) = delete;
  ParquetDecoder& operator=(const ParquetDecoder&) = delete;

  void Begin(const throng_origin& origin) {
    columns_.Begin(origin);
    file_ = std::make_unique<ParquetFileReader>(origin.name, &columns_);
  }
  void Decode(const throng_input& input, throng_decoded& decoded) {
    columns_.Start(&decoded);
    file_->Decode(input, decoded.capacity);
  }

 private:
  FoundColumns columns_;
  std::unique_ptr<ParquetFileReader> file_;
};

}  // namespace throng::plugins
