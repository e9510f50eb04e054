// Reads JSON (RFC 8259) from the front of a text that may not be all there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace throng::plugins {

// What a read came to. After kMore and kBroken the cursor stands anywhere.
enum class JsonRead {
  kWhole,
  kMore,   // the text ends before it does
  kBroken  // it is none: JsonCursor::fault() says why
};

struct JsonValue {
  enum class Kind { kText, kScalar, kNested };
  Kind kind = Kind::kScalar;
  std::string_view raw;     // of a text without its quotes; of a nested value its first byte
  bool is_escaped = false;  // a text that has a backslash
};

class JsonCursor {
 public:
  JsonCursor(const char* begin, const char* end) : p_(begin), end_(end) {}

  const char* at() const { return p_; }
  const char* fault() const { return fault_; }
  void SkipSpace() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }
  // The next byte; '\0' behind the end.
  char Peek() const { return p_ < end_ ? *p_ : '\0'; }
  // What is not read yet.
  std::string_view Left() const { return {p_, static_cast<size_t>(end_ - p_)}; }
  JsonRead Expect(char c);
  JsonRead ReadText(JsonValue* value);
  // Any value; what is nested is skipped.
  JsonRead ReadValue(JsonValue* value);

  // Reads an object from its brace on, with `visit(key, value)` of each member.
  template <class Visit>
  JsonRead ReadObject(const Visit& visit) {
    if (const JsonRead open = Expect('{'); open != JsonRead::kWhole) return open;
    SkipSpace();
    if (Peek() == '}') return Expect('}');
    while (true) {
      JsonValue key;
      JsonValue value;
      SkipSpace();
      if (const JsonRead read = ReadText(&key); read != JsonRead::kWhole) return read;
      SkipSpace();
      if (const JsonRead colon = Expect(':'); colon != JsonRead::kWhole) return colon;
      SkipSpace();
      if (const JsonRead read = ReadValue(&value); read != JsonRead::kWhole) return read;
      visit(key, value);
      SkipSpace();
      if (Peek() == '}') return Expect('}');
      if (const JsonRead comma = Expect(','); comma != JsonRead::kWhole) return comma;
    }
  }

 private:
  JsonRead Broken(const char* fault) {
    fault_ = fault;
    return JsonRead::kBroken;
  }
  JsonRead SkipNested();

  const char* p_;
  const char* end_;
  const char* fault_ = "";
};

// The text that an escaped one stands for; false: an escape is none.
bool UnescapeJson(std::string_view raw, std::string* text);

}  // namespace throng::plugins
