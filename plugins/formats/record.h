// Rows as text records: constant pieces (separators, names, prefixes, quotes) with values between
// them. csv and json differ in the pieces only.
#ifndef THRONG_FORMATS_RECORD_H_
#define THRONG_FORMATS_RECORD_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "text.h"
#include "throng/plugin.h"

namespace throng {

// The lead and the texts (see Record::Add) of a column without any quotes.
inline std::string PlainPrefix(const throng_column& column) {
  return column.type == THRONG_COLUMN_ID ? column.prefix : "";
}
inline std::vector<std::string> PlainTexts(const throng_column& column) {
  if (column.type == THRONG_COLUMN_BOOL) return {"false", "true"};
  std::vector<std::string> texts = {""};
  if (column.type == THRONG_COLUMN_LABEL) {
    texts.insert(texts.end(), column.labels, column.labels + column.labels_count);
  }
  return texts;
}

class Record {
 public:
  // Appends the value of schema column `index`, after the text `lead` (which holds an id's prefix).
  // `texts` is what a value stands for: of a LABEL "absent", then each label; of a BOOL "false" and
  // "true"; of a FLOAT64 "absent", written for what is not finite; else nothing.
  void Add(const throng_column& column, size_t index, const std::string& lead,
           const std::vector<std::string>& texts) {
    Field& field = fields_.emplace_back(column.type, index, lead);
    size_t longest = std::max({kMaxNumberText, kMaxRatingText, kMaxFloatText, kTimestampText});
    for (const std::string& text : texts) {
      field.texts.emplace_back(text);
      longest = std::max(longest, text.size());
    }
    max_size_ += lead.size() + longest;
    is_plain_ = fields_.size() == 4 && fields_[0].type == THRONG_COLUMN_ID &&
                fields_[1].type == THRONG_COLUMN_ID && fields_[2].type == THRONG_COLUMN_RATING &&
                fields_[3].type == THRONG_COLUMN_TIMESTAMP;
  }
  // The text after the last value.
  void End(const std::string& text) {
    end_ = Piece(text);
    max_size_ += text.size();
  }

  // Bytes that a record may take; writing needs kTextSlack more behind the last.
  size_t max_size() const { return max_size_; }

  // Writes row `row` of the block at p and returns its end.
  char* Write(const throng_block& block, size_t row, char* p) {
    const void* const* columns = block.columns;
    Field* field = fields_.data();
    if (is_plain_) {
      // The four columns of an interaction, unrolled: twice as fast as the loop.
      p = WriteValue<THRONG_COLUMN_ID>(field[0], columns, row, p);
      p = WriteValue<THRONG_COLUMN_ID>(field[1], columns, row, p);
      p = WriteValue<THRONG_COLUMN_RATING>(field[2], columns, row, p);
      p = WriteValue<THRONG_COLUMN_TIMESTAMP>(field[3], columns, row, p);
    } else {
      for (Field& f : fields_) p = WriteAny(f, columns, row, p);
    }
    return end_.Write(p);
  }

 private:
  struct Field {
    Field(uint32_t type_of, size_t index, const std::string& text)
        : type(type_of), column(index), lead(text), timestamp(text) {}
    uint32_t type;
    size_t column;
    Piece lead;
    TimestampWriter timestamp;  // includes the lead
    std::vector<Piece> texts;
  };

  template <class T>
  static T At(const Field& field, const void* const* columns, size_t row) {
    return static_cast<const T*>(columns[field.column])[row];
  }

  template <uint32_t kType>
  static char* WriteValue(Field& field, const void* const* columns, size_t row, char* p) {
    if constexpr (kType == THRONG_COLUMN_TIMESTAMP) {
      return field.timestamp.Write(At<int64_t>(field, columns, row), p);
    }
    p = field.lead.Write(p);
    if constexpr (kType == THRONG_COLUMN_ID) {
      return WriteNumber(static_cast<uint64_t>(At<int64_t>(field, columns, row)) + 1, p);
    } else if constexpr (kType == THRONG_COLUMN_INT64) {
      return WriteSigned(At<int64_t>(field, columns, row), p);
    } else if constexpr (kType == THRONG_COLUMN_RATING) {
      return WriteRating(At<int32_t>(field, columns, row), p);
    } else if constexpr (kType == THRONG_COLUMN_LABEL) {
      return field.texts[static_cast<size_t>(At<int32_t>(field, columns, row) + 1)].Write(p);
    } else if constexpr (kType == THRONG_COLUMN_BOOL) {
      return field.texts[At<uint8_t>(field, columns, row) != 0].Write(p);
    } else {
      const double value = At<double>(field, columns, row);
      return std::isfinite(value) ? WriteFloat(value, p) : field.texts[0].Write(p);
    }
  }

  static char* WriteAny(Field& field, const void* const* columns, size_t row, char* p) {
    switch (field.type) {
      case THRONG_COLUMN_ID:
        return WriteValue<THRONG_COLUMN_ID>(field, columns, row, p);
      case THRONG_COLUMN_INT64:
        return WriteValue<THRONG_COLUMN_INT64>(field, columns, row, p);
      case THRONG_COLUMN_RATING:
        return WriteValue<THRONG_COLUMN_RATING>(field, columns, row, p);
      case THRONG_COLUMN_TIMESTAMP:
        return WriteValue<THRONG_COLUMN_TIMESTAMP>(field, columns, row, p);
      case THRONG_COLUMN_LABEL:
        return WriteValue<THRONG_COLUMN_LABEL>(field, columns, row, p);
      case THRONG_COLUMN_BOOL:
        return WriteValue<THRONG_COLUMN_BOOL>(field, columns, row, p);
      default:
        return WriteValue<THRONG_COLUMN_FLOAT64>(field, columns, row, p);
    }
  }

  std::vector<Field> fields_;
  Piece end_;
  size_t max_size_ = 0;
  bool is_plain_ = false;
};

}  // namespace throng

#endif  // THRONG_FORMATS_RECORD_H_
