// Plain bytes of the inner blocks of files, which are compressed one by one.
#include "plugins/formats/compression/blocks.h"

#include <snappy.h>
#define ZLIB_CONST  // next_in points to const bytes
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace throng::plugins {
namespace {

constexpr int kWindowBits = 15;  // the largest; negative: raw deflate, plus 16: gzip
constexpr int kGzip = 16;
constexpr size_t kCrcBytes = 4;
constexpr int kMostZstdWindow = 27;  // 128 MiB, zstd's own limit unless more is asked for
constexpr size_t kFirstRoom = 1 << 16;

bool Refuse(std::string sentence, std::string* reason) {
  *reason = std::move(sentence);
  return false;
}

bool RefuseSize(size_t most, std::string* reason) {
  return Refuse("it has more than " + std::to_string(most) + " bytes once it is decompressed",
                reason);
}

// Room for more at the end of `plain`; false: that is all.
bool Grow(size_t most, std::string* plain) {
  if (plain->size() >= most) return false;
  plain->resize(std::min(most, std::max(kFirstRoom, 2 * plain->size())));
  return true;
}

}  // namespace

BlockDecompressor::BlockDecompressor(Codec codec) : codec_(codec) {
  if (codec == Codec::kDeflate || codec == Codec::kGzip) {
    auto stream = std::make_unique<z_stream>();
    const int bits = codec == Codec::kGzip ? kWindowBits + kGzip : -kWindowBits;
    if (inflateInit2(stream.get(), bits) != Z_OK) throw std::bad_alloc();
    zlib_ = stream.release();
  }
  if (codec == Codec::kZstd) {
    zstd_ = ZSTD_createDCtx();
    if (zstd_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax, kMostZstdWindow);
  }
}

BlockDecompressor::~BlockDecompressor() {
  if (zlib_ != nullptr) inflateEnd(zlib_);
  delete zlib_;
  ZSTD_freeDCtx(zstd_);
}

bool BlockDecompressor::Decompress(std::string_view block, size_t most, std::string* plain,
                                   std::string* reason) {
  if (codec_ == Codec::kDeflate || codec_ == Codec::kGzip) {
    return Inflate(block, most, plain, reason);
  }
  if (codec_ == Codec::kSnappy || codec_ == Codec::kSnappyBlock)
    return Unsnap(block, most, plain, reason);
  if (codec_ == Codec::kZstd) return DecompressWithZstd(block, most, plain, reason);
  plain->assign(block);
  return true;
}

bool BlockDecompressor::Inflate(std::string_view block, size_t most, std::string* plain,
                                std::string* reason) {
  inflateReset(zlib_);
  zlib_->next_in = reinterpret_cast<const Bytef*>(block.data());
  zlib_->avail_in = static_cast<uInt>(block.size());
  size_t size = 0;
  if (plain->empty()) Grow(most, plain);
  while (true) {
    zlib_->next_out = reinterpret_cast<Bytef*>(plain->data() + size);
    zlib_->avail_out = static_cast<uInt>(plain->size() - size);
    const int code = inflate(zlib_, Z_NO_FLUSH);
    size = plain->size() - zlib_->avail_out;
    if (code == Z_STREAM_END) break;
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return Refuse(
          "it cannot be inflated: " + std::string(zlib_->msg == nullptr ? "damaged" : zlib_->msg),
          reason);
    }
    if (zlib_->avail_out > 0) return Refuse("its deflated bytes end too early", reason);
    if (!Grow(most, plain)) return RefuseSize(most, reason);
  }
  plain->resize(size);
  return true;
}

bool BlockDecompressor::Unsnap(std::string_view block, size_t most, std::string* plain,
                               std::string* reason) {
  const size_t crc_bytes = codec_ == Codec::kSnappy ? kCrcBytes : 0;
  const std::string_view packed = block.substr(0, block.size() - std::min(crc_bytes, block.size()));
  size_t size = 0;
  if (block.size() < crc_bytes ||
      !snappy::GetUncompressedLength(packed.data(), packed.size(), &size)) {
    return Refuse("it is not compressed by snappy", reason);
  }
  if (size > most) return RefuseSize(most, reason);
  // Three bytes make 64 at most: what claims more takes no memory.
  if (size > 64 * block.size()) return Refuse("it is not compressed by snappy", reason);
  plain->resize(size);
  if (!snappy::RawUncompress(packed.data(), packed.size(), plain->data())) {
    return Refuse("it is not compressed by snappy", reason);
  }
  if (crc_bytes == 0) return true;
  uint32_t told = 0;
  for (const char byte : block.substr(packed.size())) {
    told = told << 8 | static_cast<uint8_t>(byte);
  }
  const auto found = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(plain->data()), plain->size()));
  return told == found || Refuse("its bytes do not have the checksum behind them", reason);
}

bool BlockDecompressor::DecompressWithZstd(std::string_view block, size_t most, std::string* plain,
                                           std::string* reason) {
  ZSTD_DCtx_reset(zstd_, ZSTD_reset_session_only);
  ZSTD_inBuffer in = {block.data(), block.size(), 0};
  size_t size = 0;
  if (plain->empty()) Grow(most, plain);
  while (true) {
    ZSTD_outBuffer out = {plain->data(), plain->size(), size};
    const size_t left = ZSTD_decompressStream(zstd_, &out, &in);
    size = out.pos;
    if (ZSTD_isError(left) != 0) {
      return Refuse(std::string("zstd cannot decompress it: ") + ZSTD_getErrorName(left), reason);
    }
    if (left == 0 && in.pos == in.size) break;
    if (out.pos < out.size) {
      if (in.pos < in.size) continue;  // another frame
      return Refuse("its frame of zstd ends too early", reason);
    }
    if (!Grow(most, plain)) return RefuseSize(most, reason);
  }
  plain->resize(size);
  return true;
}

}  // namespace throng::plugins
