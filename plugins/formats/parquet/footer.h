// The footer of a Parquet file: its columns, and where in it each row group lies.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/parquet/column.h"
#include "plugins/formats/parquet/layout.h"
#include "throng/plugin.h"

namespace throng::plugins {

// With its size and the magic bytes behind it. Each note holds a ParquetChunk for each column.
std::string ParquetFooter(std::string_view table, const std::vector<ParquetColumn>& columns,
                          ParquetCodec codec, std::span<const throng_note> notes, int64_t rows);

}  // namespace throng::plugins
