// Which daemon a command talks to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/connection.h"
#include "client/contexts.h"
#include "client/private_daemon.h"

namespace throng {

struct DaemonFlags {
  std::optional<std::string> address;       // --address
  std::optional<std::string> context;       // --context
  TlsFlags tls;                             // of HOST:PORT
  std::vector<std::string> plugin_folders;  // --plugin-dir, of a private daemon
  std::optional<Context> found;             // what a context says; flags are stronger
};

// Finds the context that is named, by a flag, THRONG_CONTEXT or as the one in use, unless an
// address is named. NOT_FOUND, INVALID_ARGUMENT, PERMISSION_DENIED: as FindContext and ReadContexts
// say.
absl::Status ResolveContext(DaemonFlags* flags);

// A daemon to talk to, and for as long as this lives.
class Daemon {
 public:
  // The one that --address, a context or THRONG_ADDRESS names, else the one of the default address.
  static Daemon Shared(const DaemonFlags& flags);
  // For commands that do a job and end: the one that is named, else a private one.
  static absl::StatusOr<Daemon> OneShot(const DaemonFlags& flags);

  Connection& connection() { return *connection_; }
  const std::string& address() const { return connection_->address(); }
  // Whether it shares our terminal, folder and rights.
  bool is_private() const { return private_daemon_ != nullptr; }

 private:
  Daemon(std::unique_ptr<PrivateDaemon> private_daemon, const std::string& address,
         const TlsFlags& tls)
      : private_daemon_(std::move(private_daemon)),
        connection_(std::make_unique<Connection>(address, tls)) {}

  std::unique_ptr<PrivateDaemon> private_daemon_;  // outlives the connection
  std::unique_ptr<Connection> connection_;
};

// The address that is named, as gRPC takes it: /path becomes unix:/path. Nothing: none is.
std::optional<std::string> NamedAddress(const DaemonFlags& flags);

// The flags again, as words of a command line.
std::vector<std::string> WordsOf(const DaemonFlags& flags);

}  // namespace throng
