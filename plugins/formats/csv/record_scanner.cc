#include "plugins/formats/csv/record_scanner.h"

#include <cstdint>
#include <cstring>

namespace throng::plugins {
namespace {

// Makes one quote of each two, and returns how many bytes remain.
size_t Unescape(char* data, size_t size) {
  char* to = data;
  for (const char *from = data, *end = data + size; from < end; ++from) {
    *to++ = *from;
    if (*from == '"') ++from;
  }
  return static_cast<size_t>(to - data);
}

}  // namespace

bool RecordScanner::IsDelimiter(const char* p, const char* end) const {
  const size_t size = delimiter_.size();
  return size == 1
             ? *p == delimiter_.front()
             : static_cast<size_t>(end - p) >= size && std::memcmp(p, delimiter_.data(), size) == 0;
}

void RecordScanner::Begin(std::string_view delimiter, size_t wanted) {
  delimiter_ = delimiter;
  is_special_ = {};
  is_special_['\n'] = true;
  is_special_[static_cast<uint8_t>(delimiter.front())] = true;
  fields_.assign(wanted, {});
}

RecordScanner::Found RecordScanner::ScanQuoted(char* begin, char* end, char** after) {
  bool is_escaped = false;
  char* p = begin;
  while (true) {
    p = static_cast<char*>(std::memchr(p, '"', static_cast<size_t>(end - p)));
    if (p == nullptr) return Found::kOpenQuote;
    // What follows it must be known: a second quote, or a line's end in two bytes.
    if (p + 1 >= end) return Found::kOpenQuote;
    if (p[1] != '"') break;
    is_escaped = true;
    p += 2;
  }
  if (count_ < fields_.size()) {
    fields_[count_] = {begin, static_cast<size_t>(p - begin)};
    if (is_escaped) escaped_.push_back(count_);
  }
  ++p;
  if (*p == '\r' && p + 1 >= end) return Found::kOpenQuote;
  if (*p == '\r' && p[1] == '\n') ++p;
  if (*p != '\n' && !IsDelimiter(p, end)) return Found::kBrokenQuote;
  *after = p;
  return Found::kRecord;
}

RecordScanner::Found RecordScanner::Scan(char* begin, char* end) {
  count_ = 0;
  escaped_.clear();
  is_blank_ = *begin == '\n' || *begin == '\r';
  bool is_bounded = false;  // a quoted value may have gone beyond the last line's end
  char* p = begin;
  while (true) {
    if (is_bounded && p >= end) return Found::kOpenQuote;
    if (*p == '"') {
      const Found found = ScanQuoted(p + 1, end, &p);
      if (found != Found::kRecord) return found;
      is_bounded = true;
    } else {
      char* const start = p;
      if (is_bounded && std::memchr(p, '\n', static_cast<size_t>(end - p)) == nullptr) {
        return Found::kOpenQuote;
      }
      while (true) {
        while (!is_special_[static_cast<uint8_t>(*p)]) ++p;
        if (*p == '\n' || IsDelimiter(p, end)) break;
        ++p;
      }
      auto size = static_cast<size_t>(p - start);
      if (*p == '\n' && size > 0 && p[-1] == '\r') --size;
      is_blank_ = is_blank_ && size == 0;
      if (count_ < fields_.size()) fields_[count_] = {start, size};
    }
    ++count_;
    if (*p == '\n') break;
    p += delimiter_.size();
  }
  bytes_ = static_cast<size_t>(p + 1 - begin);
  for (const size_t index : escaped_) {
    CsvField& field = fields_[index];
    field.size = Unescape(const_cast<char*>(field.data), field.size);
  }
  return Found::kRecord;
}

}  // namespace throng::plugins
