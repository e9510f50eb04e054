#include "server/control/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <fstream>
#include <vector>

namespace throng {

void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}
Digest::~Digest() = default;

Digest& Digest::Add(const void* data, size_t bytes) {
  EVP_DigestUpdate(context_.get(), data, bytes);
  return *this;
}

Digest& Digest::AddField(std::string_view text) {
  return Add(std::to_string(text.size())).Add(":").Add(text).Add("\n");
}

std::string Digest::Raw() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), bytes, &size);
  return {bytes, bytes + size};
}

std::string Digest::Hex() { return ToHex(Raw()); }

std::string ToHex(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

absl::StatusOr<std::string> FileDigest(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Digest digest;
  std::vector<char> block(1 << 16);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    digest.Add(block.data(), static_cast<size_t>(file.gcount()));
  }
  if (!file.eof()) return absl::NotFoundError(fmt::format("{} cannot be read.", path));
  return digest.Hex();
}

}  // namespace throng
