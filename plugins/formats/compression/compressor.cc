// Compressed bytes: the inner blocks of Avro files, the pages of Parquet files, and the members of
// compressed text.
#include "plugins/formats/compression/compressor.h"

#include <snappy.h>
#define ZLIB_CONST  // next_in points to const bytes
#include <zlib.h>
#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>

namespace throng::plugins {
namespace {

// Three times as fast as zlib's default, and a fifth more bytes.
constexpr int kZlibLevel = 1;
constexpr int kWindowBits = 15;  // the largest; negative: raw deflate, plus 16: gzip
constexpr int kGzip = 16;
constexpr int kMemoryLevel = 8;  // zlib's default
constexpr size_t kCrcBytes = 4;

}  // namespace

Compressor::Compressor(Codec codec) : codec_(codec) {
  if (codec == Codec::kGzip || codec == Codec::kDeflate) {
    auto stream = std::make_unique<z_stream>();
    const int bits = codec == Codec::kGzip ? kWindowBits + kGzip : -kWindowBits;
    if (deflateInit2(stream.get(), kZlibLevel, Z_DEFLATED, bits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
    zlib_ = stream.release();
  }
  if (codec == Codec::kZstd) {
    zstd_ = ZSTD_createCCtx();
    if (zstd_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(zstd_, ZSTD_c_checksumFlag, 1);
  }
}

Compressor::~Compressor() {
  if (zlib_ != nullptr) deflateEnd(zlib_);
  delete zlib_;
  ZSTD_freeCCtx(zstd_);
}

void Compressor::Compress(std::string_view bytes, Buffer& out) {
  if (codec_ == Codec::kNone) return out.Append(bytes);
  if (codec_ == Codec::kZstd) return CompressWithZstd(bytes, out);
  if (codec_ == Codec::kGzip || codec_ == Codec::kDeflate) return CompressWithZlib(bytes, out);
  char* const start = out.Reserve(snappy::MaxCompressedLength(bytes.size()) + kCrcBytes);
  size_t size = 0;
  snappy::RawCompress(bytes.data(), bytes.size(), start, &size);
  if (codec_ == Codec::kSnappyBlock) return out.EndAt(start + size);
  const auto crc =
      static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  for (size_t i = 0; i < kCrcBytes; ++i) start[size + i] = static_cast<char>(crc >> (24 - 8 * i));
  out.EndAt(start + size + kCrcBytes);
}

void Compressor::CompressWithZlib(std::string_view bytes, Buffer& out) {
  deflateReset(zlib_);
  const size_t room = deflateBound(zlib_, bytes.size());
  char* const start = out.Reserve(room);
  zlib_->next_in = reinterpret_cast<const Bytef*>(bytes.data());
  zlib_->avail_in = static_cast<uInt>(bytes.size());
  zlib_->next_out = reinterpret_cast<Bytef*>(start);
  zlib_->avail_out = static_cast<uInt>(room);
  if (deflate(zlib_, Z_FINISH) != Z_STREAM_END) {
    throw Error(THRONG_INTERNAL, "zlib did not compress a block; see that it is installed whole.");
  }
  out.EndAt(start + zlib_->total_out);
}

void Compressor::CompressWithZstd(std::string_view bytes, Buffer& out) {
  const size_t room = ZSTD_compressBound(bytes.size());
  char* const start = out.Reserve(room);
  const size_t size = ZSTD_compress2(zstd_, start, room, bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(THRONG_INTERNAL,
                std::string("zstd did not compress a block: ") + ZSTD_getErrorName(size) + ".");
  }
  out.EndAt(start + size);
}

}  // namespace throng::plugins
