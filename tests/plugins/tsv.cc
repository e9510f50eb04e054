// Tab-separated values: a line of names, then a line for each row; an absent value is empty.
#include <cstring>
#include <throng/text.hpp>

class TsvFormat {
 public:
  throng::Prologue Begin(const throng_destination& destination) {
    columns_ = {destination.schema->columns, destination.schema->columns_count};
    std::string names;
    for (const throng_column* column : columns_) {
      if (column->type > THRONG_COLUMN_FLOAT64 || column->id_style == THRONG_ID_UUID) {
        const std::string name = column->name;
        throw throng::Error(THRONG_UNIMPLEMENTED, "tsv cannot write " + name + "; leave it out.");
      }
      names += column->name + std::string(column == columns_.back() ? "\n" : "\t");
    }
    return {.bytes = names};
  }
  void Encode(const throng_block& block, throng::Buffer& out) {
    for (uint32_t i = 0; i < block.rows; ++i) {
      for (size_t c = 0; c < columns_.size(); ++c) {
        char* end = Write(*columns_[c], block.columns[c], i, out);
        *end++ = c + 1 < columns_.size() ? '\t' : '\n';
        out.EndAt(end);
      }
    }
  }

 private:
  // Writes a value behind the buffer's end, and returns where it ends.
  char* Write(const throng_column& column, const void* values, uint32_t i, throng::Buffer& out) {
    const auto after = [&](const char* text) {
      return stpcpy(out.Reserve(strlen(text) + throng::kMaxValueText + throng::kTextSlack), text);
    };
    const auto* wide = static_cast<const int64_t*>(values);
    const auto* narrow = static_cast<const int32_t*>(values);
    const auto* flag = static_cast<const uint8_t*>(values);
    const auto* real = static_cast<const double*>(values);
    switch (column.type) {
      case THRONG_COLUMN_ID:
        if (wide[i] < 0) break;
        return throng::WriteSigned(wide[i] + column.id_first, after(column.prefix));
      case THRONG_COLUMN_INT64:
        if (wide[i] == INT64_MIN) break;
        return throng::WriteSigned(wide[i], after(""));
      case THRONG_COLUMN_RATING:
        if (narrow[i] < 0) break;
        return throng::WriteRating(narrow[i], after(""));
      case THRONG_COLUMN_TIMESTAMP:
        if (wide[i] == INT64_MIN) break;
        return time_.Write(wide[i], after(""));
      case THRONG_COLUMN_LABEL:
        return after(narrow[i] < 0 ? "" : column.labels[narrow[i]]);
      case THRONG_COLUMN_BOOL:
        return after(flag[i] == 0 ? "false" : flag[i] == 1 ? "true" : "");
      default:
        if (real[i] != real[i]) break;  // NaN
        return throng::WriteFloat(real[i], after(""));
    }
    return after("");
  }

  std::span<const throng_column* const> columns_;  // lent for as long as this lives
  throng::TimestampWriter time_;
};
THRONG_PLUGIN("tsv", "1.0.0", "Tab-separated values.",
              throng::Format<TsvFormat>("tsv", "Tab-separated values with a header."))
