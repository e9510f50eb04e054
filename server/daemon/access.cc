#include "server/daemon/access.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "server/control/digest.h"
#include "server/control/status.h"

namespace throng {
namespace {

// So often, at most, it is looked whether a file of tokens has changed.
constexpr std::chrono::seconds kLookAgain{1};

absl::Status Refuse(const std::string& path, std::string_view why) {
  return absl::FailedPreconditionError(fmt::format("{}: {}", path, why));
}

// Files with secrets are not for every user of the machine.
absl::Status CheckSecretFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Refuse(path, std::string(std::strerror(errno)) + ".");
  if ((info.st_mode & 07U) == 0) return absl::OkStatus();
  return Refuse(path, "Every user can open it; take that away by `chmod o= FILE`.");
}

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, FileCloser>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

absl::StatusOr<File> OpenFile(const std::string& path) {
  File file(fopen(path.c_str(), "re"));
  if (file == nullptr) return Refuse(path, std::string(std::strerror(errno)) + ".");
  return file;
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  auto file = OpenFile(path);
  if (!file.ok()) return file.status();
  Certificate certificate(PEM_read_X509(file->get(), nullptr, nullptr, nullptr), X509_free);
  if (certificate == nullptr) return Refuse(path, "Holds no certificate in PEM.");
  return certificate;
}

absl::StatusOr<Key> ReadKey(const std::string& path) {
  if (absl::Status status = CheckSecretFile(path); !status.ok()) return status;
  auto file = OpenFile(path);
  if (!file.ok()) return file.status();
  char no_password[] = "";  // else it would be asked for on the terminal
  Key key(PEM_read_PrivateKey(file->get(), nullptr, nullptr, no_password), EVP_PKEY_free);
  if (key == nullptr) return Refuse(path, "Holds no private key in PEM, or one with a password.");
  return key;
}

std::optional<Role> ParseRole(std::string_view text) {
  if (text == "reader") return Role::kReader;
  if (text == "operator") return Role::kOperator;
  return std::nullopt;
}

// The SHA-256 of a token, as a file of tokens has it. Nothing: it is none.
std::optional<std::string> DigestOf(const std::string& text) {
  constexpr std::string_view kDigest = "sha256:";
  constexpr size_t kDigits = 64;
  constexpr size_t kLeast = 16;  // bytes of a token: shorter ones can be guessed
  if (!text.starts_with(kDigest)) {
    return text.size() < kLeast ? std::nullopt : std::optional(Digest().Add(text).Hex());
  }
  std::string digits = text.substr(kDigest.size());
  const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (digits.size() != kDigits || !is_hex) return std::nullopt;
  return digits;
}

// What differs when the file does, also if a link was set to another one.
std::string VersionOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "";
  return fmt::format("{} {} {} {}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

std::vector<std::string> NamesOf(const grpc::AuthContext& context) {
  std::vector<std::string> names;
  for (const char* property :
       {GRPC_X509_CN_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME, GRPC_PEER_URI_PROPERTY_NAME}) {
    for (const grpc::string_ref& value : context.FindPropertyValues(property)) {
      names.emplace_back(value.data(), value.size());
    }
  }
  return names;
}

std::string_view ValueOf(const grpc::AuthMetadataProcessor::InputMetadata& metadata,
                         const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

std::optional<std::string_view> TokenOf(
    const grpc::AuthMetadataProcessor::InputMetadata& metadata) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view value = ValueOf(metadata, "authorization");
  if (!value.starts_with(kScheme)) return std::nullopt;
  return value.substr(kScheme.size());
}

}  // namespace

bool MayCall(Role role, std::string_view method) {
  if (role == Role::kOperator) return true;
  const size_t slash = method.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  const std::string_view service = method.substr(1, slash - 1);
  const std::string_view name = method.substr(slash + 1);
  if (service.starts_with("grpc.health.") || service.starts_with("grpc.reflection.")) return true;
  // What names places of the caller's choice (ValidateSpec, InspectionService) could show them
  // secrets of the daemon.
  if (service == "throng.v1.GenerationService") return name == "Generate" || name == "Plan";
  if (service != "throng.v1.RunService" && service != "throng.v1.PluginService" &&
      service != "throng.v1.ServerService") {
    return false;
  }
  return name.starts_with("Get") || name.starts_with("List") || name.starts_with("Watch") ||
         name.starts_with("Read");
}

absl::StatusOr<std::map<std::string, Principal>> ReadTokens(const std::string& path) {
  if (absl::Status status = CheckSecretFile(path); !status.ok()) return status;
  std::ifstream file(path);
  if (!file) return Refuse(path, "Cannot be read.");
  std::map<std::string, Principal> tokens;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line);
    std::string name, role_name, token, more;
    if (!(words >> name) || name.starts_with('#')) continue;
    words >> role_name >> token >> more;
    const auto refuse = [&](std::string_view why) {
      return Refuse(fmt::format("{}:{}", path, number), why);
    };
    const auto role = ParseRole(role_name);
    if (!role || token.empty() || !more.empty()) {
      return refuse("Must be NAME ROLE TOKEN, where ROLE is reader or operator.");
    }
    const auto digest = DigestOf(token);
    if (!digest) {
      return refuse(
          "The token must have at least 16 characters, or be `sha256:` and 64 "
          "hexadecimal digits.");
    }
    if (!tokens.emplace(*digest, Principal{name, *role}).second) {
      return refuse("Another line has that token.");
    }
  }
  return tokens;
}

absl::Status CheckTlsFiles(const Listener& listener) {
  if (!listener.IsTls()) return absl::OkStatus();
  const auto certificate = ReadCertificate(listener.certificate);
  if (!certificate.ok()) return certificate.status();
  const auto key = ReadKey(listener.key);
  if (!key.ok()) return key.status();
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    return Refuse(listener.key, fmt::format("Is not the key of {}.", listener.certificate));
  }
  return listener.client_ca.empty() ? absl::OkStatus()
                                    : ReadCertificate(listener.client_ca).status();
}

absl::StatusOr<std::shared_ptr<Access>> Access::Make(const Listener& listener) {
  std::shared_ptr<Access> access(new Access(listener));
  if (absl::Status status = access->Change(listener); !status.ok()) return status;
  return access;
}

absl::Status Access::Change(const Listener& listener) {
  if (absl::Status status = CheckTlsFiles(listener); !status.ok()) return status;
  std::string version;
  std::map<std::string, Principal> tokens;
  if (!listener.tokens.empty()) {
    version = VersionOf(listener.tokens);
    auto read = ReadTokens(listener.tokens);
    if (!read.ok()) return read.status();
    tokens = *std::move(read);
  }
  const std::lock_guard lock(mutex_);
  listener_ = listener;
  tokens_ = std::move(tokens);
  tokens_version_ = std::move(version);
  tokens_looked_at_ = std::chrono::steady_clock::now();
  return absl::OkStatus();
}

void Access::RefreshTokens() const {
  const auto now = std::chrono::steady_clock::now();
  if (now < tokens_looked_at_ + kLookAgain) return;
  tokens_looked_at_ = now;
  std::string version = VersionOf(listener_.tokens);
  if (version == tokens_version_) return;
  auto tokens = ReadTokens(listener_.tokens);
  if (!tokens.ok()) return;  // half written: those before hold on
  tokens_ = *std::move(tokens);
  tokens_version_ = std::move(version);
}

absl::StatusOr<Principal> Access::Find(const std::vector<std::string>& names,
                                       std::optional<std::string_view> token) const {
  const std::lock_guard lock(mutex_);
  if (!listener_.IsTls()) return Principal{listener_.address, listener_.role};
  if (token && !listener_.tokens.empty()) {
    RefreshTokens();
    const auto found = tokens_.find(Digest().Add(*token).Hex());
    if (found != tokens_.end()) return found->second;
    return absl::UnauthenticatedError("The token is not known here; ask the daemon's operator.");
  }
  for (const std::string& name : names) {
    const auto found = listener_.clients.find(name);
    if (found != listener_.clients.end()) return Principal{name, found->second};
  }
  if (!names.empty()) {
    return absl::UnauthenticatedError(fmt::format(
        "The certificate of \"{}\" is not among `clients` of the daemon's throngd.yaml.",
        names.front()));
  }
  return absl::UnauthenticatedError(
      listener_.tokens.empty() ? "The daemon asks for a certificate of its clients."
                               : "The daemon asks for a token, as `authorization: Bearer TOKEN`.");
}

grpc::Status Access::Process(const InputMetadata& metadata, grpc::AuthContext* context,
                             OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) {
  // The context is the connection's and not the call's: it is only read.
  const auto principal = Find(NamesOf(*context), TokenOf(metadata));
  if (!principal.ok()) {
    return {grpc::StatusCode::UNAUTHENTICATED, MessageOf(principal.status())};
  }
  const std::string_view method = ValueOf(metadata, ":path");
  if (!MayCall(principal->role, method)) {
    return {
        grpc::StatusCode::PERMISSION_DENIED,
        fmt::format("{} is for operators, and {} is a reader.", method.substr(1), principal->name)};
  }
  if (on_call_ && !MayCall(Role::kReader, method)) {
    on_call_(principal->name, std::string(method.substr(1)));
  }
  return grpc::Status::OK;
}

}  // namespace throng
