// Who may call, and what: the certificates and tokens that a listener lets in, and the one place
// where roles are held against methods.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/listener.h"

namespace throng {

// Who calls.
struct Principal {
  std::string name;
  Role role = Role::kReader;
};

// Whether a role may call a method, as `/throng.v1.RunService/GetRun`. Readers get, list, watch and
// read what is there, and have rows generated; what is not known to be so is for operators.
bool MayCall(Role role, std::string_view method);

// Of a file with a line `NAME ROLE TOKEN` or `NAME ROLE sha256:DIGEST` for each token, and comments
// that begin with `#`. By the SHA-256 of the token. FAILED_PRECONDITION: what is wrong, with file
// and line; or others may read it.
absl::StatusOr<std::map<std::string, Principal>> ReadTokens(const std::string& path);

// FAILED_PRECONDITION: the PEM files of a listener are not what they are said to be, or others may
// read the key. Not whether a certificate is still valid.
absl::Status CheckTlsFiles(const Listener& listener);

// Whom one listener lets in. Any thread.
class Access final : public grpc::AuthMetadataProcessor {
 public:
  // FAILED_PRECONDITION: its files, as above.
  static absl::StatusOr<std::shared_ptr<Access>> Make(const Listener& listener);

  // Other clients, tokens or role for the same address. FAILED_PRECONDITION: as above, and nothing
  // is changed.
  absl::Status Change(const Listener& listener);

  // Hears of each call that only operators may make, once it is let in. Before there are calls.
  using OnCall = std::function<void(const std::string& caller, const std::string& method)>;
  void SetOnCall(OnCall on_call) { on_call_ = std::move(on_call); }

  // `names`: those of the caller's certificate, which its CA vouches for; `token`: what it brings.
  // UNAUTHENTICATED: neither is known here.
  absl::StatusOr<Principal> Find(const std::vector<std::string>& names,
                                 std::optional<std::string_view> token) const;

 private:
  explicit Access(Listener listener) : listener_(std::move(listener)) {}

  bool IsBlocking() const override { return false; }
  // Of each call, before its service hears of it.
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

  void RefreshTokens() const;

  OnCall on_call_;
  mutable std::mutex mutex_;
  Listener listener_;
  // Of the file as it was when it was last whole.
  mutable std::map<std::string, Principal> tokens_;
  mutable std::string tokens_version_;  // changes when the file does
  mutable std::chrono::steady_clock::time_point tokens_looked_at_;
};

}  // namespace throng
