#include "plugins/formats/parquet/file_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr size_t kMostFile = size_t{1} << 30;
constexpr size_t kTail = 8;              // the footer's size and the magic bytes
constexpr size_t kMostDamages = 65'536;  // of a call; more leave out the rest of their row group

}  // namespace

void ParquetFileReader::Fail(const std::string& reason) const {
  throw Error(THRONG_DATA_LOSS, name_ + " " + reason);
}

void ParquetFileReader::Decode(const throng_input& input, size_t capacity) {
  rows_ = kept_ = 0;
  if (!is_whole_) {
    Hold(input);
    if (input.ends_piece == 0) return columns_.Finish(0, input.bytes.size);
    ReadFooter();
    FindColumns();
    is_whole_ = true;
  }
  ReadRows(capacity);
  columns_.Finish(rows_, input.bytes.size);
}

void ParquetFileReader::Hold(const throng_input& input) {
  file_ += View(input.bytes);
  const std::string_view begin = std::string_view(file_).substr(0, kParquetMagic.size());
  if (begin != kParquetMagic.substr(0, begin.size())) {
    Fail("is no Parquet file: it does not begin with PAR1.");
  }
  if (file_.size() <= kMostFile) return;
  Fail("has more than " + std::to_string(kMostFile) +
       " bytes, and a Parquet file is held as a whole to be read; write it in parts (roll_rows).");
}

void ParquetFileReader::ReadFooter() {
  const std::string_view file = file_;
  if (file.size() < kParquetMagic.size() + kTail || !file.ends_with(kParquetMagic)) {
    Fail(file.empty() ? "is empty, and a Parquet file begins with PAR1."
                      : "has no footer: the end of the file is missing.");
  }
  const std::string_view tail = file.substr(file.size() - kTail);
  uint32_t size = 0;
  std::memcpy(&size, tail.data(), sizeof size);
  if (size > file.size() - kTail - kParquetMagic.size()) Fail("has a footer that is damaged.");
  std::optional<ParquetFileSchema> schema =
      ReadParquetFooter(file.substr(file.size() - kTail - size, size));
  if (!schema) Fail("has a footer that is damaged.");
  schema_ = std::move(*schema);
}

void ParquetFileReader::FindColumns() {
  std::vector<bool> is_there(columns_.size());
  std::vector<std::string> names;
  for (size_t i = 0; i < schema_.leaves.size(); ++i) {
    const ParquetLeaf& leaf = schema_.leaves[i];
    if (names.empty() || names.back() != leaf.name) names.push_back(leaf.name);
    const std::optional<size_t> wanted = columns_.Find(leaf.name);
    if (!wanted || is_there[*wanted]) continue;
    if (!leaf.is_single) {
      throw Error(THRONG_NOT_FOUND, name_ + " has a column " + leaf.name +
                                        " that is nested; a single value is wanted.");
    }
    is_there[*wanted] = true;
    steps_.push_back({i, *wanted});
  }
  for (size_t wanted = 0; wanted < is_there.size(); ++wanted) {
    if (is_there[wanted]) continue;
    if (columns_.is_required(wanted)) {
      throw Error(THRONG_NOT_FOUND, name_ + " has no column " + columns_.name(wanted) +
                                        "; it has " + Listed(names) + ". Say which of them it is.");
    }
    missing_.push_back(wanted);
  }
}

void ParquetFileReader::ReadRows(size_t capacity) {
  while (rows_ < capacity) {
    if (left_ == 0 && !OpenGroup()) break;
    if (!HasPages()) continue;
    --left_;
    ReadRow();
  }
  // The page of a row may be the last of its chunk, and the chunks go with their group.
  if (left_ == 0) {
    columns_.KeepTexts(kept_, rows_);
    kept_ = rows_;
  }
}

bool ParquetFileReader::OpenGroup() {
  columns_.KeepTexts(kept_, rows_);
  kept_ = rows_;
  chunks_.clear();
  while (group_ < schema_.groups.size()) {
    const ParquetGroup& group = schema_.groups[group_++];
    left_ = group.rows;
    if (left_ == 0) continue;
    offset_ = group.chunks.empty() ? 0 : group.chunks[0].offset;
    bool is_within = true;
    for (const Step& step : steps_) {
      const ParquetChunkPlace& place = group.chunks[step.leaf];
      const auto size = static_cast<int64_t>(file_.size());
      is_within = is_within && place.offset >= 0 && place.bytes >= 0 && place.offset <= size &&
                  place.bytes <= size - place.offset;
      if (!is_within) break;
      chunks_.push_back(std::make_unique<ParquetChunkReader>(
          schema_.leaves[step.leaf], place.codec,
          std::string_view(file_).substr(static_cast<size_t>(place.offset),
                                         static_cast<size_t>(place.bytes))));
    }
    if (is_within) return true;
    LeaveGroup("its columns lie outside of the file");
  }
  return false;
}

bool ParquetFileReader::HasPages() {
  for (const auto& chunk : chunks_) {
    if (chunk->left() > 0) continue;
    columns_.KeepTexts(kept_, rows_);
    kept_ = rows_;
    if (chunk->NextPage()) continue;
    LeaveGroup(chunk->reason());
    return false;
  }
  return true;
}

void ParquetFileReader::ReadRow() {
  size_t damaged = FoundColumns::kRecord;
  std::string reason;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const size_t wanted = steps_[i].wanted;
    if (chunks_[i]->Put(&columns_, wanted, rows_) || damaged != FoundColumns::kRecord) continue;
    damaged = wanted;
    reason = columns_.reason();
  }
  for (const size_t wanted : missing_) columns_.PutAbsent(wanted, rows_);
  if (damaged == FoundColumns::kRecord) {
    columns_.offsets()[rows_++] = offset_;
    return;
  }
  columns_.AddDamage(offset_, rows_, damaged,
                     reason + " (row " + std::to_string(schema_.groups[group_ - 1].rows - left_) +
                         " of row group " + std::to_string(group_) + ")");
  if (columns_.damages() >= kMostDamages) LeaveGroup("too many of its rows cannot be");
}

void ParquetFileReader::LeaveGroup(const std::string& reason) {
  const int64_t rows = schema_.groups[group_ - 1].rows;
  columns_.AddDamage(offset_, rows_, FoundColumns::kRecord,
                     "row group " + std::to_string(group_) + " is left out from row " +
                         std::to_string(rows - left_ + 1) + " of " + std::to_string(rows) +
                         " on: " + reason);
  left_ = 0;
}

}  // namespace throng::plugins
