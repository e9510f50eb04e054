#include "server/daemon/listener.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace throng {
namespace {

// A socket's address has room for so many bytes of path.
constexpr size_t kMostPathBytes = 107;

template <class Number>
std::optional<Number> ParseNumber(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Reads the fields of a listener; each mistake is a problem.
class Resolver {
 public:
  Resolver(const daemon::v1::Listener& given, std::string field, Problems* problems)
      : given_(given), field_(std::move(field)), problems_(problems) {
    resolved_.address = given.address();
    resolved_.tokens = given.tokens();
    resolved_.group = given.group();
  }

  Listener Resolve(bool is_insecure_said) {
    if (auto mistake = AddressMistake(given_.address())) {
      Add("address", *std::move(mistake));
    } else if (SocketPath(given_.address())) {
      ResolveSocket();
    } else {
      ResolvePort(is_insecure_said);
    }
    return std::move(resolved_);
  }

 private:
  void Add(const std::string& name, std::string message) {
    problems_->push_back({name.empty() ? field_ : field_ + "." + name, std::move(message)});
  }

  void Forbid(bool is_given, const std::string& name, std::string_view where) {
    if (is_given) Add(name, fmt::format("Is for {}; leave it out.", where));
  }

  void ResolveSocket() {
    constexpr mode_t kMost = 0777;
    if (!given_.mode().empty()) {
      const auto mode = ParseNumber<mode_t>(given_.mode(), 8);
      if (!mode || *mode > kMost) {
        Add("mode", fmt::format("Must be octal digits such as 0660, found \"{}\".", given_.mode()));
      } else {
        resolved_.mode = *mode;
      }
    }
    if (!given_.group().empty() && (resolved_.mode & 020U) == 0) {
      Add("group", "Lets nobody in with this mode; write `mode: 0660`.");
    }
    if (given_.role() == daemon::v1::ROLE_READER) resolved_.role = Role::kReader;
    Forbid(given_.has_tls(), "tls", "HOST:PORT");
    Forbid(given_.clients_size() > 0, "clients", "HOST:PORT with `tls`");
    Forbid(!given_.tokens().empty(), "tokens", "HOST:PORT with `tls`");
    Forbid(given_.insecure(), "insecure", "HOST:PORT");
  }

  void ResolvePort(bool is_insecure_said) {
    Forbid(!given_.mode().empty(), "mode", "unix:/PATH");
    Forbid(!given_.group().empty(), "group", "unix:/PATH");
    Forbid(given_.role() != daemon::v1::ROLE_UNSPECIFIED, "role", "unix:/PATH");
    if (given_.has_tls()) return ResolveTls();
    Forbid(given_.clients_size() > 0, "clients", "listeners with `tls`");
    Forbid(!given_.tokens().empty(), "tokens", "listeners with `tls`");
    if (!given_.insecure()) {
      Add("",
          "Needs `tls`; or, if everybody who reaches the port may do everything, "
          "`insecure: true`.");
    } else if (!IsLoopback(given_.address()) && !is_insecure_said) {
      Add("insecure",
          "Beyond loopback addresses (localhost, 127.0.0.1, [::1]) everybody on the network may do "
          "everything. Give `tls`; if that is meant, start throngd with --insecure, too.");
    }
  }

  void ResolveTls() {
    const daemon::v1::Tls& tls = given_.tls();
    resolved_.certificate = tls.certificate();
    resolved_.key = tls.key();
    resolved_.client_ca = tls.client_ca();
    if (tls.certificate().empty()) Add("tls.certificate", "Is needed; name a PEM file.");
    if (tls.key().empty()) Add("tls.key", "Is needed; name a PEM file.");
    Forbid(given_.insecure(), "insecure", "listeners without `tls`");
    if (tls.client_ca().empty()) {
      Forbid(given_.clients_size() > 0, "clients", "listeners with `tls.client_ca`");
      if (given_.tokens().empty()) {
        Add("", "Lets nobody in; give `tokens`, or `tls.client_ca` and `clients`.");
      }
    } else if (given_.clients_size() == 0) {
      Add("clients",
          "Is needed with `tls.client_ca`: the names of certificates, with a role each.");
    }
    for (int i = 0; i < given_.clients_size(); ++i) ResolveClient(i);
  }

  void ResolveClient(int i) {
    const daemon::v1::Client& client = given_.clients(i);
    const std::string field = fmt::format("clients[{}]", i);
    if (client.name().empty()) Add(field + ".name", "Is needed: a name in the certificate.");
    if (client.role() == daemon::v1::ROLE_UNSPECIFIED) {
      Add(field + ".role", "Is needed; write reader or operator.");
    }
    const Role role = client.role() == daemon::v1::ROLE_OPERATOR ? Role::kOperator : Role::kReader;
    if (!resolved_.clients.emplace(client.name(), role).second) {
      Add(field + ".name", fmt::format("\"{}\" is there twice.", client.name()));
    }
  }

  const daemon::v1::Listener& given_;
  const std::string field_;
  Problems* const problems_;
  Listener resolved_;
};

}  // namespace

Listener ResolveListener(const daemon::v1::Listener& given, const std::string& field,
                         bool is_insecure_said, Problems* problems) {
  return Resolver(given, field, problems).Resolve(is_insecure_said);
}

std::optional<std::string> AddressMistake(std::string_view address) {
  if (const auto path = SocketPath(address)) {
    if (path->empty()) return "Has no path; write unix:/PATH.";
    if (path->size() <= kMostPathBytes) return std::nullopt;
    return fmt::format("The path of a socket has at most {} bytes, this one {}; use a shorter one.",
                       kMostPathBytes, path->size());
  }
  const size_t colon = address.rfind(':');
  if (colon != std::string_view::npos && ParseNumber<uint16_t>(address.substr(colon + 1), 10)) {
    return std::nullopt;
  }
  return fmt::format("Must be unix:/PATH or HOST:PORT, found \"{}\".", address);
}

bool IsLoopback(std::string_view address) {
  const std::string_view host = address.substr(0, address.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

std::optional<std::string> SocketPath(std::string_view address) {
  constexpr std::string_view kScheme = "unix:";
  if (!address.starts_with(kScheme)) return std::nullopt;
  address.remove_prefix(kScheme.size());
  if (address.starts_with("///")) address.remove_prefix(2);
  return std::string(address);
}

}  // namespace throng
