#include "plugins/formats/parquet/footer.h"

#include <cstring>

#include "plugins/formats/parquet/chunk_writer.h"
#include "plugins/formats/parquet/thrift.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

// Of what writes these files: it changes when their bytes do.
constexpr std::string_view kCreatedBy = "throng-parquet version 1.0.0";
constexpr int kVersion = 2;  // of the format

void WriteChunk(const ParquetColumn& column, const ParquetChunk& chunk, ParquetCodec codec,
                int64_t offset, int64_t rows, ThriftWriter* out) {
  const bool has_dictionary = chunk.dictionary_bytes > 0;
  out->I64(2, 0);  // where else this struct stands: nowhere
  out->Struct(3, [&] {
    out->I32(1, static_cast<int>(column.stored_type()));
    out->List(2, ThriftType::kI32, has_dictionary ? 3 : 2);
    if (has_dictionary) out->AddI32(static_cast<int>(ParquetEncoding::kPlain));
    out->AddI32(static_cast<int>(ParquetEncoding::kRle));
    out->AddI32(static_cast<int>(chunk.encoding));
    out->List(3, ThriftType::kBinary, 1);
    out->AddBinary(column.name());
    out->I32(4, static_cast<int>(codec));
    out->I64(5, rows);
    out->I64(6, chunk.plain_bytes);
    out->I64(7, chunk.bytes);
    out->I64(9, offset + chunk.dictionary_bytes);
    if (has_dictionary) out->I64(11, offset);
    out->Struct(12, [&] {
      out->I64(3, chunk.nulls);
      if (!chunk.bounds) return;
      out->Binary(5, chunk.bounds->greatest);
      out->Binary(6, chunk.bounds->least);
    });
  });
}

void WriteGroup(const std::vector<ParquetColumn>& columns, ParquetCodec codec,
                const throng_note& note, ThriftWriter* out) {
  std::string_view rest = View(note.note);
  int64_t offset = note.offset;
  int64_t plain_bytes = 0;
  out->List(1, ThriftType::kStruct, columns.size());
  for (const ParquetColumn& column : columns) {
    const ParquetChunk chunk = ParquetChunk::TakeFrom(&rest);
    out->AddStruct([&] { WriteChunk(column, chunk, codec, offset, note.rows, out); });
    offset += chunk.bytes;
    plain_bytes += chunk.plain_bytes;
  }
  out->I64(2, plain_bytes);
  out->I64(3, note.rows);
  out->I64(5, note.offset);
  out->I64(6, note.size);
}

}  // namespace

std::string ParquetFooter(std::string_view table, const std::vector<ParquetColumn>& columns,
                          ParquetCodec codec, std::span<const throng_note> notes, int64_t rows) {
  ThriftWriter out;
  out.I32(1, kVersion);
  out.List(2, ThriftType::kStruct, columns.size() + 1);
  out.AddStruct([&] {
    out.Binary(4, table);
    out.I32(5, static_cast<int64_t>(columns.size()));
  });
  for (const ParquetColumn& column : columns) {
    out.AddStruct([&] { column.WriteSchema(&out); });
  }
  out.I64(3, rows);
  out.List(4, ThriftType::kStruct, notes.size());
  for (const throng_note& note : notes) {
    out.AddStruct([&] { WriteGroup(columns, codec, note, &out); });
  }
  out.Binary(6, kCreatedBy);
  // Bounds are in the order of the type.
  out.List(7, ThriftType::kStruct, columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    out.AddStruct([&] { out.Struct(1, [] {}); });
  }
  std::string footer = out.Finish();
  const auto size = static_cast<uint32_t>(footer.size());
  footer.append(reinterpret_cast<const char*>(&size), sizeof size);
  return footer.append(kParquetMagic);
}

}  // namespace throng::plugins
