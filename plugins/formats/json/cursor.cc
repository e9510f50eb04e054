#include "plugins/formats/json/cursor.h"

#include <array>
#include <bitset>
#include <charconv>
#include <cstdint>

namespace throng::plugins {
namespace {

constexpr size_t kMostDepth = 512;

constexpr std::array<bool, 256> kEndsText = [] {
  std::array<bool, 256> ends{};
  for (size_t c = 0; c < 0x20; ++c) ends[c] = true;
  ends['"'] = ends['\\'] = true;
  return ends;
}();
constexpr std::array<bool, 256> kIsScalar = [] {
  std::array<bool, 256> is{};
  for (const char c :
       std::string_view("0123456789+-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    is[static_cast<uint8_t>(c)] = true;
  }
  return is;
}();

// Appends a code point as UTF-8.
void Append(uint32_t code, std::string* text) {
  const auto byte = [&](uint32_t value) { *text += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      byte(0xe0 | code >> 12);
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
    }
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

// The four hexadecimal digits behind \u at `at`.
bool ReadUnit(std::string_view raw, size_t at, uint32_t* unit) {
  if (raw.size() < at + 4) return false;
  const auto [end, error] = std::from_chars(raw.data() + at, raw.data() + at + 4, *unit, 16);
  return error == std::errc() && end == raw.data() + at + 4;
}

}  // namespace

JsonRead JsonCursor::Expect(char c) {
  if (p_ >= end_) return JsonRead::kMore;
  if (*p_ != c) {
    switch (c) {
      case '{':
        return Broken("the record is no JSON object");
      case ':':
        return Broken("the record is no JSON: a colon is missing");
      default:
        return Broken("the record is no JSON: a comma or a brace is missing");
    }
  }
  ++p_;
  return JsonRead::kWhole;
}

JsonRead JsonCursor::ReadText(JsonValue* value) {
  if (p_ >= end_) return JsonRead::kMore;
  if (*p_ != '"') return Broken("the record is no JSON: a name in quotes is missing");
  const char* const start = ++p_;
  value->kind = JsonValue::Kind::kText;
  value->is_escaped = false;
  while (true) {
    while (p_ < end_ && !kEndsText[static_cast<uint8_t>(*p_)]) ++p_;
    if (p_ >= end_) return JsonRead::kMore;
    if (*p_ == '"') break;
    if (*p_ != '\\') return Broken("the record is no JSON: a text has no end");
    value->is_escaped = true;
    if (end_ - p_ < 2) return JsonRead::kMore;
    if (static_cast<uint8_t>(p_[1]) < 0x20) {
      return Broken("the record is no JSON: a text has no end");
    }
    p_ += 2;
  }
  value->raw = {start, static_cast<size_t>(p_ - start)};
  ++p_;
  return JsonRead::kWhole;
}

JsonRead JsonCursor::ReadValue(JsonValue* value) {
  if (p_ >= end_) return JsonRead::kMore;
  if (*p_ == '"') return ReadText(value);
  if (*p_ == '{' || *p_ == '[') {
    value->kind = JsonValue::Kind::kNested;
    value->raw = {p_, 1};
    return SkipNested();
  }
  const char* const start = p_;
  while (p_ < end_ && kIsScalar[static_cast<uint8_t>(*p_)]) ++p_;
  if (p_ >= end_) return JsonRead::kMore;
  if (p_ == start) return Broken("the record is no JSON: a value is missing");
  value->kind = JsonValue::Kind::kScalar;
  value->raw = {start, static_cast<size_t>(p_ - start)};
  return JsonRead::kWhole;
}

JsonRead JsonCursor::SkipNested() {
  std::bitset<kMostDepth> is_object;
  size_t depth = 0;
  JsonValue value;
  // Brackets must match, and texts must end; what else stands between them is not looked at.
  while (true) {
    while (p_ < end_ && *p_ != '"' && *p_ != '{' && *p_ != '[' && *p_ != '}' && *p_ != ']') ++p_;
    if (p_ >= end_) return JsonRead::kMore;
    if (*p_ == '"') {
      if (const JsonRead read = ReadText(&value); read != JsonRead::kWhole) return read;
    } else if (*p_ == '{' || *p_ == '[') {
      if (depth == kMostDepth) return Broken("the record is nested more than 512 times");
      is_object[depth++] = *p_++ == '{';
    } else {
      if (is_object[depth - 1] != (*p_ == '}')) {
        return Broken("the record is no JSON: brackets do not match");
      }
      ++p_;
      if (--depth == 0) return JsonRead::kWhole;
    }
  }
}

bool UnescapeJson(std::string_view raw, std::string* text) {
  text->clear();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      *text += raw[i];
      continue;
    }
    if (++i == raw.size()) return false;
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
    if (const size_t found = kNames.find(raw[i]); found != std::string_view::npos) {
      *text += kBytes[found];
      continue;
    }
    uint32_t unit = 0;
    if (raw[i] != 'u' || !ReadUnit(raw, i + 1, &unit)) return false;
    i += 4;
    uint32_t low = 0;
    const bool is_high = unit >= 0xd800 && unit < 0xdc00;
    if (is_high && raw.substr(i + 1, 2) == "\\u" && ReadUnit(raw, i + 3, &low) && low >= 0xdc00 &&
        low < 0xe000) {
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      i += 6;
    } else if (unit >= 0xd800 && unit < 0xe000) {
      unit = 0xfffd;  // half of a pair
    }
    Append(unit, text);
  }
  return true;
}

}  // namespace throng::plugins
