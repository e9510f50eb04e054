// The decoder `json`: an object a row, in a document, an array, lines or messages.
//
// A stream is a sequence of values. One that is an object without a wanted member, but with a
// member that is an array of objects, is a document, and its rows are in that; an array holds rows
// itself; and any other object is a row. Where the first row lies on one line, each does, so that a
// line that is damaged costs no other. A row may be the payload of Kafka Connect's envelope.
#include "plugins/formats/json/decoder.h"

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/formats/decoding/text_window.h"
#include "plugins/formats/decoding/values.h"
#include "plugins/formats/decoding/wanted.h"
#include "plugins/formats/json/cursor.h"
#include "plugins/formats/json/row_members.h"

namespace throng::plugins {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// Of messages with a schema's id: a zero and the id.
constexpr size_t kIdBytes = 5;

class Decoder {
 public:
  enum class Layout { kAuto, kDocument, kLines };
  struct Options {
    Layout layout = Layout::kAuto;
    std::string array;
    TimeForm timestamp = TimeForm::kAuto;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {
        Option<&Options::layout>("layout",
                                 "Whether a file is a document with an array of rows, or has a row "
                                 "a line; auto: as its begin tells.")
            .Choices({"auto", "document", "lines"}),
        Option<&Options::array>("array",
                                "The member of a document that holds the rows; empty: the first "
                                "that is an array of objects."),
        Option<&Options::timestamp>("timestamp",
                                    "How times are written; auto: as ISO 8601, or as numbers since "
                                    "1970 whose size tells their unit.")
            .Choices({"auto", "iso", "epoch_seconds", "epoch_millis", "epoch_micros"})};
  }
  static constexpr uint32_t kModes = THRONG_RECORDS_STREAM | THRONG_RECORDS_MESSAGES;

  explicit Decoder(const Options& options) : options_(options), members_(options.timestamp) {}

  void Begin(const throng_origin& origin) {
    name_ = origin.name;
    members_.Begin(origin);
    window_.Begin(name_);
    state_ = State::kBetween;
    is_in_document_ = is_one_line_ = has_row_ = is_searching_ = false;
  }

  void Decode(const throng_input& input, throng_decoded& decoded) {
    members_.Clear();
    if (input.mode == THRONG_RECORDS_MESSAGES) return DecodeMessages(input, decoded);
    window_.DecodeInput(
        input, decoded, damages_, [&] { DecodeWindow(decoded); },
        [&](std::string sentence, bool ends) {
          Damage(decoded, std::move(sentence));
          is_searching_ = false;
          if (!ends) Search();
        });
  }

 private:
  enum class State {
    kBetween,  // values of the stream
    kRows,     // in an array of rows
    kRest,     // behind the rows of a document
  };

  void Damage(const throng_decoded& decoded, std::string sentence,
              uint32_t wanted = Damages::kWholeRecord) {
    damages_.Add(window_.offset(), decoded.rows, wanted, std::move(sentence));
  }

  // ---- Streams ----
  void DecodeWindow(throng_decoded& decoded) {
    if (window_.offset() == 0 &&
        std::string_view(window_.begin(), window_.size()).starts_with(kByteOrderMark)) {
      window_.Take(kByteOrderMark.size());
    }
    bool goes_on = true;
    while (goes_on && decoded.rows < decoded.capacity) {
      if (is_searching_) {
        goes_on = SearchOn();
        continue;
      }
      SkipBetween();
      if (window_.size() == 0) break;
      goes_on = state_ == State::kBetween ? TakeValue(decoded)
                : state_ == State::kRows  ? TakeElement(decoded)
                                          : TakeRest(decoded);
    }
    if (window_.is_ended() && window_.size() == 0 && state_ != State::kBetween) {
      Damage(decoded, "the document has no end");
      state_ = State::kBetween;
    }
  }

  // Blanks and commas, which are where they must be in sound data.
  void SkipBetween() {
    const char* const begin = window_.begin();
    size_t size = 0;
    while (size < window_.size() && std::strchr(" \t\r\n,\x1e", begin[size]) != nullptr &&
           begin[size] != '\0') {
      ++size;
    }
    window_.Take(size);
  }

  JsonCursor Cursor() { return {window_.begin(), window_.end()}; }
  size_t BytesTo(const char* p) { return static_cast<size_t>(p - window_.begin()); }

  // After a read that did not end well; false: more text may end it.
  bool LeaveOut(JsonRead read, const JsonCursor& cursor, const throng_decoded& decoded) {
    if (read == JsonRead::kMore && !window_.is_ended()) return false;
    Damage(decoded, read == JsonRead::kMore ? "the record is cut off" : cursor.fault());
    window_.Take(1);
    Search();
    return true;
  }

  // Looks for the next record: behind the line's end where each has a line of its own, else at a
  // brace behind a comma, a bracket or a line's end.
  void Search() {
    is_searching_ = true;
    before_ = '\0';
  }
  // False: it is not there yet.
  bool SearchOn() {
    const char* const begin = window_.begin();
    for (size_t i = 0; i < window_.size(); ++i) {
      const char c = begin[i];
      const bool is_found = is_one_line_
                                ? c == '\n'
                                : c == '{' && (before_ == ',' || before_ == '[' || before_ == '\n');
      if (is_found) {
        window_.Take(i);
        is_searching_ = false;
        return true;
      }
      if (c != ' ' && c != '\t' && c != '\r') before_ = c;
    }
    window_.Take(window_.size());
    return false;
  }

  bool TakeValue(throng_decoded& decoded) {
    if (*window_.begin() == '[' && options_.layout != Layout::kLines) {
      window_.Take(1);
      EnterRows(/*is_in_document=*/false);
      return true;
    }
    if (has_row_ || options_.layout == Layout::kLines) return TakeRow(decoded);
    return TakeDocument(decoded);
  }

  // Enters an object that is a document, or finds out that objects here are rows.
  bool TakeDocument(throng_decoded& decoded) {
    JsonCursor cursor = Cursor();
    Arrays arrays;
    const JsonRead read = FindArrays(&cursor, &arrays);
    if (read != JsonRead::kWhole) return LeaveOut(read, cursor, decoded);
    const size_t size = BytesTo(cursor.at());
    if (arrays.has_rows) {
      window_.Take(size);
      EnterRows(/*is_in_document=*/true);
      return true;
    }
    if (arrays.has_empty && !arrays.has_wanted) {
      window_.Take(size);
      return true;
    }
    if (options_.layout == Layout::kDocument || !options_.array.empty()) {
      throw Error(THRONG_NOT_FOUND, name_ + " has no array of rows" +
                                        (options_.array.empty() ? "" : " " + options_.array) +
                                        "; set layout to lines, or name the array.");
    }
    is_one_line_ = std::memchr(window_.begin(), '\n', size) == nullptr;
    return TakeRow(decoded);
  }

  void EnterRows(bool is_in_document) {
    state_ = State::kRows;
    is_in_document_ = is_in_document;
    is_one_line_ = false;
  }

  // What tells documents from rows.
  struct Arrays {
    bool has_rows = false;    // it has come to an array of rows
    bool has_empty = false;   // or to one that could have been one
    bool has_wanted = false;  // a member of rows
  };
  // Reads an object until it ends, or until behind the bracket of its rows.
  JsonRead FindArrays(JsonCursor* cursor, Arrays* arrays) {
    if (const JsonRead open = cursor->Expect('{'); open != JsonRead::kWhole) return open;
    cursor->SkipSpace();
    if (cursor->Peek() == '}') return cursor->Expect('}');
    while (true) {
      JsonValue key;
      JsonValue value;
      cursor->SkipSpace();
      if (const JsonRead read = cursor->ReadText(&key); read != JsonRead::kWhole) return read;
      cursor->SkipSpace();
      if (const JsonRead colon = cursor->Expect(':'); colon != JsonRead::kWhole) return colon;
      cursor->SkipSpace();
      arrays->has_wanted = arrays->has_wanted || members_.IsWanted(key.raw);
      const bool is_named = options_.array.empty() || options_.array == key.raw;
      const bool may_be_document = options_.layout == Layout::kDocument || !arrays->has_wanted;
      if (cursor->Peek() == '[' && is_named && may_be_document) {
        JsonCursor inside(cursor->at() + 1, window_.end());
        inside.SkipSpace();
        arrays->has_empty = arrays->has_empty || inside.Peek() == ']';
        arrays->has_rows = inside.Peek() == '{';
        if (arrays->has_rows) {
          *cursor = inside;
          return JsonRead::kWhole;
        }
      }
      if (const JsonRead read = cursor->ReadValue(&value); read != JsonRead::kWhole) return read;
      cursor->SkipSpace();
      if (cursor->Peek() == '}') return cursor->Expect('}');
      if (const JsonRead comma = cursor->Expect(','); comma != JsonRead::kWhole) return comma;
    }
  }

  bool TakeElement(throng_decoded& decoded) {
    if (*window_.begin() != ']') return TakeRow(decoded);
    window_.Take(1);
    state_ = is_in_document_ ? State::kRest : State::kBetween;
    return true;
  }

  // A member behind the rows, or the document's end.
  bool TakeRest(throng_decoded& decoded) {
    if (*window_.begin() == '}') {
      window_.Take(1);
      state_ = State::kBetween;
      has_row_ = false;
      return true;
    }
    JsonCursor cursor = Cursor();
    JsonValue key;
    JsonValue value;
    JsonRead read = cursor.ReadText(&key);
    cursor.SkipSpace();
    if (read == JsonRead::kWhole) read = cursor.Expect(':');
    cursor.SkipSpace();
    if (read == JsonRead::kWhole) read = cursor.ReadValue(&value);
    if (read == JsonRead::kWhole) {
      window_.Take(BytesTo(cursor.at()));
      return true;
    }
    if (read == JsonRead::kMore && !window_.is_ended()) return false;
    state_ = State::kBetween;
    return LeaveOut(read, cursor, decoded);
  }

  // Reads a row: the object at the cursor, or the payload of {"schema": ..., "payload": {...}}.
  JsonRead ReadRow(JsonCursor* cursor) {
    JsonCursor inside = *cursor;
    if (!FindPayload(&inside)) return members_.Read(cursor);
    *cursor = inside;
    if (const JsonRead read = members_.Read(cursor); read != JsonRead::kWhole) return read;
    cursor->SkipSpace();
    return cursor->Expect('}');
  }

  // Whether an envelope begins at the cursor, which is then put before its payload.
  static bool FindPayload(JsonCursor* cursor) {
    constexpr std::string_view kBegin = "{\"schema\"";
    JsonValue key;
    JsonValue value;
    if (cursor->Peek() != '{' || cursor->Left().substr(0, kBegin.size()) != kBegin) return false;
    if (cursor->Expect('{') != JsonRead::kWhole) return false;
    for (const char* const name : {"schema", "payload"}) {
      cursor->SkipSpace();
      if (cursor->ReadText(&key) != JsonRead::kWhole || key.raw != name) return false;
      cursor->SkipSpace();
      if (cursor->Expect(':') != JsonRead::kWhole) return false;
      cursor->SkipSpace();
      if (key.raw == "payload") break;
      if (cursor->ReadValue(&value) != JsonRead::kWhole) return false;
      cursor->SkipSpace();
      if (cursor->Expect(',') != JsonRead::kWhole) return false;
    }
    return cursor->Peek() == '{';
  }

  bool TakeRow(throng_decoded& decoded) {
    const char* end = window_.end();
    if (is_one_line_) {
      const void* const line = std::memchr(window_.begin(), '\n', window_.size());
      if (line == nullptr) return false;
      end = static_cast<const char*>(line) + 1;
    }
    JsonCursor cursor(window_.begin(), end);
    const JsonRead read = ReadRow(&cursor);
    if (read == JsonRead::kMore && is_one_line_) {
      Damage(decoded, "the record is cut off");
      window_.Take(BytesTo(end));
      return true;
    }
    if (read != JsonRead::kWhole) return LeaveOut(read, cursor, decoded);
    const Wanted* const missing = members_.Missing();
    if (missing != nullptr && !has_row_) {
      throw Error(THRONG_NOT_FOUND, name_ + " has no column " + missing->name + "; it has " +
                                        members_.Names() + ". Say which of them it is.");
    }
    has_row_ = true;
    WriteRow(decoded, window_.offset());
    window_.Take(BytesTo(cursor.at()));
    return true;
  }

  // ---- Messages ----
  void DecodeMessages(const throng_input& input, throng_decoded& decoded) {
    damages_.Clear();
    uint32_t i = 0;
    for (; i < input.messages_count && decoded.rows < decoded.capacity; ++i) {
      const std::string fault = DecodeMessage(input.messages[i].value, i, decoded);
      if (!fault.empty()) damages_.Add(i, decoded.rows, Damages::kWholeRecord, fault);
    }
    decoded.consumed = i;
    damages_.Report(decoded);
  }

  std::string DecodeMessage(throng_bytes value, uint32_t index, throng_decoded& decoded) {
    if (value.data == nullptr) return "the message has no value: it is a tombstone";
    std::string_view text = View(value);
    if (text.size() > kIdBytes && text.front() == '\0') text.remove_prefix(kIdBytes);
    JsonCursor cursor(text.data(), text.data() + text.size());
    cursor.SkipSpace();
    const JsonRead read = ReadRow(&cursor);
    if (read == JsonRead::kMore) return "the record is cut off";
    if (read == JsonRead::kBroken) return cursor.fault();
    cursor.SkipSpace();
    if (cursor.at() != text.data() + text.size()) return "something follows the JSON object";
    const Wanted* const missing = members_.Missing();
    if (missing != nullptr && !has_row_) {
      return missing->name + " is missing; the message has " + members_.Names();
    }
    has_row_ = true;
    WriteRow(decoded, index);
    return "";
  }

  void WriteRow(throng_decoded& decoded, int64_t offset) {
    uint32_t wanted = 0;
    std::string sentence;
    if (!members_.Write(decoded, &wanted, &sentence)) {
      return damages_.Add(offset, decoded.rows, wanted, std::move(sentence));
    }
    decoded.offset[decoded.rows++] = offset;
  }

  const Options options_;
  std::string name_;
  RowMembers members_;
  TextWindow window_;
  State state_ = State::kBetween;
  bool is_in_document_ = false;
  bool is_one_line_ = false;  // each row is
  bool has_row_ = false;      // it is known what rows have
  bool is_searching_ = false;
  char before_ = '\0';  // while searching: the last byte that is no blank
  Damages damages_;
};

}  // namespace

throng_component JsonDecoder() {
  return throng::Decoder<Decoder>("json",
                                  "An object a row: a document, an array, lines, messages.");
}

}  // namespace throng::plugins
