// SHA-256, as hexadecimal text or raw bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_md_ctx_st;

namespace throng {

class Digest {
 public:
  Digest();
  ~Digest();
  Digest& Add(const void* data, size_t bytes);
  Digest& Add(std::string_view text) { return Add(text.data(), text.size()); }
  // A text of its own: what is added before and after it cannot shift into it.
  Digest& AddField(std::string_view text);
  std::string Raw();  // 32 bytes; ends the digest
  std::string Hex();  // 64 digits; ends the digest

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string ToHex(std::string_view bytes);
absl::StatusOr<std::string> FileDigest(const std::string& path);

}  // namespace throng
