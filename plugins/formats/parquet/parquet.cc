// Parquet: files of row groups, each of which holds a chunk of every column.
//
// Row groups end at fixed rows, and nothing in them depends on anything but their rows, so that the
// bytes are a function of the dataset. What the footer says of a row group is a note of its cut.
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/formats/compression/compressor.h"
#include "plugins/formats/parquet/chunk_writer.h"
#include "plugins/formats/parquet/column.h"
#include "plugins/formats/parquet/decoder.h"
#include "plugins/formats/parquet/footer.h"
#include "plugins/formats/parquet/layout.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr int64_t kUsualGroupRows = 131'072;
constexpr int64_t kRowsStep = 4096;  // of what the host can cut
constexpr int64_t kMostGroupRows = int64_t{1} << 20;

enum class FileCodec { kNone, kSnappy, kZstd };

class Parquet {
 public:
  struct Options {
    FileCodec codec = FileCodec::kSnappy;
    int64_t row_group_rows = kUsualGroupRows;
    RatingType rating_type = RatingType::kDouble;
    TimeUnit timestamp = TimeUnit::kMillis;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::codec>("codec", "How pages are compressed.")
                .Choices({"none", "snappy", "zstd"})
                .Identity(),
            Option<&Options::row_group_rows>("row_group_rows",
                                             "Rows of a row group, a multiple of 4096.")
                .Range(kRowsStep, kMostGroupRows)
                .Identity(),
            Option<&Options::rating_type>("rating_type",
                                          "The type of ratings: DOUBLE, or DECIMAL(9, 2).")
                .Choices({"double", "decimal"})
                .Identity(),
            Option<&Options::timestamp>("timestamp", "The unit of times.")
                .Choices({"millis", "micros"})
                .Identity()};
  }
  static void Validate(const Options& options) {
    if (options.row_group_rows % kRowsStep == 0) return;
    throw Error(THRONG_INVALID_ARGUMENT,
                "row_group_rows is a multiple of " + std::to_string(kRowsStep) + ", as " +
                    std::to_string(kUsualGroupRows) + ".",
                "row_group_rows");
  }

  explicit Parquet(const Options& options) : options_(options), writer_(CodecOf(options.codec)) {}

  Prologue Begin(const throng_destination& destination) {
    const throng_schema& schema = *destination.schema;
    columns_.clear();
    for (size_t c = 0; c < schema.columns_count; ++c) {
      columns_.emplace_back(*schema.columns[c], options_.rating_type, options_.timestamp);
    }
    table_ = schema.table;
    return {.bytes = std::string(kParquetMagic),
            .cut_rows = static_cast<uint32_t>(options_.row_group_rows),
            .state = ""};
  }

  void Encode(const throng_block& block, Buffer& out) {
    std::string note;
    for (size_t c = 0; c < columns_.size(); ++c) {
      writer_.Write(columns_[c], block.columns[c], block.rows, out).AppendTo(&note);
    }
    out.Note(std::move(note));
  }

  void End(const throng_summary& summary, Buffer& out) {
    constexpr ParquetCodec kCodecs[] = {ParquetCodec::kNone, ParquetCodec::kSnappy,
                                        ParquetCodec::kZstd};
    out.Append(ParquetFooter(table_, columns_, kCodecs[static_cast<size_t>(options_.codec)],
                             {summary.notes, summary.notes_count}, summary.rows));
  }

 private:
  static Codec CodecOf(FileCodec codec) {
    constexpr Codec kCodecs[] = {Codec::kNone, Codec::kSnappyBlock, Codec::kZstd};
    return kCodecs[static_cast<size_t>(codec)];
  }

  const Options options_;
  ChunkWriter writer_;
  std::vector<ParquetColumn> columns_;
  std::string table_;
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN(
    "parquet", THRONG_VERSION, "Parquet files.",
    throng::Format<throng::plugins::Parquet>("parquet",
                                             "A typed column of each column, in row groups."),
    throng::Decoder<throng::plugins::ParquetDecoder>("parquet", "Parquet files of any schema."))
