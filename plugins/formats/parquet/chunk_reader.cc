#include "plugins/formats/parquet/chunk_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "plugins/formats/parquet/thrift_reader.h"
#include "plugins/formats/parquet/unpacking.h"

namespace throng::plugins {
namespace {

constexpr int64_t kMostPage = int64_t{256} << 20;
constexpr int64_t kMostValues = int64_t{1} << 25;  // of a page
constexpr size_t kSizeBytes = 4;
constexpr size_t kInt96Bytes = 12;
constexpr size_t kUuidBytes = 16;
constexpr int64_t kMsPerDay = 86'400'000;
constexpr int64_t kJulianEpoch = 2'440'588;  // 1970-01-01
constexpr int64_t kNanosPerMs = 1'000'000;
constexpr int64_t kMicrosPerMs = 1000;
constexpr double kMostDays = 1e9;

std::unique_ptr<BlockDecompressor> DecompressorOf(int64_t codec) {
  switch (static_cast<ParquetCodec>(codec)) {
    case ParquetCodec::kSnappy:
      return std::make_unique<BlockDecompressor>(Codec::kSnappyBlock);
    case ParquetCodec::kGzip:
      return std::make_unique<BlockDecompressor>(Codec::kGzip);
    case ParquetCodec::kZstd:
      return std::make_unique<BlockDecompressor>(Codec::kZstd);
    default:
      return nullptr;
  }
}

bool IsKnown(int64_t codec) { return codec == 0 || DecompressorOf(codec) != nullptr; }

int64_t Floor(int64_t value, int64_t unit) { return value / unit - (value % unit < 0 ? 1 : 0); }

template <class Value>
Value ValueAt(std::string_view bytes, size_t index) {
  Value value;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

double Unit(int scale) {
  double unit = 1;
  for (int i = 0; i < scale; ++i) unit *= 10;
  return unit;
}

void AppendUuid(std::string_view bytes, std::string* text) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *text += '-';
    *text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) >> 4];
    *text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) & 15];
  }
}

}  // namespace

ParquetChunkReader::ParquetChunkReader(const ParquetLeaf& leaf, int64_t codec,
                                       std::string_view pages)
    : leaf_(leaf), codec_(codec), pages_(pages), decompressor_(DecompressorOf(codec)) {}

bool ParquetChunkReader::Refuse(std::string reason) {
  reason_ = leaf_.name + ": " + std::move(reason);
  return false;
}

bool ParquetChunkReader::ReadHead(Head* head) {
  ThriftReader in(pages_);
  const auto read_data = [&](int id, ThriftType type) {
    if (type != ThriftType::kI32) return false;  // whether a dictionary is sorted
    if (id == 1) head->values = in.Integer();
    if (id == 2) head->encoding = in.Integer();
    if (id == 3) head->level_encoding = in.Integer();
    return id >= 1 && id <= 3;
  };
  const auto read_data_v2 = [&](int id, ThriftType type) {
    if (id == 1) head->values = in.Integer();
    if (id == 4) head->encoding = in.Integer();
    if (id == 5) head->level_bytes = in.Integer();
    if (id == 6) head->repetition_bytes = in.Integer();
    if (id == 7) head->is_compressed = type == ThriftType::kTrue;
    return id == 1 || (id >= 4 && id <= 7);
  };
  in.Struct([&](int id, ThriftType) {
    switch (id) {
      case 1:
        head->type = in.Integer();
        return true;
      case 2:
        head->plain_bytes = in.Integer();
        return true;
      case 3:
        head->bytes = in.Integer();
        return true;
      case 5:
      case 7:
        in.Struct(read_data);
        return true;
      case 8:
        in.Struct(read_data_v2);
        return true;
      default:
        return false;
    }
  });
  if (in.has_failed()) return Refuse("the head of a page is damaged");
  pages_ = in.rest();
  const bool has_sizes =
      head->bytes >= 0 && head->plain_bytes >= 0 && head->plain_bytes <= kMostPage &&
      head->values <= kMostValues && head->level_bytes >= 0 && head->repetition_bytes >= 0 &&
      head->level_bytes <= head->bytes && head->repetition_bytes <= head->bytes - head->level_bytes;
  if (!has_sizes) return Refuse("a page's sizes cannot be");
  if (static_cast<uint64_t>(head->bytes) > pages_.size()) return Refuse("a page is cut off");
  return true;
}

bool ParquetChunkReader::NextPage() {
  rows_ = row_ = value_ = 0;
  if (!IsKnown(codec_)) {
    return Refuse("its pages are compressed by codec " + std::to_string(codec_) +
                  ", which is not known here; write it by none, snappy, gzip or zstd");
  }
  while (true) {
    if (pages_.empty()) return Refuse("its pages end too early");
    Head head;
    if (!ReadHead(&head)) return false;
    const std::string_view bytes = pages_.substr(0, static_cast<size_t>(head.bytes));
    pages_.remove_prefix(bytes.size());
    const auto type = static_cast<ParquetPage>(head.type);
    if (type == ParquetPage::kDictionary) {
      if (!ReadDictionary(head, bytes)) return false;
    } else if (type == ParquetPage::kData || type == ParquetPage::kDataV2) {
      if (!ReadData(head, bytes)) return false;
      if (rows_ > 0) return true;
    }
  }
}

bool ParquetChunkReader::Expand(const Head& head, std::string_view bytes, size_t plain_bytes,
                                std::string* room, std::string_view* plain) {
  *plain = bytes;
  if (decompressor_ == nullptr || !head.is_compressed || bytes.empty()) return true;
  std::string reason;
  if (!decompressor_->Decompress(bytes, plain_bytes, room, &reason)) {
    return Refuse("a page cannot be read: " + reason);
  }
  *plain = *room;
  return true;
}

bool ParquetChunkReader::ReadDictionary(const Head& head, std::string_view bytes) {
  std::string_view plain;
  if (!Expand(head, bytes, static_cast<size_t>(head.plain_bytes), &dictionary_.bytes, &plain)) {
    return false;
  }
  return head.values >= 0 && ReadPlain(plain, static_cast<size_t>(head.values), &dictionary_)
             ? true
             : Refuse("its dictionary is damaged");
}

bool ParquetChunkReader::ReadData(const Head& head, std::string_view bytes) {
  if (head.values < 0) return Refuse("a page does not say how many values it has");
  const auto rows = static_cast<size_t>(head.values);
  const bool is_v2 = static_cast<ParquetPage>(head.type) == ParquetPage::kDataV2;
  std::string_view plain;
  levels_.clear();
  if (is_v2) {
    const auto repetition = static_cast<size_t>(head.repetition_bytes);
    const auto level_bytes = static_cast<size_t>(head.level_bytes);
    const size_t before = repetition + level_bytes;
    const size_t plain_bytes = static_cast<size_t>(head.plain_bytes);
    if (leaf_.is_optional &&
        !ReadHybrid(bytes.substr(repetition, level_bytes), 1, rows, &levels_)) {
      return Refuse("the levels of a page are damaged");
    }
    if (!Expand(head, bytes.substr(before), plain_bytes - std::min(plain_bytes, before),
                &page_.bytes, &plain)) {
      return false;
    }
  } else {
    if (!Expand(head, bytes, static_cast<size_t>(head.plain_bytes), &page_.bytes, &plain)) {
      return false;
    }
    if (leaf_.is_optional) {
      if (static_cast<ParquetEncoding>(head.level_encoding) != ParquetEncoding::kRle) {
        return Refuse("the levels of a page are in an encoding that is not known here");
      }
      const size_t size = plain.size() < kSizeBytes ? 0 : ValueAt<uint32_t>(plain, 0);
      if (plain.size() < kSizeBytes || size > plain.size() - kSizeBytes ||
          !ReadHybrid(plain.substr(kSizeBytes, size), 1, rows, &levels_)) {
        return Refuse("the levels of a page are damaged");
      }
      plain.remove_prefix(kSizeBytes + size);
    }
  }
  const size_t count =
      levels_.empty() ? rows : static_cast<size_t>(std::count(levels_.begin(), levels_.end(), 1U));
  if (!ReadValues(head, plain, count)) {
    return reason_.empty() ? Refuse("the values of a page are damaged") : false;
  }
  rows_ = rows;
  return true;
}

bool ParquetChunkReader::ReadValues(const Head& head, std::string_view plain, size_t count) {
  reason_.clear();
  has_indexes_ = false;
  switch (static_cast<ParquetEncoding>(head.encoding)) {
    case ParquetEncoding::kPlain:
      return ReadPlain(plain, count, &page_);
    case ParquetEncoding::kPlainDictionary:
    case ParquetEncoding::kDictionary: {
      has_indexes_ = true;
      indexes_.clear();
      if (count == 0) return true;
      if (plain.empty()) return false;
      const auto width = static_cast<uint8_t>(plain.front());
      return ReadHybrid(plain.substr(1), width, count, &indexes_) &&
             std::all_of(indexes_.begin(), indexes_.end(),
                         [this](uint32_t index) { return index < dictionary_.size; });
    }
    case ParquetEncoding::kRle: {  // of booleans
      if (leaf_.type != ParquetType::kBoolean || plain.size() < kSizeBytes ||
          !ReadHybrid(plain.substr(kSizeBytes), 1, count, &indexes_)) {
        return false;
      }
      page_.integers.assign(indexes_.begin(), indexes_.end());
      return true;
    }
    case ParquetEncoding::kDelta:
      if (leaf_.type != ParquetType::kInt32 && leaf_.type != ParquetType::kInt64) return false;
      if (!ReadDeltas(&plain, count, &page_.integers)) return false;
      if (leaf_.meaning != ParquetMeaning::kDecimal) return true;
      page_.numbers.clear();
      for (const int64_t value : page_.integers) {
        page_.numbers.push_back(static_cast<double>(value) / Unit(leaf_.scale));
      }
      return true;
    case ParquetEncoding::kDeltaLengths: {
      std::vector<int64_t> sizes;
      if (leaf_.type != ParquetType::kBytes || leaf_.meaning == ParquetMeaning::kDecimal ||
          !ReadDeltas(&plain, count, &sizes)) {
        return false;
      }
      page_.texts.clear();
      for (const int64_t size : sizes) {
        if (size < 0 || static_cast<uint64_t>(size) > plain.size()) return false;
        page_.texts.push_back(plain.substr(0, static_cast<size_t>(size)));
        plain.remove_prefix(static_cast<size_t>(size));
      }
      return true;
    }
    default:
      return Refuse("a page is in encoding " + std::to_string(head.encoding) +
                    ", which is not known here; write it plain, with dictionaries or in deltas");
  }
}

bool ParquetChunkReader::ReadPlain(std::string_view plain, size_t count, Values* values) {
  values->integers.clear();
  values->numbers.clear();
  values->texts.clear();
  values->spelled.clear();
  values->size = count;
  const auto has = [&](size_t size) { return count <= plain.size() / size; };
  if (leaf_.meaning == ParquetMeaning::kDecimal) return ReadDecimals(plain, count, values);
  switch (leaf_.type) {
    case ParquetType::kBoolean:
      if (count > 8 * plain.size()) return false;
      for (size_t i = 0; i < count; ++i) values->integers.push_back(plain[i / 8] >> i % 8 & 1);
      return true;
    case ParquetType::kInt32:
      if (!has(sizeof(int32_t))) return false;
      for (size_t i = 0; i < count; ++i) values->integers.push_back(ValueAt<int32_t>(plain, i));
      return true;
    case ParquetType::kInt64:
      if (!has(sizeof(int64_t))) return false;
      for (size_t i = 0; i < count; ++i) values->integers.push_back(ValueAt<int64_t>(plain, i));
      return true;
    case ParquetType::kInt96:
      if (!has(kInt96Bytes)) return false;
      for (size_t i = 0; i < count; ++i) {
        const std::string_view bytes = plain.substr(i * kInt96Bytes);
        const int64_t days = ValueAt<int32_t>(bytes.substr(sizeof(int64_t)), 0) - kJulianEpoch;
        values->integers.push_back(days * kMsPerDay +
                                   Floor(ValueAt<int64_t>(bytes, 0), kNanosPerMs));
      }
      return true;
    case ParquetType::kFloat:
      if (!has(sizeof(float))) return false;
      for (size_t i = 0; i < count; ++i) {
        values->numbers.push_back(static_cast<double>(ValueAt<float>(plain, i)));
      }
      return true;
    case ParquetType::kDouble:
      if (!has(sizeof(double))) return false;
      for (size_t i = 0; i < count; ++i) values->numbers.push_back(ValueAt<double>(plain, i));
      return true;
    case ParquetType::kBytes:
      for (size_t i = 0; i < count; ++i) {
        if (plain.size() < kSizeBytes) return false;
        const size_t size = ValueAt<uint32_t>(plain, 0);
        plain.remove_prefix(kSizeBytes);
        if (size > plain.size()) return false;
        values->texts.push_back(plain.substr(0, size));
        plain.remove_prefix(size);
      }
      return true;
    case ParquetType::kFixedBytes: {
      const size_t size = leaf_.type_bytes;
      if (size == 0 || !has(size)) return false;
      const bool is_uuid = leaf_.meaning == ParquetMeaning::kUuid && size == kUuidBytes;
      constexpr size_t kSpelled = 36;
      if (is_uuid) values->spelled.reserve(count * kSpelled);  // so that it does not move
      for (size_t i = 0; i < count; ++i) {
        const std::string_view bytes = plain.substr(i * size, size);
        if (is_uuid) AppendUuid(bytes, &values->spelled);
        values->texts.push_back(is_uuid ? std::string_view(values->spelled).substr(i * kSpelled)
                                        : bytes);
      }
      return true;
    }
  }
  return false;
}

bool ParquetChunkReader::ReadDecimals(std::string_view plain, size_t count, Values* values) {
  const double unit = Unit(leaf_.scale);
  for (size_t i = 0; i < count; ++i) {
    size_t size = leaf_.type_bytes;
    if (leaf_.type == ParquetType::kInt32) size = sizeof(int32_t);
    if (leaf_.type == ParquetType::kInt64) size = sizeof(int64_t);
    if (leaf_.type == ParquetType::kBytes) {
      if (plain.size() < kSizeBytes) return false;
      size = ValueAt<uint32_t>(plain, 0);
      plain.remove_prefix(kSizeBytes);
    }
    if (size > plain.size() || size > sizeof(unsigned __int128)) return false;
    const std::string_view bytes = plain.substr(0, size);
    plain.remove_prefix(size);
    if (leaf_.type == ParquetType::kInt32) {
      values->numbers.push_back(ValueAt<int32_t>(bytes, 0) / unit);
    } else if (leaf_.type == ParquetType::kInt64) {
      values->numbers.push_back(static_cast<double>(ValueAt<int64_t>(bytes, 0)) / unit);
    } else {
      const bool is_negative = !bytes.empty() && static_cast<int8_t>(bytes[0]) < 0;
      unsigned __int128 bits = is_negative ? ~static_cast<unsigned __int128>(0) : 0;
      for (const char byte : bytes) bits = bits << 8 | static_cast<uint8_t>(byte);
      values->numbers.push_back(static_cast<double>(static_cast<__int128>(bits)) / unit);
    }
  }
  return true;
}

bool ParquetChunkReader::PutInteger(FoundColumns* columns, size_t wanted, size_t row,
                                    int64_t value) const {
  if (leaf_.type == ParquetType::kInt96) return columns->PutTime(wanted, row, value);
  if (leaf_.type == ParquetType::kBoolean && columns->type(wanted) == THRONG_FOUND_TEXT) {
    return columns->PutText(wanted, row, value != 0 ? "true" : "false");
  }
  switch (leaf_.meaning) {
    case ParquetMeaning::kMillis:
      return columns->PutTime(wanted, row, value);
    case ParquetMeaning::kMicros:
      return columns->PutTime(wanted, row, Floor(value, kMicrosPerMs));
    case ParquetMeaning::kNanos:
      return columns->PutTime(wanted, row, Floor(value, kNanosPerMs));
    case ParquetMeaning::kDate:
      if (std::abs(static_cast<double>(value)) > kMostDays) break;
      return columns->PutTime(wanted, row, value * kMsPerDay);
    default:
      break;
  }
  return columns->PutInteger(wanted, row, value);
}

bool ParquetChunkReader::Put(FoundColumns* columns, size_t wanted, size_t row) {
  const bool is_there = levels_.empty() || levels_[row_] == 1;
  ++row_;
  if (!is_there) return columns->PutAbsent(wanted, row);
  const Values& values = has_indexes_ ? dictionary_ : page_;
  const size_t index = has_indexes_ ? indexes_[value_] : value_;
  ++value_;
  const bool is_number = leaf_.meaning == ParquetMeaning::kDecimal ||
                         leaf_.type == ParquetType::kFloat || leaf_.type == ParquetType::kDouble;
  if (is_number) {
    const double number = values.numbers[index];
    return std::isnan(number) ? columns->PutAbsent(wanted, row)
                              : columns->PutFloat(wanted, row, number);
  }
  if (leaf_.type == ParquetType::kBytes || leaf_.type == ParquetType::kFixedBytes) {
    return columns->PutText(wanted, row, values.texts[index]);
  }
  return PutInteger(columns, wanted, row, values.integers[index]);
}

}  // namespace throng::plugins
