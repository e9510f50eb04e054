// Where the daemon listens and whom it lets in there: a listener of throngd.yaml, resolved.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/spec/problem.h"
#include "throng/daemon/v1/config.pb.h"

namespace throng {

// What a caller may do: look, or everything.
enum class Role { kReader, kOperator };

struct Listener {
  std::string address;           // `unix:/path` or `HOST:PORT`
  mode_t mode = 0600;            // of a socket's file
  std::string group;             // of a socket's file; empty: the daemon's
  Role role = Role::kOperator;   // of whoever comes by a socket
  std::string certificate, key;  // PEM files; empty: no TLS
  std::string client_ca;         // a PEM file; empty: clients have no certificates
  std::map<std::string, Role, std::less<>> clients;  // by a name of their certificate
  std::string tokens;                                // a file of them; empty: none

  bool IsTls() const { return !certificate.empty(); }
};

// A listener of the settings at `field` (`listeners[0]`). `is_insecure_said`: --insecure was given.
// Mistakes are added to `problems`. No file is looked at.
Listener ResolveListener(const daemon::v1::Listener& given, const std::string& field,
                         bool is_insecure_said, Problems* problems);

// What is wrong with the form of an address, if anything is.
std::optional<std::string> AddressMistake(std::string_view address);

// Whether only this machine reaches HOST:PORT.
bool IsLoopback(std::string_view address);

// The path of a `unix:` address, nothing of any other.
std::optional<std::string> SocketPath(std::string_view address);

}  // namespace throng
