// What LIBSVM, XGBoost and scikit-learn's load_svmlight_file read: a line per row, its rating and,
// one-hot, the indexes of its ids, as `4.5 12:1 678:1`. Indexes begin at 1: those of the first
// column of ids, then those of the next, and so on, whatever ids are. Other columns are left out.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "plugins/formats/compression/members.h"
#include "plugins/formats/libsvm/decoder.h"
#include "plugins/formats/record.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// Readers have indexes of so many bits.
constexpr int64_t kMostIndexes = std::numeric_limits<int32_t>::max();

class Libsvm {
 public:
  struct Options {
    std::optional<Compression> compression;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Members::DeclareOption<&Options::compression>()};
  }

  explicit Libsvm(const Options& options) : options_(options) {}

  Prologue Begin(const throng_destination& destination) {
    members_.Begin(options_.compression, destination);
    line_ = {};
    const throng_schema& schema = *destination.schema;
    AddRating(schema);
    int64_t indexes = 0;
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      if (column.type == THRONG_COLUMN_ID) indexes += AddId(column, c, indexes);
    }
    if (indexes > kMostIndexes) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "The ids need " + std::to_string(indexes) +
                      " indexes, and readers have 32 bits for one, which are " +
                      std::to_string(kMostIndexes) +
                      "; ask for fewer users (dataset.world.users) or items.");
    }
    line_.End("\n");
    return {.bytes = "", .cut_rows = members_.cut_rows(), .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    members_.Add(out, [&](Buffer& text) {
      char* p = text.Reserve(line_.MaxSize(block.rows));
      text.EndAt(line_.Write(block, 0, block.rows, p));
    });
  }

  void End(const throng_summary& summary, Buffer& out) { members_.AddEnd(summary.rows, out); }

 private:
  // The label, which begins a line.
  void AddRating(const throng_schema& schema) {
    std::optional<size_t> rating;
    for (size_t c = 0; c < schema.columns_count && !rating; ++c) {
      if (schema.columns[c]->type == THRONG_COLUMN_RATING) rating = c;
    }
    if (!rating) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "A line begins with a rating, and the table has no such column; give columns: "
                  "[rating, user_id, item_id].");
    }
    const throng_column& column = *schema.columns[*rating];
    if ((column.flags & THRONG_COLUMN_NULLABLE) != 0) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "A line begins with a rating, and some rows have none; choose a rating that "
                  "leaves none out (dataset.rating).");
    }
    ValueTexts values = PlainTexts(column);
    values.decimals = kFewestDecimals;
    line_.Add(column, *rating, "", values);
  }

  // The indexes that it takes, of which `before` are taken.
  int64_t AddId(const throng_column& column, size_t index, int64_t before) {
    if (column.id_count == 0) {
      throw Error(THRONG_INVALID_ARGUMENT, std::string("How many ids the column ") + column.name +
                                               " has is not known, so that they have no indexes; "
                                               "write another format.");
    }
    if (column.id_style == THRONG_ID_UUID) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  std::string("Ids of the column ") + column.name +
                      " are UUIDs, whose indexes nobody could lead back to them; let "
                      "dataset.world.ids be text or integer.");
    }
    throng_column number = column;
    number.id_style = THRONG_ID_INTEGER;
    number.id_first = before + 1;
    ValueTexts values;
    values.end = ":1";
    line_.Add(number, index, " ", values);
    return column.id_count;
  }

  const Options options_;
  Members members_;
  Record line_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("libsvm", THRONG_VERSION, "Text that LIBSVM reads.",
              throng::Format<throng::plugins::Libsvm>(
                  "libsvm", "A line per row: its rating and, one-hot, the indexes of its ids."),
              throng::plugins::LibsvmDecoder())
