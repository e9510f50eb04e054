#include "plugins/formats/parquet/chunk_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "plugins/formats/parquet/packing.h"
#include "plugins/formats/parquet/thrift.h"
#include "plugins/formats/varint.h"

namespace throng::plugins {
namespace {

// Rows of a page: some ten to some hundred kilobytes of most columns.
constexpr size_t kPageRows = 32'768;
constexpr size_t kMostHead = 64;  // bytes of a page's head
constexpr size_t kLevelsSize = 4;
// Bounds that are longer are left out.
constexpr size_t kMostBound = 256;

unsigned WidthOf(size_t entries) {
  return std::max(1U, static_cast<unsigned>(std::bit_width(entries - 1)));
}

void AppendVarint(uint64_t value, std::string* note) {
  char bytes[kMaxVarint];
  note->append(bytes, WriteVarint(value, bytes));
}
uint64_t TakeVarint(std::string_view* note) {
  uint64_t value = 0;
  for (unsigned shift = 0; !note->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(note->front());
    note->remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw Error(THRONG_INTERNAL, "The note of a row group is cut off.");
}
std::string TakeText(std::string_view* note) {
  const uint64_t size = TakeVarint(note);
  const std::string text(note->substr(0, size));
  note->remove_prefix(text.size());
  return text;
}

}  // namespace

void ParquetChunk::AppendTo(std::string* note) const {
  note->push_back(static_cast<char>(encoding));
  for (const int64_t number : {bytes, plain_bytes, dictionary_bytes, nulls}) {
    AppendVarint(static_cast<uint64_t>(number), note);
  }
  note->push_back(bounds ? 1 : 0);
  if (!bounds) return;
  for (const std::string* bound : {&bounds->least, &bounds->greatest}) {
    AppendVarint(bound->size(), note);
    *note += *bound;
  }
}

ParquetChunk ParquetChunk::TakeFrom(std::string_view* note) {
  ParquetChunk chunk;
  chunk.encoding = static_cast<ParquetEncoding>(TakeVarint(note));
  for (int64_t* number :
       {&chunk.bytes, &chunk.plain_bytes, &chunk.dictionary_bytes, &chunk.nulls}) {
    *number = static_cast<int64_t>(TakeVarint(note));
  }
  if (TakeVarint(note) == 0) return chunk;
  std::string least = TakeText(note);
  chunk.bounds = {std::move(least), TakeText(note)};
  return chunk;
}

ParquetChunk ChunkWriter::Write(const ParquetColumn& column, const void* values, size_t rows,
                                Buffer& out) {
  const std::span<const int64_t> there = column.Gather(values, rows, &gathered_, &levels_);
  ParquetChunk chunk;
  chunk.nulls = static_cast<int64_t>(rows - there.size());
  chunk.encoding = Choose(column, there);
  const bool has_dictionary = chunk.encoding == ParquetEncoding::kDictionary;
  if (!there.empty()) {
    chunk.bounds = column.BoundsOf(has_dictionary ? dictionary_.entries() : there);
    if (chunk.bounds &&
        std::max(chunk.bounds->least.size(), chunk.bounds->greatest.size()) > kMostBound) {
      chunk.bounds.reset();
    }
  }
  if (has_dictionary) WriteDictionary(column, out, &chunk);
  WriteData(column, there, rows, out, &chunk);
  return chunk;
}

size_t ChunkWriter::DictionaryBytes(const ParquetColumn& column) {
  const std::span<const int64_t> entries = dictionary_.entries();
  char* const body = Body(column.PlainRoom(entries.size()));
  return static_cast<size_t>(column.WritePlain(entries, body) - body);
}

ParquetEncoding ChunkWriter::Choose(const ParquetColumn& column, std::span<const int64_t> values) {
  if (values.empty() || column.type() == ColumnType::kBool) return ParquetEncoding::kPlain;
  if (column.type() == ColumnType::kTimestamp) return ParquetEncoding::kDelta;
  const bool may_be_delta = column.stored_type() == ParquetType::kInt64;
  const ParquetEncoding other = may_be_delta ? ParquetEncoding::kDelta : ParquetEncoding::kPlain;
  // With more entries a dictionary and its indexes take more than the values.
  if (!dictionary_.Build(values, std::max(size_t{1}, values.size() / 8 * 7))) return other;
  const size_t entries = dictionary_.entries().size();
  const size_t dictionary = DictionaryBytes(column);
  const size_t indexes = values.size() * WidthOf(entries) / 8;
  // Of plain texts the average of the entries' sizes is near enough.
  const size_t otherwise = may_be_delta ? DeltaBytes(values) : dictionary * values.size() / entries;
  return dictionary + indexes < otherwise ? ParquetEncoding::kDictionary : other;
}

void ChunkWriter::WriteDictionary(const ParquetColumn& column, Buffer& out, ParquetChunk* chunk) {
  const std::span<const int64_t> entries = dictionary_.entries();
  char* const body = Body(column.PlainRoom(entries.size()));
  AddPage(ParquetPage::kDictionary, entries.size(), ParquetEncoding::kPlain,
          column.WritePlain(entries, body), out, chunk);
  chunk->dictionary_bytes = chunk->bytes;
}

void ChunkWriter::WriteData(const ParquetColumn& column, std::span<const int64_t> values,
                            size_t rows, Buffer& out, ParquetChunk* chunk) {
  const unsigned width =
      chunk->encoding == ParquetEncoding::kDictionary ? WidthOf(dictionary_.entries().size()) : 1;
  all_there_.resize(std::max(all_there_.size(), std::min(rows, kPageRows)), 1);
  size_t done = 0;  // of the values
  for (size_t first = 0; first < rows; first += kPageRows) {
    const size_t count = std::min(kPageRows, rows - first);
    std::span<const uint32_t> levels(all_there_.data(), count);
    size_t there = count;
    if (!levels_.empty()) {
      levels = {&levels_[first], count};
      there = static_cast<size_t>(std::count(levels.begin(), levels.end(), 1U));
    }
    const std::span<const int64_t> page = values.subspan(done, there);
    char* p = Body(kLevelsSize + HybridRoom(count, 1) + 1 + HybridRoom(there, width) +
                   std::max(column.PlainRoom(there), DeltaRoom(there)));
    if (column.is_optional()) {
      char* const start = p + kLevelsSize;
      char* const end = WriteHybrid(levels, 1, start);
      const auto size = static_cast<uint32_t>(end - start);
      std::memcpy(p, &size, sizeof size);
      p = end;
    }
    if (chunk->encoding == ParquetEncoding::kDictionary) {
      *p++ = static_cast<char>(width);
      p = WriteHybrid(dictionary_.indexes().subspan(done, there), width, p);
    } else if (chunk->encoding == ParquetEncoding::kDelta) {
      p = WriteDeltas(page, p);
    } else {
      p = column.WritePlain(page, p);
    }
    AddPage(ParquetPage::kData, count, chunk->encoding, p, out, chunk);
    done += there;
  }
}

void ChunkWriter::AddPage(ParquetPage type, size_t values, ParquetEncoding encoding,
                          const char* end, Buffer& out, ParquetChunk* chunk) {
  const std::string_view body(body_.data(), static_cast<size_t>(end - body_.data()));
  const size_t begin = out.size();
  // The head has the size of what follows it: that is written first, and then moved.
  out.EndAt(out.Reserve(kMostHead) + kMostHead);
  compressor_.Compress(body, out);
  const size_t size = out.size() - begin - kMostHead;
  ThriftWriter head;
  head.I32(1, static_cast<int>(type));
  head.I32(2, static_cast<int64_t>(body.size()));
  head.I32(3, static_cast<int64_t>(size));
  const bool is_data = type == ParquetPage::kData;
  head.Struct(is_data ? 5 : 7, [&] {
    head.I32(1, static_cast<int64_t>(values));
    head.I32(2, static_cast<int>(encoding));
    if (!is_data) return;
    head.I32(3, static_cast<int>(ParquetEncoding::kRle));
    head.I32(4, static_cast<int>(ParquetEncoding::kRle));
  });
  const std::string& text = head.Finish();
  char* const start = out.Reserve(0) - size - kMostHead;
  std::memcpy(start, text.data(), text.size());
  std::memmove(start + text.size(), start + kMostHead, size);
  out.EndAt(start + text.size() + size);
  chunk->bytes += static_cast<int64_t>(text.size() + size);
  chunk->plain_bytes += static_cast<int64_t>(text.size() + body.size());
}

}  // namespace throng::plugins
