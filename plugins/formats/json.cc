// JSON objects: as one document, as lines, or as messages. The text of an object is the same in all
// three.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record.h"
#include "throng/sdk.hpp"

namespace throng {
namespace {

// As a JSON string; what the host hands over is valid UTF-8.
std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

class Json {
 public:
  enum class Layout { kDocument, kLines };
  struct Options {
    std::optional<Layout> layout;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::layout>(
                "layout",
                "One document with metadata and statistics, or one object a line; unset: lines for "
                "files named .jsonl or .ndjson, else document.")
                .Choices({"document", "lines"})
                .Identity()};
  }
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  explicit Json(const Options& options) : layout_(options.layout) {}

  Prologue Begin(const throng_destination& destination) {
    mode_ = ModeOf(destination);
    first_row_ = destination.first_row;
    const throng_schema& schema = *destination.schema;
    if (mode_ == Mode::kDocument && destination.rows < 0) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "A JSON document needs an end, and this output has none; set layout to lines, or "
                  "interactions to a number.",
                  "layout");
    }
    SetRecords(schema);
    key_ = {};
    if (mode_ == Mode::kMessages && destination.key_column >= 0) {
      const auto index = static_cast<size_t>(destination.key_column);
      const throng_column& column = *schema.columns[index];
      key_.Add(column, index, PlainPrefix(column), PlainTexts(column));
    }
    Prologue prologue;
    if (mode_ == Mode::kDocument) prologue.bytes = DocumentStart(destination);
    return prologue;
  }

  void Encode(const throng_block& block, Buffer& out) {
    const size_t row_size = key_.max_size() + object_.max_size();
    char* p = out.Reserve(block.rows * row_size + kTextSlack);
    size_t row = 0;
    if (mode_ == Mode::kMessages) {
      for (; row < block.rows; ++row) {
        p = key_.Write(block, row, p);
        block.key_end[row] = static_cast<uint32_t>(p - out.data());
        p = object_.Write(block, row, p);
        block.value_end[row] = static_cast<uint32_t>(p - out.data());
      }
    } else {
      if (block.rows > 0 && block.first_row == first_row_) p = first_.Write(block, row++, p);
      for (; row < block.rows; ++row) p = object_.Write(block, row, p);
    }
    out.EndAt(p);
  }

  void End(const throng_summary& summary, Buffer& out) {
    if (mode_ != Mode::kDocument) return;
    const std::string_view statistics = summary.statistics;
    out.Append("\n]");
    if (statistics != "{}") {
      out.Append(", \"statistics\": ");
      out.Append(statistics);
    }
    out.Append("}\n");
  }

 private:
  enum class Mode { kDocument, kLines, kMessages };

  Mode ModeOf(const throng_destination& destination) const {
    if (destination.mode == THRONG_RECORDS_MESSAGES) {
      if (layout_ == Layout::kDocument) {
        throw Error(THRONG_INVALID_ARGUMENT,
                    "Messages are single objects and cannot have the layout document; leave layout "
                    "out.",
                    "layout");
      }
      return Mode::kMessages;
    }
    const std::string_view name = destination.name;
    const bool is_lines = layout_.has_value()
                              ? *layout_ == Layout::kLines
                              : name.ends_with(".jsonl") || name.ends_with(".ndjson");
    return is_lines ? Mode::kLines : Mode::kDocument;
  }

  // In a document the comma stands before each object but the output's first: that depends on the
  // row alone, not on how rows come in blocks.
  void SetRecords(const throng_schema& schema) {
    object_ = {};
    first_ = {};
    std::string lead = "{";
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      const bool is_quoted =
          column.type == THRONG_COLUMN_ID || column.type == THRONG_COLUMN_TIMESTAMP;
      lead += Quote(column.name) + ": ";
      // A quoted value opens here, with its prefix if it has one, and closes in the next lead.
      if (is_quoted) {
        const std::string start = Quote(PlainPrefix(column));
        lead += start.substr(0, start.size() - 1);
      }
      const bool needs_comma = c == 0 && mode_ == Mode::kDocument;
      object_.Add(column, c, (needs_comma ? ",\n" : "") + lead, Texts(column));
      first_.Add(column, c, lead, Texts(column));
      lead = is_quoted ? "\", " : ", ";
    }
    lead.replace(lead.size() - 2, 2, mode_ == Mode::kLines ? "}\n" : "}");
    object_.End(lead);
    first_.End(lead);
  }

  static std::vector<std::string> Texts(const throng_column& column) {
    std::vector<std::string> texts = PlainTexts(column);
    if (column.type == THRONG_COLUMN_BOOL) return texts;
    texts[0] = "null";
    for (size_t i = 1; i < texts.size(); ++i) texts[i] = Quote(texts[i]);
    return texts;
  }

  static std::string DocumentStart(const throng_destination& destination) {
    const std::string table = destination.schema->table;
    char created[kTimestampText + kTextSlack];
    TimestampWriter("").Write(destination.created, created);
    std::string text = "{\"metadata\": {\"generated_at\": \"";
    text.append(created, kTimestampText);
    text += "\", \"num_users\": " + std::to_string(destination.users);
    text += ", \"num_items\": " + std::to_string(destination.items);
    if (table == "interactions") {
      text += ", \"num_interactions\": " + std::to_string(destination.rows);
    }
    return text + "}, " + Quote(table) + ": [\n";
  }

  std::optional<Layout> layout_;
  Mode mode_ = Mode::kDocument;
  int64_t first_row_ = 0;
  Record key_;
  Record object_;
  Record first_;  // the document's first object
};

}  // namespace throng

THRONG_PLUGIN("json", "0.1.0", "JSON as a document, lines or messages.",
              throng::Format<throng::Json>("json", "A JSON object per row."))
