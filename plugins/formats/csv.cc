// Comma-separated values: a line of column names, then a line for each row.
//
// Nothing is ever quoted: the host admits no comma, quote or newline into names, prefixes and
// labels.
#include <cstddef>
#include <string>
#include <vector>

#include "record.h"
#include "throng/sdk.hpp"

namespace throng {

class Csv {
 public:
  // Contiguous slices joined are the whole file, so only the first has the header.
  Prologue Begin(const throng_destination& destination) {
    line_ = {};
    Prologue prologue;
    const throng_schema& schema = *destination.schema;
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      const std::string separator = c == 0 ? "" : ",";
      prologue.bytes += separator + column.name;
      line_.Add(column, c, separator + PlainPrefix(column), PlainTexts(column));
    }
    prologue.bytes += '\n';
    line_.End("\n");
    if (destination.slice_mode == THRONG_SLICE_CONTIGUOUS && destination.slice_index > 0) {
      prologue.bytes.clear();
    }
    return prologue;
  }

  void Encode(const throng_block& block, Buffer& out) {
    char* p = out.Reserve(line_.MaxSize(block.rows));
    out.EndAt(line_.Write(block, 0, block.rows, p));
  }

 private:
  Record line_;
};

}  // namespace throng

THRONG_PLUGIN("csv", "0.1.0", "Comma-separated values.",
              throng::Format<throng::Csv>("csv", "A line of column names, then a line per row."))
