#include "proto/json.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "proto/option_text.h"

namespace throng {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::ordered_json;

// SLICE_MODE_INTERLEAVED of SliceMode -> "interleaved".
std::string EnumText(const google::protobuf::EnumValueDescriptor& value) {
  // The first value is PREFIX_UNSPECIFIED.
  constexpr std::string_view kUnspecified = "UNSPECIFIED";
  const std::string& first = value.type()->value(0)->name();
  std::string text = value.name().substr(first.size() - kUnspecified.size());
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string HexText(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

// One value: of a singular field for index -1, else an element.
ordered_json Value(const Message& message, const FieldDescriptor& field, int index,
                   JsonFields wanted) {
  const auto* r = message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return one ? r->GetInt32(message, &field) : r->GetRepeatedInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r->GetInt64(message, &field) : r->GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT32:
      return one ? r->GetUInt32(message, &field) : r->GetRepeatedUInt32(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r->GetUInt64(message, &field) : r->GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? r->GetDouble(message, &field) : r->GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return one ? r->GetFloat(message, &field) : r->GetRepeatedFloat(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r->GetBool(message, &field) : r->GetRepeatedBool(message, &field, index);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(one ? *r->GetEnum(message, &field)
                          : *r->GetRepeatedEnum(message, &field, index));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text =
          one ? r->GetString(message, &field) : r->GetRepeatedString(message, &field, index);
      return field.type() == FieldDescriptor::TYPE_BYTES ? HexText(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToJson(
          one ? r->GetMessage(message, &field) : r->GetRepeatedMessage(message, &field, index),
          wanted);
  }
  return nullptr;
}

}  // namespace

ordered_json ToJson(const Message& message, JsonFields wanted) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return TimestampText(time->seconds() * 1000 + time->nanos() / 1'000'000);
  }
  if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    return DurationText(duration->seconds() * 1000 + duration->nanos() / 1'000'000);
  }
  ordered_json json = ordered_json::object();
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  if (wanted == JsonFields::kAll) {
    fields.clear();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = message.GetDescriptor()->field(i);
      if (field->has_presence() && !message.GetReflection()->HasField(message, field)) continue;
      fields.push_back(field);
    }
  }
  for (const FieldDescriptor* field : fields) {
    ordered_json& value = json[field->name()];
    if (field->is_map()) {
      std::map<std::string, std::string> sorted;
      for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
        const Message& entry = message.GetReflection()->GetRepeatedMessage(message, field, i);
        const auto* key = field->message_type()->map_key();
        const auto* mapped = field->message_type()->map_value();
        sorted[entry.GetReflection()->GetString(entry, key)] =
            entry.GetReflection()->GetString(entry, mapped);
      }
      value = sorted;
    } else if (field->is_repeated()) {
      value = ordered_json::array();
      for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
        value.push_back(Value(message, *field, i, wanted));
      }
    } else {
      value = Value(message, *field, -1, wanted);
    }
  }
  return json;
}

}  // namespace throng
