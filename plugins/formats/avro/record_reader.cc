// Records of Avro, read by the schema that they were written with.
#include "plugins/formats/avro/record_reader.h"

#include <cmath>
#include <utility>

namespace throng::plugins {
namespace {

constexpr int kDeepest = 64;
constexpr int64_t kMsPerDay = 86'400'000;

const char* NameOf(AvroKind kind) {
  switch (kind) {
    case AvroKind::kArray:
      return "an array";
    case AvroKind::kMap:
      return "a map";
    case AvroKind::kRecord:
      return "a record";
    default:
      return "no value";
  }
}

bool IsValue(const AvroType& type) {
  return type.kind != AvroKind::kArray && type.kind != AvroKind::kMap &&
         type.kind != AvroKind::kRecord;
}

}  // namespace

AvroRecordReader::AvroRecordReader(const AvroReaderSchema& schema, const std::string& name,
                                   FoundColumns* columns)
    : columns_(*columns), root_(schema.root()) {
  if (root_.kind != AvroKind::kRecord) {
    throw Error(THRONG_DATA_LOSS, name + " has an Avro schema that is not one of records.");
  }
  std::vector<bool> is_there(columns_.size());
  for (size_t i = 0; i < root_.parts.size(); ++i) {
    size_t wanted = columns_.Find(root_.names[i]).value_or(FoundColumns::kRecord);
    if (wanted != FoundColumns::kRecord && is_there[wanted]) wanted = FoundColumns::kRecord;
    if (wanted != FoundColumns::kRecord) {
      is_there[wanted] = true;
      if (!IsValue(*root_.parts[i])) {
        throw Error(THRONG_NOT_FOUND, name + " has a column " + root_.names[i] + " that is " +
                                          NameOf(root_.parts[i]->kind) +
                                          "; a single value is wanted.");
      }
    }
    steps_.push_back({root_.parts[i], wanted});
  }
  for (size_t wanted = 0; wanted < is_there.size(); ++wanted) {
    if (is_there[wanted]) continue;
    if (columns_.is_required(wanted)) {
      throw Error(THRONG_NOT_FOUND, name + " has no column " + columns_.name(wanted) + "; it has " +
                                        Listed(root_.names) + ". Say which of them it is.");
    }
    missing_.push_back(wanted);
  }
}

AvroRecordReader::Result AvroRecordReader::Damage(size_t wanted, std::string reason) {
  wanted_ = wanted;
  reason_ = std::move(reason);
  return Result::kDamaged;
}

AvroRecordReader::Result AvroRecordReader::Break(size_t wanted, std::string reason) {
  wanted_ = wanted;
  reason_ = std::move(reason);
  return Result::kBroken;
}

AvroRecordReader::Result AvroRecordReader::Put(bool is_put, size_t wanted) {
  return is_put ? Result::kRow : Damage(wanted, columns_.reason());
}

AvroRecordReader::Result AvroRecordReader::Read(AvroBytes* bytes, size_t row) {
  Result result = Result::kRow;
  for (const auto& [type, wanted] : steps_) {
    if (wanted == FoundColumns::kRecord || result != Result::kRow) {
      if (!Skip(*type, bytes, 0)) return Break(FoundColumns::kRecord, "a field ends too early");
      continue;
    }
    result = ReadValue(*type, wanted, bytes, row);
    if (result == Result::kBroken) return result;
  }
  for (const size_t wanted : missing_) columns_.PutAbsent(wanted, row);
  return result;
}

AvroRecordReader::Result AvroRecordReader::ReadValue(const AvroType& type, size_t wanted,
                                                     AvroBytes* bytes, size_t row) {
  const auto broken = [&] { return Break(wanted, columns_.name(wanted) + " ends too early"); };
  switch (type.kind) {
    case AvroKind::kNull:
      return Put(columns_.PutAbsent(wanted, row), wanted);
    case AvroKind::kBoolean: {
      char value = 0;
      if (!bytes->Take(&value)) return broken();
      if (columns_.type(wanted) == THRONG_FOUND_TEXT) {
        return Put(columns_.PutText(wanted, row, value != 0 ? "true" : "false"), wanted);
      }
      return Put(columns_.PutInteger(wanted, row, value != 0 ? 1 : 0), wanted);
    }
    case AvroKind::kInteger: {
      int64_t value = 0;
      if (!bytes->TakeLong(&value)) return broken();
      return PutInteger(type, wanted, value, row);
    }
    case AvroKind::kFloat: {
      float value = 0;
      if (!bytes->Take(&value)) return broken();
      return Put(columns_.PutFloat(wanted, row, static_cast<double>(value)), wanted);
    }
    case AvroKind::kDouble: {
      double value = 0;
      if (!bytes->Take(&value)) return broken();
      return Put(columns_.PutFloat(wanted, row, value), wanted);
    }
    case AvroKind::kText:
    case AvroKind::kFixed: {
      std::string_view text;
      if (type.kind == AvroKind::kText) {
        if (!bytes->TakeText(&text)) return broken();
      } else {
        text = {bytes->p, type.size};
        if (!bytes->Skip(type.size)) return broken();
      }
      if (type.logical == AvroLogical::kDecimal) return PutDecimal(type, wanted, text, row);
      return Put(columns_.PutText(wanted, row, text), wanted);
    }
    case AvroKind::kEnum: {
      int64_t symbol = 0;
      if (!bytes->TakeLong(&symbol)) return broken();
      if (symbol < 0 || static_cast<uint64_t>(symbol) >= type.names.size()) {
        return Damage(wanted, columns_.name(wanted) + " is none of its " +
                                  std::to_string(type.names.size()) + " symbols");
      }
      return Put(columns_.PutText(wanted, row, type.names[static_cast<size_t>(symbol)]), wanted);
    }
    case AvroKind::kUnion: {
      int64_t branch = 0;
      if (!bytes->TakeLong(&branch) || branch < 0 ||
          static_cast<uint64_t>(branch) >= type.parts.size()) {
        return Break(wanted, columns_.name(wanted) + " is of none of its types");
      }
      const AvroType& part = *type.parts[static_cast<size_t>(branch)];
      // A union in a union is none of Avro's, and would be walked without end.
      if (part.kind != AvroKind::kUnion && IsValue(part)) {
        return ReadValue(part, wanted, bytes, row);
      }
      if (!Skip(part, bytes, 0)) return broken();
      return Damage(wanted, columns_.name(wanted) + " is " + NameOf(part.kind));
    }
    case AvroKind::kArray:
    case AvroKind::kMap:
    case AvroKind::kRecord:
      break;
  }
  return Break(wanted, columns_.name(wanted) + " is no value");
}

AvroRecordReader::Result AvroRecordReader::PutInteger(const AvroType& type, size_t wanted,
                                                      int64_t value, size_t row) {
  const auto floor = [value](int64_t unit) { return value / unit - (value % unit < 0 ? 1 : 0); };
  switch (type.logical) {
    case AvroLogical::kMillis:
      return Put(columns_.PutTime(wanted, row, value), wanted);
    case AvroLogical::kMicros:
      return Put(columns_.PutTime(wanted, row, floor(1000)), wanted);
    case AvroLogical::kNanos:
      return Put(columns_.PutTime(wanted, row, floor(1'000'000)), wanted);
    case AvroLogical::kDate:
      if (std::abs(static_cast<double>(value)) > 1e9) break;
      return Put(columns_.PutTime(wanted, row, value * kMsPerDay), wanted);
    default:
      return Put(columns_.PutInteger(wanted, row, value), wanted);
  }
  return Damage(wanted, columns_.name(wanted) + " is no date: " + std::to_string(value));
}

// Two's complement, big-endian, of as many bytes as it takes.
AvroRecordReader::Result AvroRecordReader::PutDecimal(const AvroType& type, size_t wanted,
                                                      std::string_view bytes, size_t row) {
  if (bytes.size() > 8 || type.scale < 0 || type.scale > 18) {
    return Damage(wanted, columns_.name(wanted) + " is a decimal of more than 18 digits");
  }
  uint64_t bits = !bytes.empty() && static_cast<int8_t>(bytes[0]) < 0 ? ~uint64_t{0} : 0;
  for (const char byte : bytes) bits = bits << 8 | static_cast<uint8_t>(byte);
  double unit = 1;
  for (int64_t i = 0; i < type.scale; ++i) unit *= 10;
  const auto value = static_cast<int64_t>(bits);
  if (type.scale == 0) return Put(columns_.PutInteger(wanted, row, value), wanted);
  return Put(columns_.PutFloat(wanted, row, static_cast<double>(value) / unit), wanted);
}

bool AvroRecordReader::Skip(const AvroType& type, AvroBytes* bytes, int depth) {
  if (depth > kDeepest) return false;
  int64_t number = 0;
  std::string_view text;
  switch (type.kind) {
    case AvroKind::kNull:
      return true;
    case AvroKind::kBoolean:
      return bytes->Skip(1);
    case AvroKind::kInteger:
    case AvroKind::kEnum:
      return bytes->TakeLong(&number);
    case AvroKind::kFloat:
      return bytes->Skip(sizeof(float));
    case AvroKind::kDouble:
      return bytes->Skip(sizeof(double));
    case AvroKind::kText:
      return bytes->TakeText(&text);
    case AvroKind::kFixed:
      return bytes->Skip(type.size);
    case AvroKind::kUnion:
      return bytes->TakeLong(&number) && number >= 0 &&
             static_cast<uint64_t>(number) < type.parts.size() &&
             Skip(*type.parts[static_cast<size_t>(number)], bytes, depth + 1);
    case AvroKind::kArray:
    case AvroKind::kMap:
      return SkipBlocks(type, bytes, depth);
    case AvroKind::kRecord:
      for (const AvroType* part : type.parts) {
        if (!Skip(*part, bytes, depth + 1)) return false;
      }
      return true;
  }
  return false;
}

// Blocks of items, each after its number of them, until an empty one; a negative number has the
// size of the block behind it.
bool AvroRecordReader::SkipBlocks(const AvroType& type, AvroBytes* bytes, int depth) {
  std::string_view key;
  for (int64_t count = 0; bytes->TakeLong(&count);) {
    if (count == 0) return true;
    if (count < 0) {
      int64_t size = 0;
      if (!bytes->TakeLong(&size) || size < 0 || !bytes->Skip(static_cast<uint64_t>(size))) {
        return false;
      }
      continue;
    }
    for (; count > 0; --count) {
      const char* const start = bytes->p;
      if (type.kind == AvroKind::kMap && !bytes->TakeText(&key)) return false;
      if (!Skip(*type.parts[0], bytes, depth + 1)) return false;
      if (bytes->p == start) break;  // items without bytes, however many
    }
  }
  return false;
}

}  // namespace throng::plugins
