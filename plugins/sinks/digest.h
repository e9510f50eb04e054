// SHA-256 and base64, for what sinks keep beside their data.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace throng::plugins {

// A running SHA-256.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  ~Sha256() = default;
  void Update(std::string_view bytes);
  // Of all so far, as 64 hexadecimal digits; more may follow.
  std::string Hex() const;

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

// SHA-256, as 64 hexadecimal digits.
std::string Sha256Of(std::string_view bytes);

// RFC 4648, padded.
std::string ToBase64(std::string_view bytes);
// Nothing if the text is not base64.
std::optional<std::string> FromBase64(const std::string& text);

}  // namespace throng::plugins
