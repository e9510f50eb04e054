// JSON objects: as one document, as lines, or as messages; their text is the same in all three.
//
// A document is {"metadata": {...}, "interactions": [...], "statistics": {...}}; its array is named
// after the table, statistics are left out where there are none (of users and items), and each
// slice is a document of its own.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/column_type.h"
#include "plugins/formats/compression/members.h"
#include "plugins/formats/json/decoder.h"
#include "plugins/formats/json/schema.h"
#include "plugins/formats/record.h"
#include "plugins/formats/registry/messages.h"
#include "plugins/formats/registry/registry.h"
#include "plugins/formats/registry/typed_schema.h"
#include "throng/sdk.hpp"
#include "throng/text.hpp"

namespace throng::plugins {
namespace {

// In a document it stands before each object but the output's first: that depends on the row alone,
// not on how rows come in blocks.
constexpr std::string_view kComma = ",\n";

class Json {
 public:
  enum class Layout { kDocument, kLines };
  struct Options : RegistryOptions {
    std::optional<Layout> layout;
    std::optional<Compression> compression;
    std::optional<TimeText> timestamp;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return RegistryOptions::AddTo<Options>(
        {Option<&Options::layout>(
             "layout",
             "One document with metadata and statistics, or one object a line; unset: lines for "
             "files named .jsonl or .ndjson, else document.")
             .Choices({"document", "lines"})
             .Identity(),
         Members::DeclareOption<&Options::compression>(),
         Option<&Options::timestamp>(
             "timestamp",
             "How times are written, as texts or as numbers since 1970 UTC; "
             "unset: iso, to the second.")
             .Choices({"iso", "iso_millis", "epoch_seconds", "epoch_millis"})
             .Identity()});
  }
  static void Validate(const Options& options) { options.ValidateRegistry(); }
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  Json(const Options& options, const Host& host) : options_(options), registry_(options_, host) {}

  Prologue Begin(const throng_destination& destination) {
    mode_ = ModeOf(destination);
    members_.Begin(options_.compression, destination);
    first_row_ = destination.first_row;
    const throng_schema& schema = *destination.schema;
    if (mode_ == Mode::kDocument && destination.rows < 0) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "A JSON document needs an end, and this output has none; set layout to lines, or "
                  "interactions to a number.",
                  "layout");
    }
    SetObject(schema);
    if (mode_ == Mode::kMessages) {
      key_ = KeyOf(destination);
      const Registration registration = registry_.Register(
          {"JSON", JsonSchema(schema, HasTimeTexts()),
           JsonSchema(schema, HasTimeTexts(), Docs::kWrite), FullRecordName(schema)},
          std::nullopt, destination);
      header_ = FixedText(registration.header);
      return {.bytes = "", .cut_rows = 0, .state = registration.state};
    }
    registry_.RefuseFiles();
    const std::string start = mode_ == Mode::kDocument ? DocumentStart(destination) : "";
    return {.bytes = members_.Of(start), .cut_rows = members_.cut_rows(), .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    if (mode_ == Mode::kMessages) return EncodeMessages(block, key_, header_, object_, out);
    const size_t rows = block.rows;
    members_.Add(out, [&](Buffer& text) {
      char* const start = text.Reserve(object_.MaxSize(rows));
      char* end = object_.Write(block, 0, rows, start);
      if (mode_ == Mode::kDocument && rows > 0 && block.first_row <= first_row_) {
        end = std::copy(start + kComma.size(), end, start);
      }
      text.EndAt(end);
    });
  }

  void End(const throng_summary& summary, Buffer& out) {
    if (mode_ != Mode::kDocument) return members_.AddEnd(summary.rows, out);
    members_.Add(out, [&](Buffer& text) {
      const std::string_view statistics = summary.statistics;
      text.Append("\n]");
      if (statistics != "{}") {
        text.Append(", \"statistics\": ");
        text.Append(statistics);
      }
      text.Append("}\n");
    });
  }

 private:
  enum class Mode { kDocument, kLines, kMessages };

  Mode ModeOf(const throng_destination& destination) const {
    if (destination.mode == THRONG_RECORDS_MESSAGES) {
      if (options_.layout == Layout::kDocument) {
        throw Error(THRONG_INVALID_ARGUMENT,
                    "Messages are single objects and cannot have the layout document; leave layout "
                    "out.",
                    "layout");
      }
      return Mode::kMessages;
    }
    const std::string_view name = PlainName(destination.name);
    const bool is_lines = options_.layout.has_value()
                              ? options_.layout == Layout::kLines
                              : name.ends_with(".jsonl") || name.ends_with(".ndjson");
    return is_lines ? Mode::kLines : Mode::kDocument;
  }

  void SetObject(const throng_schema& schema) {
    object_ = {};
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      const std::string lead = c > 0                      ? ", "
                               : mode_ == Mode::kDocument ? std::string(kComma) + "{"
                                                          : "{";
      object_.Add(column, c, lead + JsonString(column.name) + ": ", Texts(column));
    }
    object_.End(mode_ == Mode::kLines ? "}\n" : "}");
  }

  // Whether times are texts, rather than numbers.
  bool HasTimeTexts() const {
    const TimeText times = options_.timestamp.value_or(TimeText::kIso);
    return times == TimeText::kIso || times == TimeText::kIsoMillis;
  }

  ValueTexts Texts(const throng_column& column) const {
    ValueTexts values = PlainTexts(column);
    values.time = options_.timestamp.value_or(TimeText::kIso);
    const ColumnType type = TypeOf(column);
    values.absent = "null";
    if (type == ColumnType::kTextId || type == ColumnType::kUuid ||
        (type == ColumnType::kTimestamp && HasTimeTexts())) {
      values.start = JsonString(values.start);
      values.start.pop_back();
      values.end = '"';
    }
    if (type == ColumnType::kLabel) {
      for (std::string& text : values.texts) text = JsonString(text);
    }
    return values;
  }

  static std::string DocumentStart(const throng_destination& destination) {
    const std::string table = destination.schema->table;
    char created[kTimestampText + kTextSlack];
    TimestampWriter().Write(destination.created, created);
    std::string text = "{\"metadata\": {\"generated_at\": \"";
    text.append(created, kTimestampText);
    text += "\", \"num_users\": " + std::to_string(destination.users);
    text += ", \"num_items\": " + std::to_string(destination.items);
    if (table == "interactions") {
      text += ", \"num_interactions\": " + std::to_string(destination.rows);
    }
    return text + "}, " + JsonString(table) + ": [\n";
  }

  const Options options_;
  const SchemaRegistry registry_;
  Members members_;
  Mode mode_ = Mode::kDocument;
  int64_t first_row_ = 0;
  Record key_;
  FixedText header_;  // of messages
  Record object_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("json", THRONG_VERSION, "JSON as a document, lines or messages.",
              throng::Format<throng::plugins::Json>("json", "A JSON object per row."),
              throng::plugins::JsonDecoder())
