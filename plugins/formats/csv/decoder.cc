// The decoder `csv`: a record a line, whoever wrote it.
//
// Records are as in RFC 4180 but for the delimiter, which may be any text, and quotes within a
// value that does not begin with one, which are taken as they are. A piece may lack the line of
// names, as all but the first of contiguous slices do.
#include "plugins/formats/csv/decoder.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/formats/csv/dialect.h"
#include "plugins/formats/csv/record_scanner.h"
#include "plugins/formats/decoding/text_window.h"
#include "plugins/formats/decoding/values.h"
#include "plugins/formats/decoding/wanted.h"

namespace throng::plugins {
namespace {

constexpr size_t kMostNames = 4096;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kUtf16Marks[] = {"\xff\xfe", "\xfe\xff"};
constexpr std::string_view kUsualDelimiters[] = {",", "\t", ";", "|", "::"};
// Of files that say nothing.
constexpr std::string_view kUsualNames = "user_id,item_id,rating,timestamp";
constexpr size_t kUsualRating = 2;
constexpr size_t kUsualTime = 3;

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// A name without the type that RecBole's files have behind it.
std::string_view Untyped(std::string_view name) {
  for (const std::string_view type : {":token", ":float", ":token_seq", ":float_seq"}) {
    if (name.ends_with(type)) return name.substr(0, name.size() - type.size());
  }
  return name;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    names.emplace_back(Trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

class Decoder {
 public:
  enum class Header { kAuto, kTrue, kFalse };
  struct Options {
    std::string delimiter = "auto";
    Header header = Header::kAuto;
    std::string columns;
    TimeForm timestamp = TimeForm::kAuto;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {
        Option<&Options::delimiter>("delimiter",
                                    "What stands between values: auto (as the first line tells), "
                                    "tab, pipe, or a text such as ; or ::."),
        Option<&Options::header>("header",
                                 "Whether the first line names the columns; auto: if it has a name "
                                 "that is wanted, or is no row.")
            .Choices({"auto", "true", "false"}),
        Option<&Options::columns>(
            "columns",
            "Names of the columns in their order, as user_id,item_id; empty: "
            "those of the first line, else user_id,item_id,rating,timestamp."),
        Option<&Options::timestamp>("timestamp",
                                    "How times are written; auto: as ISO 8601, or as numbers since "
                                    "1970 whose size tells their unit.")
            .Choices({"auto", "iso", "epoch_seconds", "epoch_millis", "epoch_micros"})};
  }
  static void Validate(const Options& options) { DelimiterText(options.delimiter); }

  explicit Decoder(const Options& options)
      : options_(options),
        delimiter_(DelimiterText(options.delimiter)),
        times_(options.timestamp) {}

  void Begin(const throng_origin& origin) {
    name_ = origin.name;
    wanted_ = WantedOf(origin);
    window_.Begin(name_);
    targets_.clear();
    is_started_ = is_skipping_ = false;
  }

  void Decode(const throng_input& input, throng_decoded& decoded) {
    window_.DecodeInput(
        input, decoded, damages_, [&] { DecodeWindow(decoded); },
        [&](std::string sentence, bool ends) {
          Damage(decoded, std::move(sentence));
          is_skipping_ = !ends;
        });
  }

 private:
  // Where the value of a wanted column is.
  struct Target {
    size_t field;
    uint32_t wanted;
    uint32_t type;
    bool is_required;  // it must have a value
  };

  void Damage(const throng_decoded& decoded, std::string sentence,
              uint32_t wanted = Damages::kWholeRecord) {
    damages_.Add(window_.offset(), decoded.rows, wanted, std::move(sentence));
  }

  // Decodes what lies in the window, until there is no whole record or no room for a row.
  void DecodeWindow(throng_decoded& decoded) {
    const char* const last =
        static_cast<const char*>(memrchr(window_.begin(), '\n', window_.size()));
    if (is_skipping_ && last == nullptr) window_.Take(window_.size());
    while (decoded.rows < decoded.capacity && last != nullptr && window_.begin() <= last) {
      if (is_skipping_) {
        TakeLine();
        is_skipping_ = false;
      } else if (!is_started_) {
        if (!Start(decoded)) return;
      } else {
        const auto found = scanner_.Scan(window_.begin(), window_.end());
        if (found != RecordScanner::Found::kRecord) {
          if (!LeaveOut(found, decoded)) return;
          continue;
        }
        if (!scanner_.IsBlank()) AddRow(decoded);
        window_.Take(scanner_.bytes());
      }
    }
  }

  void TakeLine() {
    const auto* const end =
        static_cast<const char*>(std::memchr(window_.begin(), '\n', window_.size()));
    window_.Take(static_cast<size_t>(end + 1 - window_.begin()));
  }

  // Reports a record that cannot be read; false: more of it may come.
  bool LeaveOut(RecordScanner::Found found, const throng_decoded& decoded) {
    const bool is_open = found == RecordScanner::Found::kOpenQuote;
    if (is_open && !window_.is_ended() && !window_.IsFull()) return false;
    Damage(decoded, is_open ? "a value in quotes has no end"
                            : "something else than a delimiter follows a value in quotes");
    TakeLine();
    return true;
  }

  // Learns from the first record what the columns are; false: more of it may come.
  bool Start(throng_decoded& decoded) {
    const std::string_view text(window_.begin(), window_.size());
    if (window_.offset() == 0 && text.starts_with(kByteOrderMark)) {
      window_.Take(kByteOrderMark.size());
      return true;
    }
    for (const std::string_view mark : kUtf16Marks) {
      if (window_.offset() > 0 || !text.starts_with(mark)) continue;
      throw Error(THRONG_DATA_LOSS, name_ + " is UTF-16, which is not read; convert it to UTF-8.");
    }
    const std::string_view line = text.substr(0, text.find('\n'));
    if (Trimmed(line).empty() || line == "\r") {
      TakeLine();
      return true;
    }
    const std::string delimiter = delimiter_ == "auto" ? DelimiterIn(line) : delimiter_;
    scanner_.Begin(delimiter, kMostNames);
    const auto found = scanner_.Scan(window_.begin(), window_.end());
    if (found != RecordScanner::Found::kRecord) return LeaveOut(found, decoded);
    std::vector<std::string> values;
    for (size_t i = 0; i < scanner_.kept(); ++i) {
      values.emplace_back(Untyped(Trimmed(scanner_.field(i).view())));
    }
    const bool has_header =
        options_.header == Header::kAuto ? IsHeader(values) : options_.header == Header::kTrue;
    SetTargets(has_header, values);
    expected_ = scanner_.count();
    if (!has_header) AddRow(decoded);
    window_.Take(scanner_.bytes());
    scanner_.Begin(delimiter, needed_);
    is_started_ = true;
    return true;
  }

  static std::string DelimiterIn(std::string_view line) {
    std::string_view best = kUsualDelimiters[0];
    size_t most = 0;
    for (const std::string_view delimiter : kUsualDelimiters) {
      size_t count = 0;
      for (size_t at = line.find(delimiter); at != std::string_view::npos;
           at = line.find(delimiter, at + delimiter.size())) {
        ++count;
      }
      if (count <= most) continue;
      most = count;
      best = delimiter;
    }
    return std::string(best);
  }

  std::vector<std::string> NamesWithoutHeader() const {
    return Split(options_.columns.empty() ? kUsualNames : std::string_view(options_.columns));
  }

  bool IsHeader(const std::vector<std::string>& values) const {
    const bool has_wanted = std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& wanted) {
      return std::find(values.begin(), values.end(), wanted.name) != values.end();
    });
    if (has_wanted || values == NamesWithoutHeader()) return true;
    if (!options_.columns.empty()) return false;
    double rating = 0;
    int64_t time = 0;
    const bool is_row =
        values.size() > kUsualTime &&
        (IsAbsentText(values[kUsualRating]) || ReadDouble(values[kUsualRating], &rating)) &&
        TimeReader(options_.timestamp).Read(values[kUsualTime], &time);
    return !is_row;
  }

  void SetTargets(bool has_header, const std::vector<std::string>& values) {
    std::vector<std::string> names =
        has_header && options_.columns.empty() ? values : NamesWithoutHeader();
    if (names.size() > values.size()) names.resize(values.size());
    targets_.clear();
    needed_ = 0;
    for (uint32_t i = 0; i < wanted_.size(); ++i) {
      const Wanted& wanted = wanted_[i];
      const auto found = std::find(names.begin(), names.end(), wanted.name);
      const auto field = static_cast<size_t>(found - names.begin());
      if (found == names.end() && wanted.is_required) {
        throw Error(
            THRONG_NOT_FOUND,
            name_ + " has no column " + wanted.name +
                (has_header ? "; it has " : ", and no line of names; its columns are ") +
                Listed(names) +
                (has_header ? ". Say which of them it is." : ". Give their names in columns."));
      }
      if (found != names.end()) needed_ = std::max(needed_, field + 1);
      targets_.push_back({.field = found == names.end() ? kNowhere : field,
                          .wanted = i,
                          .type = wanted.type,
                          .is_required = MustHaveValue(wanted)});
    }
  }

  void AddRow(throng_decoded& decoded) {
    if (scanner_.count() != expected_) {
      return Damage(decoded, "the record has " + std::to_string(scanner_.count()) +
                                 " values and the first one " + std::to_string(expected_));
    }
    const uint32_t row = decoded.rows;
    for (const Target& target : targets_) {
      void* const column = decoded.columns[target.wanted];
      if (target.field == kNowhere) {
        SetAbsent(target.type, column, row);
        continue;
      }
      const std::string_view text = scanner_.field(target.field).view();
      if (!text.empty() && SetText(target.type, column, row, text, &times_)) continue;
      if (target.is_required || !IsAbsentText(text)) {
        return Damage(decoded, Misread(wanted_[target.wanted].name, target.type, text),
                      target.wanted);
      }
      SetAbsent(target.type, column, row);
    }
    decoded.offset[row] = window_.offset();
    ++decoded.rows;
  }

  static constexpr size_t kNowhere = SIZE_MAX;

  const Options options_;
  const std::string delimiter_;
  TimeReader times_;
  std::string name_;
  std::vector<Wanted> wanted_;
  TextWindow window_;
  RecordScanner scanner_;
  std::vector<Target> targets_;
  size_t needed_ = 0;         // fields of a record
  size_t expected_ = 0;       // fields that each record has
  bool is_started_ = false;   // what the columns are is known
  bool is_skipping_ = false;  // the rest of a line
  Damages damages_;
};

}  // namespace

throng_component CsvDecoder() {
  return throng::Decoder<Decoder>("csv", "A row a line, with or without a line of column names.");
}

}  // namespace throng::plugins
