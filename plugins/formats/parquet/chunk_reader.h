// The values of one column in one row group, page by page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/compression/blocks.h"
#include "plugins/formats/decoding/found_columns.h"
#include "plugins/formats/parquet/file_schema.h"

namespace throng::plugins {

class ParquetChunkReader {
 public:
  // `pages`: the bytes of the chunk.
  ParquetChunkReader(const ParquetLeaf& leaf, int64_t codec, std::string_view pages);

  // Rows of the page at hand that were not yet put.
  size_t left() const { return rows_ - row_; }
  // Takes the next page of data; the texts of the one before are gone. False: it cannot, and
  // reason() is why.
  bool NextPage();
  const std::string& reason() const { return reason_; }

  // Puts the next row's value into a column. False as from FoundColumns.
  bool Put(FoundColumns* columns, size_t wanted, size_t row);

 private:
  // Of a page or a dictionary, in the vector for their type.
  struct Values {
    std::vector<int64_t> integers;
    std::vector<double> numbers;
    std::vector<std::string_view> texts;
    std::string bytes;    // what texts lie in, once it is decompressed
    std::string spelled;  // texts that are not in the file as they are
    size_t size = 0;
  };
  struct Head {
    int64_t type = 0;
    int64_t plain_bytes = -1;
    int64_t bytes = -1;
    int64_t values = -1;
    int64_t encoding = 0;
    int64_t level_encoding = static_cast<int64_t>(ParquetEncoding::kRle);
    // Of a page in the second version, whose levels are not compressed.
    int64_t level_bytes = 0;
    int64_t repetition_bytes = 0;
    bool is_compressed = true;
  };

  bool Refuse(std::string reason);
  bool ReadHead(Head* head);
  // The plain bytes of what is behind the uncompressed ones; they lie in the file or in `room`.
  bool Expand(const Head& head, std::string_view bytes, size_t plain_bytes, std::string* room,
              std::string_view* plain);
  bool ReadDictionary(const Head& head, std::string_view bytes);
  bool ReadData(const Head& head, std::string_view bytes);
  bool ReadLevels(const Head& head, std::string_view levels);
  bool ReadValues(const Head& head, std::string_view plain, size_t count);
  bool ReadPlain(std::string_view plain, size_t count, Values* values);
  // Of values in two's complement, big-endian.
  bool ReadDecimals(std::string_view plain, size_t count, Values* values);
  bool PutInteger(FoundColumns* columns, size_t wanted, size_t row, int64_t value) const;

  const ParquetLeaf& leaf_;
  int64_t codec_;
  std::string_view pages_;
  std::unique_ptr<BlockDecompressor> decompressor_;
  std::string reason_;

  Values dictionary_;
  Values page_;
  bool has_indexes_ = false;
  std::vector<uint32_t> indexes_;  // of values in the dictionary
  std::vector<uint32_t> levels_;   // 1 for each row with a value; empty: all have one
  size_t rows_ = 0;
  size_t row_ = 0;
  size_t value_ = 0;
};

}  // namespace throng::plugins
