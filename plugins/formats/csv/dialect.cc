#include "plugins/formats/csv/dialect.h"

#include <algorithm>
#include <limits>
#include <string_view>

namespace throng::plugins {
namespace {

constexpr size_t kLongestDelimiter = 8;
// What numbers, times and truths are written with.
constexpr std::string_view kOfValues =
    "0123456789+-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool IsFormula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@").find(text.front()) != std::string_view::npos;
}

// What stands behind a name in RecBole's atomic files.
std::string TypeOfName(const throng_column& column) {
  switch (column.type) {
    case THRONG_COLUMN_ID:
    case THRONG_COLUMN_LABEL:
    case THRONG_COLUMN_BOOL:
      return ":token";
    default:
      return ":float";
  }
}

}  // namespace

std::string DelimiterText(const std::string& name) {
  std::string text = name;
  if (name == "tab" || name == "\\t") text = "\t";
  if (name == "pipe") text = "|";
  if (text.empty() || text.size() > kLongestDelimiter ||
      text.find_first_of("\"\r\n") != std::string::npos) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "\"" + name +
                    "\" cannot stand between values; give one to eight characters without "
                    "quotes and line ends, as ; or tab.",
                "delimiter");
  }
  return text;
}

std::vector<OptionOf<CsvDialect>> CsvDialect::DeclareOptions() {
  return {
      Members::DeclareOption<&CsvDialect::compression>(),
      Option<&CsvDialect::delimiter>("delimiter",
                                     "What stands between values: tab, pipe, or a text such as ; "
                                     "or ::; unset: a comma.")
          .Identity(),
      Option<&CsvDialect::header>(
          "header",
          "The first line: true (the names of the columns), false (none), typed (names and types "
          "as RecBole has them, user_id:token), or its text; unset: true.")
          .Identity(),
      Option<&CsvDialect::timestamp>(
          "timestamp", "How times are written, epochs since 1970 UTC; unset: iso, to the second.")
          .Choices({"iso", "iso_millis", "epoch_seconds", "epoch_millis"})
          .Identity(),
      Option<&CsvDialect::quote>(
          "quote",
          "Which values stand in quotes: all, or minimal, which is none, since none needs them; "
          "unset: minimal.")
          .Choices({"minimal", "all"})
          .Identity(),
      Option<&CsvDialect::rating_decimals>(
          "rating_decimals",
          "Decimals of ratings; fewest: none where they are whole; unset: one, and two where they "
          "are needed.")
          .Choices({"0", "1", "2", "fewest"})
          .Identity(),
      Option<&CsvDialect::integer_ids>(
          "integer_ids",
          "Whether ids must be integers of 31 bits, as many readers want them; unset: false."),
      Option<&CsvDialect::allow_formulas>("allow_formulas",
                                          "Whether names, prefixes and labels may begin with = + - "
                                          "or @, which spreadsheets execute; unset: false.")
          .Identity()};
}

void CsvDialect::Validate() const {
  const std::string text = Delimiter();
  if (text.find_first_of(kOfValues) != std::string::npos) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "\"" + *delimiter +
                    "\" may be a part of values; give a delimiter without letters, digits and "
                    ". + -, as ; or tab.",
                "delimiter");
  }
  const TimeText times = timestamp.value_or(TimeText::kIso);
  const bool is_iso = times == TimeText::kIso || times == TimeText::kIsoMillis;
  if (text == ":" && is_iso && !QuotesAll()) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "A delimiter \":\" is a part of times; give another one, timestamp: epoch_seconds "
                "or quote: all.",
                "delimiter");
  }
  if (!header) return;
  if (header->find_first_of("\r\n") != std::string::npos) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "header is more than one line; give true, false or the text of one line.",
                "header");
  }
  if (header == "typed" && QuotesAll()) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "header: typed is for readers that know no quotes; leave quote out.", "quote");
  }
  if (header->empty()) {
    throw Error(THRONG_INVALID_ARGUMENT,
                "header is empty; give true, false or the text of the first line.", "header");
  }
}

void CsvDialect::Check(const std::string& text, const std::string& what) const {
  if (!allow_formulas.value_or(false) && IsFormula(text)) {
    throw Error(THRONG_INVALID_ARGUMENT,
                what + " begins with \"" + text.front() +
                    "\", which a spreadsheet takes for a formula; name it otherwise, or give "
                    "allow_formulas: true.",
                "allow_formulas");
  }
  if (!QuotesAll() && text.find(Delimiter()) != std::string::npos) {
    throw Error(THRONG_INVALID_ARGUMENT,
                what + " holds the delimiter \"" + Delimiter() +
                    "\"; name it otherwise, or give another delimiter or quote: all.",
                "delimiter");
  }
}

void CsvDialect::CheckIds(const throng_column& column) const {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (column.type != THRONG_COLUMN_ID || !integer_ids.value_or(false)) return;
  if (column.id_style != THRONG_ID_INTEGER) {
    throw Error(THRONG_INVALID_ARGUMENT,
                std::string("The column ") + column.name +
                    " has ids that are no integers; set dataset.world.ids to integer, or leave "
                    "integer_ids out.",
                "integer_ids");
  }
  const int64_t last = column.id_first + column.id_count - 1;
  if (last > kMost) {
    throw Error(THRONG_INVALID_ARGUMENT,
                std::string("The last id of the column ") + column.name + " is " +
                    std::to_string(last) + ", and readers take integers up to " +
                    std::to_string(kMost) +
                    "; ask for fewer users or items, begin lower (dataset.world.user_start, "
                    "item_start), or leave integer_ids out.",
                "integer_ids");
  }
}

std::string CsvDialect::HeaderLine(const throng_schema& schema) const {
  const std::string text = header.value_or("true");
  if (text == "false") return "";
  if (text != "true" && text != "typed") return text + "\n";
  const std::string mark = QuotesAll() ? "\"" : "";
  std::string line;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const std::string name = schema.columns[c]->name;
    Check(name, "The name of the column \"" + name + "\"");
    if (c > 0) line += Delimiter();
    line.append(mark).append(name).append(text == "typed" ? TypeOfName(*schema.columns[c]) : "");
    line.append(mark);
  }
  return line + "\n";
}

ValueTexts CsvDialect::TextsOf(const throng_column& column) const {
  ValueTexts values = PlainTexts(column);
  values.time = timestamp.value_or(TimeText::kIso);
  if (rating_decimals) {
    values.decimals =
        rating_decimals == Decimals::kFewest ? kFewestDecimals : static_cast<int>(*rating_decimals);
  }
  const std::string of = std::string(" of the column ") + column.name;
  Check(values.start, "The prefix \"" + values.start + "\"" + of);
  for (const std::string& text : values.texts) {
    Check(text, std::string("The label \"").append(text).append("\"").append(of));
  }
  if (!QuotesAll()) return values;
  values.start.insert(0, "\"");
  values.end = "\"";
  if (column.type != THRONG_COLUMN_LABEL) values.absent = "\"\"";
  return values;
}

}  // namespace throng::plugins
