// Text as compressed members (frames), which any reader joins.
//
// What is added at once is a member of its own: the prologue, each cut of rows, the epilogue. So
// the bytes are a function of the rows, and a file may be cut off and gone on with where a member
// ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/formats/compression/compressor.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class Compression { kNone, kGzip, kZstd };

class Members {
 public:
  // The option `compression` of a format.
  template <auto Member>
  static auto DeclareOption() {
    return Option<Member>("compression",
                          "How the file is compressed; unset: gzip for files named .gz, zstd for "
                          ".zst, else none.")
        .Choices({"none", "gzip", "zstd"})
        .Identity();
  }

  Members() = default;
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  // INVALID_ARGUMENT where messages are to be compressed.
  void Begin(std::optional<Compression> compression, const throng_destination& destination);

  // For the prologue: rows of a member, 0 if nothing is compressed.
  uint32_t cut_rows() const;

  // Appends what `write` writes into a buffer: as a member, or as it is.
  template <class Write>
  void Add(Buffer& out, const Write& write) {
    if (compressor_ == nullptr) return write(out);
    plain_.size = 0;
    Buffer plain(&plain_);
    write(plain);
    compressor_->Compress({plain_.data, plain_.size}, out);
  }
  // The same for a text.
  std::string Of(std::string text);
  // A file without a byte is no compressed file: without rows it ends with an empty member.
  void AddEnd(int64_t rows, Buffer& out) {
    if (rows == 0) Add(out, [](Buffer&) {});
  }

 private:
  static int32_t Grow(throng_buffer* buffer, size_t bytes);

  std::unique_ptr<Compressor> compressor_;
  throng_buffer plain_ = {sizeof(throng_buffer), nullptr, 0, 0, &Grow, {}};
};

// A file's name without .gz or .zst.
std::string_view PlainName(std::string_view name);

}  // namespace throng::plugins
