// SHA-256 and base64, by OpenSSL.
#include "plugins/sinks/digest.h"

#include <openssl/evp.h>

#include <new>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

const unsigned char* Unsigned(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* Unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

EVP_MD_CTX* NewContext() {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

void Check(int result) {
  if (result != 1) throw Error(THRONG_INTERNAL, "OpenSSL cannot compute a SHA-256.");
}

}  // namespace

Sha256::Sha256() : context_(NewContext(), EVP_MD_CTX_free) {
  Check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

Sha256::Sha256(const Sha256& other) : context_(NewContext(), EVP_MD_CTX_free) {
  Check(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
}

Sha256& Sha256::operator=(const Sha256& other) {
  Check(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
  return *this;
}

void Sha256::Update(std::string_view bytes) {
  Check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Sha256::Hex() const {
  const Sha256 copy(*this);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  Check(EVP_DigestFinal_ex(copy.context_.get(), digest, &size));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
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
