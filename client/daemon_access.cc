#include "client/daemon_access.h"

#include <cstdlib>
#include <utility>

#include "proto/default_address.h"

namespace throng {

std::optional<std::string> NamedAddress(const DaemonFlags& flags) {
  const char* variable = std::getenv("THRONG_ADDRESS");
  std::string address = variable != nullptr ? variable : "";
  if (flags.address) address = *flags.address;
  if (address.empty()) return std::nullopt;
  return address.starts_with('/') ? "unix:" + address : address;
}

std::vector<std::string> WordsOf(const DaemonFlags& flags) {
  std::vector<std::string> words;
  const auto add = [&words](const char* flag, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  };
  if (flags.address) add("--address", *flags.address);
  if (flags.tls.is_asked) words.emplace_back("--tls");
  add("--cacert", flags.tls.ca_file);
  add("--cert", flags.tls.certificate_file);
  add("--key", flags.tls.key_file);
  add("--token-file", flags.tls.token_file);
  add("--server-name", flags.tls.server_name);
  return words;
}

Daemon Daemon::Shared(const DaemonFlags& flags) {
  return Daemon(nullptr, NamedAddress(flags).value_or(DefaultAddress()), flags.tls);
}

absl::StatusOr<Daemon> Daemon::OneShot(const DaemonFlags& flags) {
  if (const auto address = NamedAddress(flags)) {
    if (!flags.plugin_folders.empty()) {
      return absl::InvalidArgumentError(
          "--plugin-dir: the daemon at " + *address +
          " has plugin folders of its own; leave it out, or leave out the address.");
    }
    return Daemon(nullptr, *address, flags.tls);
  }
  auto started = PrivateDaemon::Start(flags.plugin_folders);
  if (!started.ok()) return started.status();
  const std::string address = (*started)->address();
  Daemon daemon(*std::move(started), address, TlsFlags());  // gRPC awakes while the daemon does
  if (absl::Status status = daemon.private_daemon_->AwaitReady(); !status.ok()) return status;
  return daemon;
}

}  // namespace throng
