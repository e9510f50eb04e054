// SHA-256 and base64, by OpenSSL.

// OpenSSL 3 calls SHA256_Init and its like deprecated. Its new digests (EVP) cannot be stored
// half-way, which is what a file that goes on needs; these can, and are the same code.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "plugins/sinks/digest.h"

#include <openssl/evp.h>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

const unsigned char* Unsigned(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* Unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

void Check(int result) {
  if (result != 1) throw Error(THRONG_INTERNAL, "OpenSSL cannot compute a SHA-256.");
}

}  // namespace

Sha256::Sha256() { Check(SHA256_Init(&context_)); }

std::optional<Sha256> Sha256::After(int64_t bytes, std::string_view state) {
  if (bytes < 0) return std::nullopt;
  const auto in_block = static_cast<size_t>(bytes % SHA256_CBLOCK);
  if (state.size() != SHA256_DIGEST_LENGTH + in_block) return std::nullopt;
  Sha256 sha;
  for (size_t i = 0; i < SHA256_DIGEST_LENGTH; ++i) {
    SHA_LONG& word = sha.context_.h[i / 4];
    word = word << 8 | static_cast<unsigned char>(state[i]);
  }
  const uint64_t bits = 8 * static_cast<uint64_t>(bytes - static_cast<int64_t>(in_block));
  sha.context_.Nl = static_cast<SHA_LONG>(bits);
  sha.context_.Nh = static_cast<SHA_LONG>(bits >> 32);
  sha.bytes_ = bytes - static_cast<int64_t>(in_block);
  sha.Update(state.substr(SHA256_DIGEST_LENGTH));
  return sha;
}

std::string Sha256::State() const {
  std::string state;
  for (size_t i = 0; i < SHA256_DIGEST_LENGTH; ++i) {
    state += static_cast<char>(context_.h[i / 4] >> (24 - 8 * (i % 4)));
  }
  // The bytes of a block that is not yet whole stand at the front of `data`.
  state.append(reinterpret_cast<const char*>(context_.data), context_.num);
  return state;
}

void Sha256::Update(std::string_view bytes) {
  Check(SHA256_Update(&context_, bytes.data(), bytes.size()));
  bytes_ += static_cast<int64_t>(bytes.size());
}

std::string Sha256::Hex() const {
  SHA256_CTX copy = context_;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  Check(SHA256_Final(digest, &copy));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string Sha256Of(std::string_view text) {
  Sha256 sha;
  sha.Update(text);
  return sha.Hex();
}

std::string ToBase64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with NUL
  const int size = EVP_EncodeBlock(Unsigned(text.data()), Unsigned(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<std::string> FromBase64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size =
      EVP_DecodeBlock(Unsigned(bytes.data()), Unsigned(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  // OpenSSL counts the padding as bytes.
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

}  // namespace throng::plugins
