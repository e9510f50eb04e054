// Object container files of Avro, as they come in pieces: rows, and what is damaged.
#include "plugins/formats/avro/file_reader.h"

#include <algorithm>
#include <optional>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr std::string_view kMagic{"Obj\x01", 4};
constexpr size_t kSyncBytes = 16;
constexpr size_t kMostHeader = size_t{8} << 20;
constexpr size_t kMostBlock = size_t{64} << 20;
constexpr size_t kMostDamages = 65'536;     // of a call; more leave out the rest of their block
constexpr size_t kStep = size_t{64} << 10;  // what is taken of the input for a header

// A block's number of records and its size, and how many bytes these two take.
struct BlockHead {
  int64_t count = 0;
  int64_t size = 0;
  size_t bytes = 0;
};

std::string Bytes(int64_t size) { return std::to_string(size) + " bytes"; }

}  // namespace

void AvroFileReader::Fail(const std::string& reason) const {
  throw Error(THRONG_DATA_LOSS, name_ + " " + reason);
}

bool AvroFileReader::Hold(size_t size) {
  if (held().size() >= size) return true;
  if (at_ > 0) {
    held_.erase(0, at_);
    at_ = 0;
  }
  const size_t take = std::min(size - held_.size(), input_.size());
  held_.append(input_.substr(0, take));
  input_.remove_prefix(take);
  return held_.size() >= size;
}

void AvroFileReader::Drop(size_t size) {
  at_ += size;
  offset_ += static_cast<int64_t>(size);
  if (at_ < held_.size()) return;
  held_.clear();
  at_ = 0;
}

void AvroFileReader::Decode(const throng_input& input, size_t capacity) {
  input_ = View(input.bytes);
  ends_ = input.ends_piece != 0;
  rows_ = kept_ = 0;
  bool goes_on = true;
  try {
    while (goes_on && rows_ < capacity) {
      switch (state_) {
        case State::kHeader:
          goes_on = ReadHeader();
          break;
        case State::kBlock:
          goes_on = ReadBlock();
          break;
        case State::kLost:
          goes_on = FindSync();
          break;
        case State::kRecords:
          ReadRecords(capacity);
          break;
      }
    }
  } catch (...) {
    columns_.Finish(rows_, input.bytes.size - input_.size());
    throw;
  }
  columns_.Finish(rows_, input.bytes.size - input_.size());
}

bool AvroFileReader::ReadHeader() {
  while (true) {
    const std::string_view header = held();
    if (header.substr(0, kMagic.size()) != kMagic.substr(0, header.size())) {
      Fail("is no Avro file: it does not begin with Obj and the version 1.");
    }
    AvroBytes bytes = {header.data() + std::min(header.size(), kMagic.size()),
                       header.data() + header.size()};
    std::string codec = "null";
    std::optional<std::string_view> schema;
    bool is_whole = header.size() > kMagic.size();
    for (int64_t count = 0; is_whole && (is_whole = bytes.TakeLong(&count)) && count != 0;) {
      int64_t size = 0;
      if (count < 0) is_whole = bytes.TakeLong(&size);
      const uint64_t entries =
          count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
      for (uint64_t i = 0; is_whole && i < entries; ++i) {
        std::string_view key;
        std::string_view value;
        is_whole = bytes.TakeText(&key) && bytes.TakeText(&value);
        if (is_whole && key == "avro.codec") codec = value;
        if (is_whole && key == "avro.schema") schema = value;
      }
    }
    const char* const sync = bytes.p;
    if (is_whole && bytes.Skip(kSyncBytes)) {
      if (!schema) Fail("is damaged: its header has no avro.schema.");
      sync_.assign(sync, kSyncBytes);
      SetHeader(codec, *schema);
      Drop(static_cast<size_t>(bytes.p - header.data()));
      state_ = State::kBlock;
      return true;
    }
    if (header.size() >= kMostHeader) Fail("is damaged: its header does not end.");
    if (!input_.empty()) {
      Hold(header.size() + std::min(kStep, input_.size()));
    } else if (ends_) {
      Fail(header.empty() ? "is empty, and an Avro file begins with a header."
                          : "ends within its header.");
    } else {
      return false;
    }
  }
}

void AvroFileReader::SetHeader(const std::string& codec, std::string_view schema) {
  if (codec == "deflate") {
    decompressor_ = std::make_unique<BlockDecompressor>(Codec::kDeflate);
  } else if (codec == "snappy") {
    decompressor_ = std::make_unique<BlockDecompressor>(Codec::kSnappy);
  } else if (codec == "zstandard") {
    decompressor_ = std::make_unique<BlockDecompressor>(Codec::kZstd);
  } else if (codec != "null") {
    Fail("is compressed by \"" + codec +
         "\", which is not known here; write it by null, deflate, snappy or zstandard.");
  }
  try {
    schema_ = std::make_unique<AvroReaderSchema>(schema);
  } catch (const Error& error) {
    Fail("has " + std::string(error.what()) + ".");
  }
  reader_ = std::make_unique<AvroRecordReader>(*schema_, name_, &columns_);
}

bool AvroFileReader::ReadBlock() {
  // What is held will move.
  columns_.KeepTexts(kept_, rows_);
  kept_ = rows_;
  BlockHead head;
  while (true) {
    const std::string_view bytes = held();
    AvroBytes cursor = {bytes.data(), bytes.data() + bytes.size()};
    if (cursor.TakeLong(&head.count) && cursor.TakeLong(&head.size)) {
      head.bytes = static_cast<size_t>(cursor.p - bytes.data());
      break;
    }
    constexpr size_t kMostHead = 20;
    if (bytes.size() >= kMostHead) {
      Damage("a block's number of records or its size is damaged");
      state_ = State::kLost;
      return true;
    }
    if (Hold(bytes.size() + 1)) continue;
    if (!ends_) return false;
    if (!bytes.empty()) Damage("the file ends within a block");
    Drop(bytes.size());
    return false;
  }
  if (head.count < 0 || head.size < 0 || head.size > static_cast<int64_t>(kMostBlock)) {
    Damage("a block cannot have " + std::to_string(head.count) + " records and " +
           Bytes(head.size) + ": " + Bytes(kMostBlock) + " are read at most");
    state_ = State::kLost;
    return true;
  }
  const auto size = static_cast<size_t>(head.size);
  if (!Hold(head.bytes + size + kSyncBytes)) {
    if (!ends_) return false;
    Damage("the file ends within a block of " + std::to_string(head.count) + " records and " +
           Bytes(head.size));
    state_ = State::kLost;
    return true;
  }
  OpenBlock(head.bytes, size, head.count);
  return true;
}

void AvroFileReader::OpenBlock(size_t head, size_t size, int64_t count) {
  const std::string_view block = held().substr(head, size);
  const bool has_sync = held().substr(head + size, kSyncBytes) == sync_;
  std::string_view records = block;
  std::string reason;
  bool is_whole = true;
  if (decompressor_ != nullptr) {
    is_whole = decompressor_->Decompress(block, kMostBlock, &plain_, &reason);
    records = plain_;
  }
  if (is_whole && count > static_cast<int64_t>(records.size())) {
    is_whole = false;
    reason = "it has fewer bytes";
  }
  if (!has_sync) {
    if (!is_whole || !HoldsRecords(records, count)) {
      Damage("a block of " + std::to_string(count) + " records and " +
             Bytes(static_cast<int64_t>(size)) + " is damaged: no sync marker is behind it");
      state_ = State::kLost;
      return;
    }
    Damage("the sync marker behind a block of " + std::to_string(count) +
           " records is damaged; they are read");
  }
  block_size_ = head + size + kSyncBytes;
  count_ = left_ = count;
  records_ = {records.data(), records.data() + records.size()};
  records_begin_ = records.data();
  records_offset_ = decompressor_ == nullptr ? offset_ + static_cast<int64_t>(head) : -1;
  state_ = State::kRecords;
  if (is_whole) return;
  Damage("a block of " + std::to_string(count) + " records cannot be read: " + reason);
  left_ = 0;
  records_.p = records_.end;
}

bool AvroFileReader::HoldsRecords(std::string_view records, int64_t count) const {
  AvroBytes bytes = {records.data(), records.data() + records.size()};
  for (; count > 0; --count) {
    if (!reader_->Skip(&bytes)) return false;
  }
  return bytes.left() == 0;
}

void AvroFileReader::ReadRecords(size_t capacity) {
  int64_t* const offsets = columns_.offsets();
  const bool is_plain = records_offset_ >= 0;
  for (; left_ > 0 && rows_ < capacity; --left_) {
    const int64_t offset = is_plain ? records_offset_ + (records_.p - records_begin_) : offset_;
    const AvroRecordReader::Result result = reader_->Read(&records_, rows_);
    if (result == AvroRecordReader::Result::kRow) [[likely]] {
      offsets[rows_++] = offset;
      continue;
    }
    const std::string which = "record " + std::to_string(count_ - left_ + 1) + " of " +
                              std::to_string(count_) + " in its block";
    if (result == AvroRecordReader::Result::kDamaged && columns_.damages() < kMostDamages) {
      columns_.AddDamage(offset, rows_, reader_->wanted(), reader_->reason() + " (" + which + ")");
      continue;
    }
    columns_.AddDamage(offset, rows_, reader_->wanted(),
                       reader_->reason() + " (" + which + ", of which the rest is left out)");
    records_.p = records_.end;
    left_ = 0;
    break;
  }
  if (left_ > 0) return;
  if (records_.left() > 0) {
    Damage("a block of " + std::to_string(count_) + " records goes on for " +
           Bytes(static_cast<int64_t>(records_.left())) + " after the last of them");
  }
  CloseBlock();
}

void AvroFileReader::CloseBlock() {
  // Texts of rows of this call still lie in it: it is gone with the next one.
  offset_ += static_cast<int64_t>(block_size_);
  at_ += block_size_;
  state_ = State::kBlock;
}

bool AvroFileReader::FindSync() {
  // What is held begins with what is damaged: markers of earlier blocks are not in it.
  while (true) {
    const size_t found = held().find(sync_);
    if (found != std::string_view::npos) {
      Drop(found + kSyncBytes);
      state_ = State::kBlock;
      return true;
    }
    if (held().size() >= kSyncBytes) Drop(held().size() - (kSyncBytes - 1));
    if (input_.empty()) break;
    Hold(held().size() + std::min(kStep, input_.size()));
  }
  if (ends_) Drop(held().size());
  return false;
}

}  // namespace throng::plugins
