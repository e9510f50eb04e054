#include "client/daemon_access.h"

#include <cstdlib>
#include <utility>

#include "proto/default_address.h"

namespace throng {

namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What flags say, and where they say nothing a context.
TlsFlags TlsOf(const DaemonFlags& flags) {
  TlsFlags tls = flags.tls;
  if (!flags.found) return tls;
  const TlsFlags& weaker = flags.found->tls;
  tls.is_asked = tls.is_asked || weaker.is_asked;
  // A certificate and its key belong together.
  if (tls.certificate_file.empty()) {
    tls.certificate_file = weaker.certificate_file;
    tls.key_file = weaker.key_file;
  }
  if (tls.ca_file.empty()) tls.ca_file = weaker.ca_file;
  if (tls.token_file.empty()) tls.token_file = weaker.token_file;
  if (tls.server_name.empty()) tls.server_name = weaker.server_name;
  return tls;
}

}  // namespace

absl::Status ResolveContext(DaemonFlags* flags) {
  if (flags->address || (!flags->context && !Variable("THRONG_ADDRESS").empty())) {
    return absl::OkStatus();
  }
  std::string name = flags->context.value_or(Variable("THRONG_CONTEXT"));
  const bool is_named = !name.empty();
  if (flags->context && !is_named) return absl::OkStatus();  // '' is none
  const auto contexts = ReadContexts(ContextsPath());
  if (!contexts.ok()) return contexts.status();
  if (!is_named) name = contexts->current;
  if (name.empty()) return absl::OkStatus();
  auto found = FindContext(*contexts, name);
  if (!found.ok()) return found.status();
  flags->found = *std::move(found);
  return absl::OkStatus();
}

std::optional<std::string> NamedAddress(const DaemonFlags& flags) {
  std::string address = Variable("THRONG_ADDRESS");
  if (flags.found) address = flags.found->address;
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
  if (flags.context) add("--context", *flags.context);
  if (flags.tls.is_asked) words.emplace_back("--tls");
  add("--cacert", flags.tls.ca_file);
  add("--cert", flags.tls.certificate_file);
  add("--key", flags.tls.key_file);
  add("--token-file", flags.tls.token_file);
  add("--server-name", flags.tls.server_name);
  return words;
}

Daemon Daemon::Shared(const DaemonFlags& flags) {
  return Daemon(nullptr, NamedAddress(flags).value_or(DefaultAddress()), TlsOf(flags));
}

absl::StatusOr<Daemon> Daemon::OneShot(const DaemonFlags& flags) {
  if (const auto address = NamedAddress(flags)) {
    if (!flags.plugin_folders.empty()) {
      return absl::InvalidArgumentError(
          "--plugin-dir: the daemon at " + *address +
          " has plugin folders of its own; leave it out, or leave out the address.");
    }
    return Daemon(nullptr, *address, TlsOf(flags));
  }
  auto started = PrivateDaemon::Start(flags.plugin_folders);
  if (!started.ok()) return started.status();
  const std::string address = (*started)->address();
  Daemon daemon(*std::move(started), address, TlsFlags());  // gRPC awakes while the daemon does
  if (absl::Status status = daemon.private_daemon_->AwaitReady(); !status.ok()) return status;
  return daemon;
}

}  // namespace throng
