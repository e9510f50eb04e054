// Finds the fields of records of delimited text, as in RFC 4180, in a buffer that it may write to.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace throng::plugins {

struct CsvField {
  const char* data;
  size_t size;
  std::string_view view() const { return {data, size}; }
};

class RecordScanner {
 public:
  enum class Found {
    kRecord,
    kOpenQuote,   // it does not end before the text does: a quoted value is still open
    kBrokenQuote  // something else than a delimiter stands behind a quoted value
  };

  // Records have values between `delimiter`s, of at least one byte, none of them a quote or the
  // end of a line. Of each record the first `wanted` fields are kept.
  void Begin(std::string_view delimiter, size_t wanted);

  // Reads the record at `begin`, before `end`, between which there is a line's end, and ends by
  // one. Fields are valid until the buffer changes. Quoted values are unescaped where they stand
  // once the whole record is known to be there.
  Found Scan(char* begin, char* end);

  // Of the last record: bytes, its line's end included, and fields, of which those wanted are kept.
  size_t bytes() const { return bytes_; }
  size_t count() const { return count_; }
  const CsvField& field(size_t index) const { return fields_[index]; }
  size_t kept() const { return count_ < fields_.size() ? count_ : fields_.size(); }
  // Whether it is a line without anything.
  bool IsBlank() const { return count_ == 1 && is_blank_; }

 private:
  bool IsDelimiter(const char* p, const char* end) const;
  Found ScanQuoted(char* begin, char* end, char** after);

  std::string delimiter_;
  std::array<bool, 256> is_special_{};  // a line's end or a delimiter's first byte
  std::vector<CsvField> fields_;
  std::vector<size_t> escaped_;  // kept fields with doubled quotes
  size_t bytes_ = 0;
  size_t count_ = 0;
  bool is_blank_ = false;
};

}  // namespace throng::plugins
