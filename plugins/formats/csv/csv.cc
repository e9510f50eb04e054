// Comma-separated values: a line of column names, then a line for each row.
//
// Nothing is ever quoted: the host admits no comma, quote or newline into names, prefixes and
// labels.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "plugins/formats/compression/members.h"
#include "plugins/formats/csv/decoder.h"
#include "plugins/formats/record.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Csv {
 public:
  struct Options {
    std::optional<Compression> compression;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Members::DeclareOption<&Options::compression>()};
  }

  explicit Csv(const Options& options) : compression_(options.compression) {}

  // Contiguous slices joined are the whole file, so only the first has the header.
  Prologue Begin(const throng_destination& destination) {
    members_.Begin(compression_, destination);
    line_ = {};
    std::string header;
    const throng_schema& schema = *destination.schema;
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      const std::string separator = c == 0 ? "" : ",";
      header += separator + column.name;
      line_.Add(column, c, separator, PlainTexts(column));
    }
    header += '\n';
    line_.End("\n");
    if (destination.slice_mode == THRONG_SLICE_CONTIGUOUS && destination.slice_index > 0) {
      header.clear();
    }
    return {.bytes = members_.Of(header), .cut_rows = members_.cut_rows(), .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    members_.Add(out, [&](Buffer& text) {
      char* p = text.Reserve(line_.MaxSize(block.rows));
      text.EndAt(line_.Write(block, 0, block.rows, p));
    });
  }

  void End(const throng_summary& summary, Buffer& out) { members_.AddEnd(summary.rows, out); }

 private:
  std::optional<Compression> compression_;
  Members members_;
  Record line_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("csv", THRONG_VERSION, "Comma-separated values.",
              throng::Format<throng::plugins::Csv>("csv",
                                                   "A line of column names, then a line per row."),
              throng::plugins::CsvDecoder())
