// Plain bytes of the inner blocks of files, which are compressed one by one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "plugins/formats/compression/compressor.h"

struct z_stream_s;
struct ZSTD_DCtx_s;

namespace throng::plugins {

class BlockDecompressor {
 public:
  explicit BlockDecompressor(Codec codec);
  ~BlockDecompressor();
  BlockDecompressor(const BlockDecompressor&) = delete;
  BlockDecompressor& operator=(const BlockDecompressor&) = delete;

  // Makes `plain` the bytes of a block, at most `most` of them. False if it cannot: `reason` is
  // why.
  bool Decompress(std::string_view block, size_t most, std::string* plain, std::string* reason);

 private:
  bool Inflate(std::string_view block, size_t most, std::string* plain, std::string* reason);
  bool Unsnap(std::string_view block, size_t most, std::string* plain, std::string* reason);
  bool DecompressWithZstd(std::string_view block, size_t most, std::string* plain,
                          std::string* reason);

  Codec codec_;
  z_stream_s* zlib_ = nullptr;
  ZSTD_DCtx_s* zstd_ = nullptr;
};

}  // namespace throng::plugins
