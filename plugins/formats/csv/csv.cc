// Comma-separated values: a line of column names, then a line for each row; or another dialect.
//
// The host admits no comma, quote or newline into names, prefixes and labels, so that nothing is
// quoted unless it holds another delimiter.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/formats/compression/members.h"
#include "plugins/formats/csv/decoder.h"
#include "plugins/formats/csv/dialect.h"
#include "plugins/formats/record.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class Csv {
 public:
  using Options = CsvDialect;
  static std::vector<OptionOf<Options>> DeclareOptions() { return CsvDialect::DeclareOptions(); }
  static void Validate(const Options& options) { options.Validate(); }

  explicit Csv(const Options& options) : options_(options) {}

  // Contiguous slices joined are the whole file, so only the first has the header.
  Prologue Begin(const throng_destination& destination) {
    members_.Begin(options_.compression, destination);
    line_ = {};
    ratings_.clear();
    const std::string delimiter = options_.Delimiter();
    const throng_schema& schema = *destination.schema;
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      if (column.type == THRONG_COLUMN_RATING) ratings_.push_back(c);
      options_.CheckIds(column);
      line_.Add(column, c, c == 0 ? "" : delimiter, options_.TextsOf(column));
    }
    line_.End("\n");
    std::string header = options_.HeaderLine(schema);
    if (destination.slice_mode == THRONG_SLICE_CONTIGUOUS && destination.slice_index > 0) {
      header.clear();
    }
    return {.bytes = members_.Of(header), .cut_rows = members_.cut_rows(), .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    if (options_.rating_decimals) CheckDecimals(block);
    members_.Add(out, [&](Buffer& text) {
      char* p = text.Reserve(line_.MaxSize(block.rows));
      text.EndAt(line_.Write(block, 0, block.rows, p));
    });
  }

  void End(const throng_summary& summary, Buffer& out) { members_.AddEnd(summary.rows, out); }

 private:
  // INVALID_ARGUMENT for a rating that needs more decimals.
  void CheckDecimals(const throng_block& block) const {
    constexpr int32_t kUnits[] = {100, 10, 1, 1};
    const int32_t unit = kUnits[static_cast<size_t>(*options_.rating_decimals)];
    for (const size_t column : ratings_) {
      const auto* const hundredths = static_cast<const int32_t*>(block.columns[column]);
      const auto* const end = hundredths + block.rows;
      const auto* const found = std::find_if(
          hundredths, end, [&](int32_t rating) { return rating >= 0 && rating % unit != 0; });
      if (found == end) continue;
      char text[kMaxValueText + kTextSlack];
      throw Error(THRONG_INVALID_ARGUMENT,
                  "A rating is " + std::string(text, WriteRating(*found, text)) +
                      ", which needs more decimals; raise rating_decimals, or choose a scale of "
                      "ratings without them.",
                  "rating_decimals");
    }
  }

  const Options options_;
  Members members_;
  Record line_;
  std::vector<size_t> ratings_;  // columns of the schema
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("csv", THRONG_VERSION, "Comma-separated values.",
              throng::Format<throng::plugins::Csv>("csv",
                                                   "A line of column names, then a line per row."),
              throng::plugins::CsvDecoder())
