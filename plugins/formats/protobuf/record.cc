// Rows as Protobuf: the .proto text of a table, and messages in the binary encoding.
#include "plugins/formats/protobuf/record.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "plugins/formats/registry/typed_schema.h"

namespace throng::plugins {
namespace {

constexpr size_t kMaxDigits = 20;  // or a sign and one less
constexpr size_t kShort = 128;     // sizes below it are one byte
constexpr size_t kMaxTimestamp = 1 + 1 + kMaxVarint + 1 + kMaxVarint;

const char* SchemaType(const throng_column& column) {
  switch (TypeOf(column)) {
    case ColumnType::kTextId:
    case ColumnType::kUuid:
    case ColumnType::kLabel:
      return "string";
    case ColumnType::kIntegerId:
    case ColumnType::kInt64:
      return "int64";
    case ColumnType::kTimestamp:
      return "google.protobuf.Timestamp";
    case ColumnType::kBool:
      return "bool";
    case ColumnType::kRating:
    case ColumnType::kFloat64:
      break;
  }
  return "double";
}

std::string Varint(size_t value) {
  char bytes[kMaxVarint];
  return {bytes, WriteVarint(value, bytes)};
}

// A field's number and how its value is encoded.
std::string Tag(ColumnType type, size_t number) {
  constexpr size_t kVarint = 0;
  constexpr size_t kFixed64 = 1;
  constexpr size_t kSized = 2;
  const bool is_varint =
      type == ColumnType::kIntegerId || type == ColumnType::kInt64 || type == ColumnType::kBool;
  const bool is_double = type == ColumnType::kRating || type == ColumnType::kFloat64;
  return Varint(number << 3 | (is_varint ? kVarint : is_double ? kFixed64 : kSized));
}

// For a column that is there under two names, or for the one in millions whose hash another has.
[[noreturn]] void RefuseNumber(const throng_column& column, std::string_view other) {
  throw Error(THRONG_INVALID_ARGUMENT, "The columns \"" + std::string(other) + "\" and \"" +
                                           column.name + "\" have the same number in Protobuf, " +
                                           std::to_string(column.field_number) +
                                           "; leave one of them out of columns.");
}

}  // namespace

std::string ProtobufSchema(const throng_schema& schema) {
  std::string fields;
  bool has_time = false;
  std::map<uint32_t, std::string_view> names;  // by number
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Protobuf");
    const auto [other, is_new] = names.try_emplace(column.field_number, column.name);
    if (!is_new) RefuseNumber(column, other->second);
    has_time = has_time || column.type == THRONG_COLUMN_TIMESTAMP;
    fields += IsNullable(column) ? "  optional " : "  ";
    fields.append(SchemaType(column)).append(" ").append(column.name);
    fields.append(" = ").append(std::to_string(column.field_number)).append(";\n");
  }
  return std::string("syntax = \"proto3\";\n\npackage ") + kNamespace + ";\n\n" +
         (has_time ? "import \"google/protobuf/timestamp.proto\";\n\n" : "") + "message " +
         RecordName(schema) + " {\n" + fields + "}\n";
}

ProtobufRecord::ProtobufRecord(const throng_schema& schema) {
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    Field& field = fields_.emplace_back();
    field.type = TypeOf(column);
    field.is_checked = IsCheckedForAbsence(column);
    has_checked_ = has_checked_ || field.is_checked;
    field.id_first = column.id_first;
    field.id_key = column.id_key;
    std::string lead = Tag(field.type, column.field_number);
    size_t longest = std::max({kMaxVarint, kMaxTimestamp, 1 + kUuidText});
    if (field.type == ColumnType::kTextId) {
      field.prefix = column.prefix;
      field.prefix_size = field.prefix.size();
      field.is_short = field.id_first >= 0 && field.prefix_size + kMaxDigits < kShort;
      if (field.is_short) lead += std::string(1, '\0') + field.prefix;
      longest += field.prefix_size + kMaxDigits;
    }
    if (field.type == ColumnType::kLabel) {
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
  is_interaction_ = BeginsWithInteraction(fields_);
}

char* ProtobufRecord::WriteLongId(const Field& field, int64_t number, char* p) {
  char digits[kMaxDigits + kTextSlack];
  const auto size = static_cast<size_t>(WriteSigned(number, digits) - digits);
  p = WriteVarint(field.prefix_size + size, field.lead.Write(p));
  std::memcpy(p, field.prefix.data(), field.prefix_size);
  std::memcpy(p + field.prefix_size, digits, size);
  return p + field.prefix_size + size;
}

template <bool kChecked>
char* ProtobufRecord::WriteEach(const throng_block& block, size_t row, size_t from, char* p) const {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  const Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    const Field& field = fields[f];
    const void* const column = block.columns[f];
    if constexpr (kChecked) {
      if (field.is_checked && IsAbsent(field.type, column, row)) {
        continue;
      }
    }
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
  }
  return p;
}

char* ProtobufRecord::WriteFields(const throng_block& block, size_t row, size_t from,
                                  char* p) const {
  return has_checked_ ? WriteEach<true>(block, row, from, p)
                      : WriteEach<false>(block, row, from, p);
}

char* ProtobufRecord::Write(const throng_block& block, size_t first, size_t last, char* p) const {
  const Field* const fields = fields_.data();
  for (size_t row = first; row < last; ++row) {
    size_t from = 0;
    if (is_interaction_) {  // unrolled
      p = WriteTextId(fields[0], TextIdColumn::At(block.columns[0], row) + kUsualFirstId, p);
      p = WriteTextId(fields[1], TextIdColumn::At(block.columns[1], row) + kUsualFirstId, p);
      p = WriteValue<RatingColumn>(fields[2], block.columns[2], row, p);
      p = WriteValue<TimestampColumn>(fields[3], block.columns[3], row, p);
      from = 4;
    }
    if (from < fields_.size()) p = WriteFields(block, row, from, p);
  }
  return p;
}

}  // namespace throng::plugins
