// Rows as Protobuf: the .proto text of a table, and messages in the binary encoding.
#include "plugins/formats/protobuf/record.h"

#include <algorithm>
#include <string_view>

#include "plugins/formats/registry/typed_schema.h"

namespace throng::plugins {
namespace {

constexpr size_t kMaxDigits = 20;
constexpr size_t kShort = 128;  // sizes below it are one byte
constexpr size_t kMaxTimestamp = 1 + 1 + kMaxVarint + 1 + kMaxVarint;

const char* TypeOf(const throng_column& column) {
  switch (column.type) {
    case THRONG_COLUMN_ID:
    case THRONG_COLUMN_LABEL:
      return "string";
    case THRONG_COLUMN_INT64:
      return "int64";
    case THRONG_COLUMN_TIMESTAMP:
      return "google.protobuf.Timestamp";
    case THRONG_COLUMN_RATING:
    case THRONG_COLUMN_FLOAT64:
      return "double";
    case THRONG_COLUMN_BOOL:
      return "bool";
    default:
      RefuseType(column);
  }
}

std::string Varint(size_t value) {
  char bytes[kMaxVarint];
  return {bytes, WriteVarint(value, bytes)};
}

// A field's number and how its value is encoded.
std::string Tag(uint32_t type, size_t number) {
  constexpr size_t kVarint = 0;
  constexpr size_t kFixed64 = 1;
  constexpr size_t kSized = 2;
  const bool is_varint = type == THRONG_COLUMN_INT64 || type == THRONG_COLUMN_BOOL;
  const bool is_double = type == THRONG_COLUMN_RATING || type == THRONG_COLUMN_FLOAT64;
  return Varint(number << 3 | (is_varint ? kVarint : is_double ? kFixed64 : kSized));
}

}  // namespace

std::string ProtobufSchema(const throng_schema& schema) {
  std::string fields;
  bool has_time = false;
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Protobuf");
    has_time = has_time || column.type == THRONG_COLUMN_TIMESTAMP;
    fields += IsNullable(column) ? "  optional " : "  ";
    fields.append(TypeOf(column)).append(" ").append(column.name);
    fields.append(" = ").append(std::to_string(c + 1)).append(";\n");
  }
  return std::string("syntax = \"proto3\";\n\npackage ") + kNamespace + ";\n\n" +
         (has_time ? "import \"google/protobuf/timestamp.proto\";\n\n" : "") + "message " +
         RecordName(schema) + " {\n" + fields + "}\n";
}

ProtobufRecord::ProtobufRecord(const throng_schema& schema) {
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    Field& field = fields_.emplace_back();
    field.type = column.type;
    std::string lead = Tag(column.type, c + 1);
    size_t longest = std::max(kMaxVarint, kMaxTimestamp);
    if (column.type == THRONG_COLUMN_ID) {
      field.prefix = column.prefix;
      field.prefix_size = field.prefix.size();
      field.is_short = field.prefix_size + kMaxDigits < kShort;
      if (field.is_short) lead += std::string(1, '\0') + field.prefix;
      longest += field.prefix_size + kMaxDigits;
    }
    if (column.type == THRONG_COLUMN_LABEL) {
      field.texts.emplace_back("");
      for (size_t label = 0; label < column.labels_count; ++label) {
        const std::string text = column.labels[label];
        field.texts.emplace_back(std::string(lead).append(Varint(text.size())).append(text));
        longest = std::max(longest, kMaxVarint + text.size());
      }
    }
    field.lead = FixedText(lead);
    max_size_ += kMaxVarint + longest;
  }
  const auto is = [&](size_t i, uint32_t type) { return fields_[i].type == type; };
  is_interaction_ = fields_.size() >= 4 && is(0, THRONG_COLUMN_ID) && is(1, THRONG_COLUMN_ID) &&
                    is(2, THRONG_COLUMN_RATING) && is(3, THRONG_COLUMN_TIMESTAMP);
}

char* ProtobufRecord::WriteLongId(const Field& field, uint64_t number, char* p) {
  char digits[kMaxDigits + kTextSlack];
  const auto size = static_cast<size_t>(WriteNumber(number, digits) - digits);
  p = WriteVarint(field.prefix_size + size, field.lead.Write(p));
  std::memcpy(p, field.prefix.data(), field.prefix_size);
  std::memcpy(p + field.prefix_size, digits, size);
  return p + field.prefix_size + size;
}

char* ProtobufRecord::WriteFields(const throng_block& block, size_t row, size_t from,
                                  char* p) const {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  const Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    const Field& field = fields[f];
    const void* const column = block.columns[f];
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
  }
  return p;
}

char* ProtobufRecord::Write(const throng_block& block, size_t first, size_t last, char* p) const {
  const Field* const fields = fields_.data();
  for (size_t row = first; row < last; ++row) {
    size_t from = 0;
    if (is_interaction_) {  // unrolled
      p = WriteValue<IdColumn>(fields[0], block.columns[0], row, p);
      p = WriteValue<IdColumn>(fields[1], block.columns[1], row, p);
      p = WriteValue<RatingColumn>(fields[2], block.columns[2], row, p);
      p = WriteValue<TimestampColumn>(fields[3], block.columns[3], row, p);
      from = 4;
    }
    if (from < fields_.size()) p = WriteFields(block, row, from, p);
  }
  return p;
}

}  // namespace throng::plugins
