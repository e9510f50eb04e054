// What the file sink keeps beside its data: the position of an unfinished file, the manifest of a
// finished one, and the digest that both hold.
#include "file_state.h"

#include <openssl/evp.h>

#include <new>
#include <nlohmann/json.hpp>

#include "throng/sdk.hpp"

namespace throng {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;  // of PATH.position

const unsigned char* Unsigned(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* Unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

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

// Text that need not be UTF-8, as a file's name, does not make it fail.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

void AddState(const FileState& state, Json* json) {
  (*json)["bytes"] = state.bytes;
  (*json)["sha256"] = state.sha256;
  (*json)["identity"] = state.identity;
  (*json)["position"] = state.position ? Json(*state.position) : Json();
  (*json)["host_state"] = ToBase64(state.host_state);
}

std::optional<FileState> StateOf(const Json& json) {
  try {
    FileState state;
    state.bytes = json.at("bytes").get<int64_t>();
    state.sha256 = json.at("sha256").get<std::string>();
    state.identity = json.at("identity").get<std::string>();
    if (!json.at("position").is_null()) state.position = json.at("position").get<int64_t>();
    auto host_state = FromBase64(json.at("host_state").get<std::string>());
    if (!host_state) return std::nullopt;
    state.host_state = std::move(*host_state);
    return state;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string Sha256Of(std::string_view text) {
  Sha256 sha;
  sha.Update(text);
  return sha.Hex();
}

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

std::string PositionText(const FileState& state, const Origin& origin) {
  Json json;
  json["throng_position"] = kVersion;
  json["run_uid"] = origin.run_uid;
  json["output"] = origin.output;
  json["slice"] = origin.slice;
  AddState(state, &json);
  const std::string line = Dump(json, -1);
  return line + "\n" + Sha256Of(line) + "\n";
}

std::optional<FileState> ParsePosition(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  if (text != line + "\n" + Sha256Of(line) + "\n") return std::nullopt;
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("throng_position", Json()) != kVersion) return std::nullopt;
  return StateOf(json);
}

std::string ManifestText(const FileState& state, const std::string& file_name,
                         std::string_view manifest) {
  Json json;
  json["file"] = file_name;
  AddState(state, &json);
  const Json host = Json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (!host.is_object()) throw Error(THRONG_INTERNAL, "The host's manifest is not a JSON object.");
  for (const auto& member : host.items()) {
    if (!json.contains(member.key())) json[member.key()] = member.value();
  }
  return Dump(json, 2) + "\n";
}

std::optional<FileState> ParseManifest(const std::string& text) {
  return StateOf(Json::parse(text, nullptr, /*allow_exceptions=*/false));
}

}  // namespace throng
