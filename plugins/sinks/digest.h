// SHA-256 and base64, for what sinks keep beside their data.
#pragma once

#include <openssl/sha.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throng::plugins {

// A running SHA-256.
class Sha256 {
 public:
  Sha256();
  // Goes on after `bytes` bytes with what State() told; nothing if that cannot be a state.
  static std::optional<Sha256> After(int64_t bytes, std::string_view state);
  void Update(std::string_view bytes);
  // Of all so far, as 64 hexadecimal digits; more may follow.
  std::string Hex() const;
  int64_t bytes() const { return bytes_; }
  // What it takes to go on elsewhere: 32 bytes, and those of a block of 64 that is not yet whole.
  std::string State() const;

 private:
  SHA256state_st context_;
  int64_t bytes_ = 0;
};

// SHA-256, as 64 hexadecimal digits.
std::string Sha256Of(std::string_view bytes);

// RFC 4648, padded.
std::string ToBase64(std::string_view bytes);
// Nothing if the text is not base64.
std::optional<std::string> FromBase64(const std::string& text);

}  // namespace throng::plugins
