// Messages of Protobuf, read by their fields' numbers.
#include "plugins/formats/protobuf/message_reader.h"

#include <cstring>
#include <utility>

namespace throng::plugins {
namespace {

enum Wire : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kSized = 2,
  kGroup = 3,
  kGroupEnd = 4,
  kFixed32 = 5
};

constexpr int kDeepest = 32;

bool TakeTag(std::string_view* bytes, uint32_t* number, uint32_t* wire) {
  uint64_t tag = 0;
  if (!TakeProtoVarint(bytes, &tag) || tag >> 32 != 0 || tag >> 3 == 0) return false;
  *number = static_cast<uint32_t>(tag >> 3);
  *wire = static_cast<uint32_t>(tag & 7);
  return true;
}

bool TakeSized(std::string_view* bytes, std::string_view* value) {
  uint64_t size = 0;
  if (!TakeProtoVarint(bytes, &size) || size > bytes->size()) return false;
  *value = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return true;
}

bool TakeFixed(std::string_view* bytes, size_t size, uint64_t* value) {
  if (bytes->size() < size) return false;
  *value = 0;
  std::memcpy(value, bytes->data(), size);
  bytes->remove_prefix(size);
  return true;
}

// Up to the end of a group that began.
bool SkipGroup(std::string_view* bytes, uint32_t number, int depth) {
  if (depth > kDeepest) return false;
  uint32_t inner = 0;
  uint32_t wire = 0;
  uint64_t ignored = 0;
  std::string_view text;
  while (TakeTag(bytes, &inner, &wire)) {
    switch (wire) {
      case kVarint:
        if (!TakeProtoVarint(bytes, &ignored)) return false;
        break;
      case kFixed64:
      case kFixed32:
        if (!TakeFixed(bytes, wire == kFixed64 ? 8 : 4, &ignored)) return false;
        break;
      case kSized:
        if (!TakeSized(bytes, &text)) return false;
        break;
      case kGroup:
        if (!SkipGroup(bytes, inner, depth + 1)) return false;
        break;
      case kGroupEnd:
        return inner == number;
      default:
        return false;
    }
  }
  return false;
}

MessageResult Refuse(std::string reason, size_t wanted = FoundColumns::kRecord) {
  return {.is_row = false, .wanted = wanted, .reason = std::move(reason)};
}

int64_t Zigzag(uint64_t bits) {
  return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
}

}  // namespace

bool TakeProtoVarint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>((*bytes)[i]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// A value as it was found.
struct ProtobufReader::Value {
  uint32_t wire = 0;
  uint64_t bits = 0;
  std::string_view text;
};

ProtobufReader::ProtobufReader(const std::vector<ProtoField>& fields, const std::string& name,
                               FoundColumns* columns)
    : columns_(*columns), low_(kLow) {
  if (columns_.size() > 64) {
    throw Error(THRONG_INVALID_ARGUMENT, "More than 64 columns are wanted of Protobuf messages.");
  }
  uint64_t found = 0;
  std::vector<std::string> names;
  for (const ProtoField& field : fields) {
    names.push_back(field.name);
    const auto wanted = columns_.Find(field.name);
    if (!wanted) continue;
    if (field.type == ProtoType::kRepeated) {
      throw Error(THRONG_NOT_FOUND, name + " has a column " + field.name +
                                        " that is repeated; a single value is wanted.");
    }
    found |= uint64_t{1} << *wanted;
    if (field.is_number && !field.is_optional) zero_ |= uint64_t{1} << *wanted;
    (field.number < kLow ? low_[field.number] : high_[field.number]) = {*wanted, field.type};
  }
  for (size_t wanted = 0; wanted < columns_.size(); ++wanted) {
    if ((found >> wanted & 1) != 0 || !columns_.is_required(wanted)) continue;
    throw Error(THRONG_NOT_FOUND, name + " has no column " + columns_.name(wanted) + "; it has " +
                                      Listed(names) + ". Say which of them it is.");
  }
}

const ProtobufReader::Field* ProtobufReader::FieldOf(uint32_t number) const {
  if (number < kLow) return &low_[number];
  const auto field = high_.find(number);
  return field == high_.end() ? &low_[0] : &field->second;  // no field has the number 0
}

MessageResult ProtobufReader::Read(std::string_view message, size_t row) {
  std::string_view bytes = message;
  uint64_t found = 0;
  while (!bytes.empty()) {
    uint32_t number = 0;
    Value value;
    if (!TakeTag(&bytes, &number, &value.wire)) {
      return Refuse("the message has no field where one should begin, at its byte " +
                    std::to_string(message.size() - bytes.size()));
    }
    bool is_whole = false;
    switch (value.wire) {
      case kVarint:
        is_whole = TakeProtoVarint(&bytes, &value.bits);
        break;
      case kFixed64:
      case kFixed32:
        is_whole = TakeFixed(&bytes, value.wire == kFixed64 ? 8 : 4, &value.bits);
        break;
      case kSized:
        is_whole = TakeSized(&bytes, &value.text);
        break;
      case kGroup:
        is_whole = SkipGroup(&bytes, number, 0);
        break;
      default:
        break;
    }
    if (!is_whole) {
      return Refuse("the message ends too early, in its field " + std::to_string(number));
    }
    const Field& field = *FieldOf(number);
    if (field.wanted == FoundColumns::kRecord) continue;
    if (!Put(field, value, row)) return Refuse(reason_, field.wanted);
    found |= uint64_t{1} << field.wanted;
  }
  for (size_t wanted = 0; wanted < columns_.size(); ++wanted) {
    if ((found >> wanted & 1) != 0) continue;
    if ((zero_ >> wanted & 1) != 0) {
      columns_.PutInteger(wanted, row, 0);
    } else if (!columns_.PutAbsent(wanted, row)) {
      return Refuse(columns_.reason(), wanted);
    }
  }
  return {};
}

bool ProtobufReader::Put(const Field& field, const Value& value, size_t row) {
  bool is_put = false;
  switch (value.wire) {
    case kVarint:
      is_put = columns_.PutInteger(
          field.wanted, row,
          field.type == ProtoType::kSigned ? Zigzag(value.bits) : static_cast<int64_t>(value.bits));
      break;
    case kFixed64: {
      double number = 0;
      std::memcpy(&number, &value.bits, sizeof number);
      is_put = field.type == ProtoType::kFixed
                   ? columns_.PutInteger(field.wanted, row, static_cast<int64_t>(value.bits))
                   : columns_.PutFloat(field.wanted, row, number);
      break;
    }
    case kFixed32: {
      float number = 0;
      std::memcpy(&number, &value.bits, sizeof number);
      is_put = field.type == ProtoType::kFixed
                   ? columns_.PutInteger(field.wanted, row, static_cast<int32_t>(value.bits))
                   : columns_.PutFloat(field.wanted, row, static_cast<double>(number));
      break;
    }
    case kSized:
      if (field.type == ProtoType::kTimestamp) return PutTime(field, value.text, row);
      if (field.type == ProtoType::kNamed) break;
      is_put = columns_.PutText(field.wanted, row, value.text);
      break;
    default:
      break;
  }
  if (is_put) return true;
  reason_ = columns_.reason();
  if (value.wire == kGroup || (value.wire == kSized && field.type == ProtoType::kNamed)) {
    reason_ = columns_.name(field.wanted) + " is a message, and a single value is wanted";
  }
  return false;
}

bool ProtobufReader::PutTime(const Field& field, std::string_view message, size_t row) {
  int64_t seconds = 0;
  int64_t nanos = 0;
  while (!message.empty()) {
    uint32_t number = 0;
    uint32_t wire = 0;
    uint64_t bits = 0;
    if (!TakeTag(&message, &number, &wire) || wire != kVarint ||
        !TakeProtoVarint(&message, &bits)) {
      reason_ = columns_.name(field.wanted) + " is no google.protobuf.Timestamp";
      return false;
    }
    if (number == 1) seconds = static_cast<int64_t>(bits);
    if (number == 2) nanos = static_cast<int64_t>(bits);
  }
  constexpr int64_t kMost = 1'000'000'000'000;  // well beyond the year 9999
  if (seconds < -kMost || seconds > kMost || nanos < 0 || nanos > 999'999'999) {
    reason_ = columns_.name(field.wanted) + " is no time: " + std::to_string(seconds) + " s and " +
              std::to_string(nanos) + " ns";
    return false;
  }
  return columns_.PutTime(field.wanted, row, seconds * 1000 + nanos / 1'000'000);
}

}  // namespace throng::plugins
