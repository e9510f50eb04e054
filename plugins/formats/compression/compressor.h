// Compressed bytes: the inner blocks of Avro files, the pages of Parquet files, and the members of
// compressed text.
#pragma once

#include <string_view>

#include "throng/sdk.hpp"

struct z_stream_s;
struct ZSTD_CCtx_s;

namespace throng::plugins {

// Those of Avro come first, in the order of its option.
enum class Codec {
  kNone,
  kDeflate,      // RFC 1951, without a header
  kSnappy,       // with the CRC-32 of the plain bytes behind it, as Avro has it
  kZstd,         // a frame with its size and checksum
  kGzip,         // a member of RFC 1952
  kSnappyBlock,  // without a checksum, as Parquet has it
};

class Compressor {
 public:
  explicit Compressor(Codec codec);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Appends `bytes`, compressed on their own: what was compressed before has no influence.
  void Compress(std::string_view bytes, Buffer& out);

 private:
  void CompressWithZlib(std::string_view bytes, Buffer& out);
  void CompressWithZstd(std::string_view bytes, Buffer& out);

  Codec codec_;
  z_stream_s* zlib_ = nullptr;
  ZSTD_CCtx_s* zstd_ = nullptr;
};

}  // namespace throng::plugins
