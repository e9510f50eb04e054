// Rows as Avro: the schema of a table, and records in Avro's binary encoding.
#include "plugins/formats/avro/record.h"

#include <string_view>

#include "plugins/formats/registry/typed_schema.h"

namespace throng::plugins {
namespace {

constexpr size_t kMaxDigits = 20;  // or a sign and one less
constexpr size_t kShort = 64;      // sizes below it are one byte

const char* SchemaType(const throng_column& column) {
  switch (TypeOf(column)) {
    case ColumnType::kTextId:
    case ColumnType::kLabel:
      return R"("string")";
    case ColumnType::kUuid:
      return R"({"type":"string","logicalType":"uuid"})";
    case ColumnType::kIntegerId:
    case ColumnType::kInt64:
      return R"("long")";
    case ColumnType::kTimestamp:
      return R"({"type":"long","logicalType":"timestamp-millis"})";
    case ColumnType::kBool:
      return R"("boolean")";
    case ColumnType::kRating:
    case ColumnType::kFloat64:
      break;
  }
  return R"("double")";
}

}  // namespace

std::string AvroVarint(size_t value) {
  char bytes[kMaxVarint];
  return {bytes, WriteZigzag(static_cast<int64_t>(value), bytes)};
}

std::string AvroString(std::string_view text) {
  return AvroVarint(text.size()) + std::string(text);
}

std::string AvroSchema(const throng_schema& schema) {
  std::string text = R"({"type":"record","name":")" + RecordName(schema) + R"(","namespace":")";
  text += std::string(kNamespace) + R"(","fields":[)";
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    RequireName(column.name, "Avro");
    const std::string type = SchemaType(column);
    text += c == 0 ? "" : ",";
    text += R"({"name":")" + std::string(column.name) + R"(","type":)";
    text += IsNullable(column) ? R"(["null",)" + type + R"(],"default":null})" : type + "}";
  }
  return text + "]}";
}

AvroRecord::AvroRecord(const throng_schema& schema) {
  for (size_t c = 0; c < schema.columns_count; ++c) {
    const throng_column& column = *schema.columns[c];
    Field& field = fields_.emplace_back();
    field.type = TypeOf(column);
    field.is_nullable = IsNullable(column);
    field.is_checked = IsCheckedForAbsence(column);
    has_checked_ = has_checked_ || field.is_checked;
    field.id_first = column.id_first;
    field.id_key = column.id_key;
    size_t longest = std::max(kMaxVarint, 1 + kUuidText);
    if (field.type == ColumnType::kTextId) {
      const std::string prefix = column.prefix;
      field.prefix_size = prefix.size();
      field.is_short = field.id_first >= 0 && prefix.size() + kMaxDigits < kShort;
      field.lead = FixedText((field.is_nullable ? "\x02" : "") + std::string(1, '\0') + prefix);
      longest += prefix.size() + kMaxDigits;
    }
    if (field.type == ColumnType::kLabel) {
      field.texts.emplace_back(std::string_view("\0", 1));
      for (size_t label = 0; label < column.labels_count; ++label) {
        const std::string text = "\x02" + AvroString(column.labels[label]);
        field.texts.emplace_back(text);
        longest = std::max(longest, text.size());
      }
    }
    max_size_ += 1 + longest;
  }
  is_interaction_ = BeginsWithInteraction(fields_);
}

char* AvroRecord::WriteLongId(const Field& field, int64_t number, char* p) {
  char digits[kMaxDigits + kTextSlack];
  const auto size = static_cast<size_t>(WriteSigned(number, digits) - digits);
  // The lead is too long for its place: the size stands before it and may take two bytes or more.
  std::string lead(field.lead.size() + kTextSlack, '\0');
  const size_t branch = field.is_nullable ? 1 : 0;
  field.lead.Write(lead.data());
  std::memcpy(p, lead.data(), branch);
  p = WriteZigzag(static_cast<int64_t>(field.prefix_size + size), p + branch);
  std::memcpy(p, lead.data() + branch + 1, field.prefix_size);
  std::memcpy(p + field.prefix_size, digits, size);
  return p + field.prefix_size + size;
}

template <bool kChecked>
char* AvroRecord::WriteEach(const throng_block& block, size_t row, size_t from, char* p) const {
  // Bytes alias everything: what the loop reads is kept out of memory that it may write.
  const Field* const fields = fields_.data();
  const size_t count = fields_.size();
  for (size_t f = from; f < count; ++f) {
    const Field& field = fields[f];
    const void* const column = block.columns[f];
    if constexpr (kChecked) {
      if (field.is_checked && IsAbsent(field.type, column, row)) {
        *p++ = 0;  // null is the first type of the union
        continue;
      }
    }
    p = VisitType(field.type,
                  [&]<class Column>(Column) { return WriteValue<Column>(field, column, row, p); });
  }
  return p;
}

char* AvroRecord::WriteFields(const throng_block& block, size_t row, size_t from, char* p) const {
  return has_checked_ ? WriteEach<true>(block, row, from, p)
                      : WriteEach<false>(block, row, from, p);
}

// The four values of an interaction unrolled, then what follows them (kMore). Not inlined, so that
// it has all registers to itself.
template <bool kMore>
[[gnu::noinline]] char* AvroRecord::WriteInteractions(const throng_block& block, size_t first,
                                                      size_t last, char* p) const {
  const Field* const fields = fields_.data();
  const void* const user = block.columns[0];
  const void* const item = block.columns[1];
  const void* const rating = block.columns[2];
  const void* const time = block.columns[3];
  for (size_t row = first; row < last; ++row) {
    p = WriteTextId(fields[0], TextIdColumn::At(user, row) + kUsualFirstId, p);
    p = WriteTextId(fields[1], TextIdColumn::At(item, row) + kUsualFirstId, p);
    p = WriteValue<RatingColumn>(fields[2], rating, row, p);
    p = WriteValue<TimestampColumn>(fields[3], time, row, p);
    if constexpr (kMore) p = WriteFields(block, row, 4, p);
  }
  return p;
}

char* AvroRecord::Write(const throng_block& block, size_t first, size_t last, char* p) const {
  if (is_interaction_) {
    return fields_.size() > 4 ? WriteInteractions<true>(block, first, last, p)
                              : WriteInteractions<false>(block, first, last, p);
  }
  for (size_t row = first; row < last; ++row) p = WriteFields(block, row, 0, p);
  return p;
}

}  // namespace throng::plugins
