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
constexpr int64_t kMostIndent = 8;
// JavaScript engines and others that hold a text at once take no more bytes.
constexpr int64_t kMostOfReaders = int64_t{512} << 20;

// JSON text with a line for each member and element, as Python's json.dumps(indent=) writes it.
std::string Indented(std::string_view json, int64_t indent, int64_t depth) {
  std::string text;
  const auto new_line = [&] {
    text += '\n';
    text.append(static_cast<size_t>(indent * depth), ' ');
  };
  bool is_quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (is_quoted) {
      text += c;
      if (c == '\\') text += json[++i];
      is_quoted = c != '"';
      continue;
    }
    const char next = json.substr(i + 1).empty() ? '\0' : json[i + 1];
    switch (c) {
      case ' ':
      case '\n':
        break;
      case '{':
      case '[':
        text += c;
        if (next == '}' || next == ']') {
          text += json[++i];
          break;
        }
        ++depth;
        new_line();
        break;
      case '}':
      case ']':
        --depth;
        new_line();
        text += c;
        break;
      case ',':
        text += c;
        new_line();
        break;
      case ':':
        text += ": ";
        break;
      default:
        is_quoted = c == '"';
        text += c;
    }
  }
  return text;
}

class Json {
 public:
  enum class Layout { kDocument, kLines };
  enum class Envelope { kConnect };
  struct Options : RegistryOptions {
    std::optional<Layout> layout;
    std::optional<Compression> compression;
    std::optional<TimeText> timestamp;
    std::optional<int64_t> indent;
    std::optional<Envelope> envelope;
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
             .Identity(),
         Option<&Options::indent>("indent",
                                  "Spaces before each level of a document; unset: a row a line.")
             .Range(0, kMostIndent)
             .Identity(),
         Option<&Options::envelope>(
             "envelope",
             "What stands around each line or message: connect, {\"schema\": ..., \"payload\": "
             "...}, as Kafka Connect's JsonConverter wants it; unset: nothing.")
             .Choices({"connect"})
             .Identity()});
  }
  static void Validate(const Options& options) {
    options.ValidateRegistry();
    if (!options.envelope) return;
    if (options.layout == Layout::kDocument || options.indent) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "An envelope is of one line or message and not of a document; leave envelope, or "
                  "layout and indent, out.",
                  "envelope");
    }
    if (options.registry) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "An envelope holds the schema, which a registry then need not; leave envelope or "
                  "registry out.",
                  "envelope");
    }
  }
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  Json(const Options& options, const Host& host)
      : options_(options), host_(host), registry_(options_, host) {}

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
    if (options_.indent && mode_ != Mode::kDocument) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "Only a document is indented; leave indent out, or set layout to document.",
                  "indent");
    }
    if (options_.envelope && mode_ == Mode::kDocument) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "An envelope is of one line or message, and this is a document; set layout to "
                  "lines.",
                  "envelope");
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
    WarnOfReaders(summary.rows);
    members_.Add(out, [&](Buffer& text) {
      const std::string_view statistics = summary.statistics;
      text.Append("\n" + Margin(1) + "]");
      if (statistics != "{}") {
        text.Append(options_.indent ? ",\n" + Margin(1) : ", ");
        text.Append("\"statistics\": ");
        text.Append(options_.indent ? Indented(statistics, *options_.indent, 1)
                                    : std::string(statistics));
      }
      text.Append(options_.indent ? "\n}\n" : "}\n");
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
    constexpr int kDepth = 3;  // of members in a document
    std::string start = mode_ == Mode::kDocument ? std::string(kComma) : "";
    if (options_.envelope)
      start += R"({"schema": )" + ConnectSchema(schema, Times()) + R"(, "payload": )";
    start += Margin(kDepth - 1) + "{";
    for (size_t c = 0; c < schema.columns_count; ++c) {
      const throng_column& column = *schema.columns[c];
      std::string lead = c == 0 ? start : options_.indent ? "," : ", ";
      if (options_.indent) lead += "\n" + Margin(kDepth);
      object_.Add(column, c, lead + JsonString(column.name) + ": ", Texts(column));
    }
    std::string end = options_.indent ? "\n" + Margin(kDepth - 1) + "}" : "}";
    if (options_.envelope) end += "}";
    object_.End(mode_ == Mode::kLines ? end + "\n" : end);
  }

  // What stands at the begin of a line of that depth in a document.
  std::string Margin(int64_t depth) const {
    return std::string(static_cast<size_t>(options_.indent.value_or(0) * depth), ' ');
  }

  TimeText Times() const { return options_.timestamp.value_or(TimeText::kIso); }

  // Half of what rows may take at most is about what they do.
  void WarnOfReaders(int64_t rows) const {
    const auto row_bytes = static_cast<int64_t>(object_.MaxSize(1) / 2);
    if (rows <= kMostOfReaders / row_bytes) return;
    host_.Warn("The document has " + std::to_string(rows) + " rows and about " +
               std::to_string((rows * row_bytes) >> 20) +
               " MiB, and many readers take no JSON text of more than 512 MiB; layout: lines is "
               "read a row at a time.");
  }

  // Whether times are texts, rather than numbers.
  bool HasTimeTexts() const { return Times() == TimeText::kIso || Times() == TimeText::kIsoMillis; }

  ValueTexts Texts(const throng_column& column) const {
    ValueTexts values = PlainTexts(column);
    values.time = Times();
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

  std::string DocumentStart(const throng_destination& destination) const {
    const std::string table = destination.schema->table;
    char created[kTimestampText + kTextSlack];
    TimestampWriter().Write(destination.created, created);
    std::string metadata = "{\"generated_at\": \"";
    metadata.append(created, kTimestampText);
    metadata += "\", \"num_users\": " + std::to_string(destination.users);
    metadata += ", \"num_items\": " + std::to_string(destination.items);
    if (table == "interactions") {
      metadata += ", \"num_interactions\": " + std::to_string(destination.rows);
    }
    metadata += "}";
    if (!options_.indent) return "{\"metadata\": " + metadata + ", " + JsonString(table) + ": [\n";
    return "{\n" + Margin(1) + "\"metadata\": " + Indented(metadata, *options_.indent, 1) + ",\n" +
           Margin(1) + JsonString(table) + ": [\n";
  }

  const Options options_;
  const Host host_;
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
