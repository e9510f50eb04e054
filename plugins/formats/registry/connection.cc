// How a schema registry is reached.
#include "plugins/formats/registry/connection.h"

#include <string_view>

namespace throng::plugins {
namespace {

[[noreturn]] void Refuse(const std::string& sentence, const std::string& option) {
  throw Error(THRONG_INVALID_ARGUMENT, sentence, option);
}

}  // namespace

void RegistryConnection::ValidateRegistry() const {
  if (!registry) {
    const std::pair<const char*, bool> others[] = {
        {"registry_username", registry_username.has_value()},
        {"registry_password", registry_password.has_value()},
        {"registry_ca", registry_ca.has_value()},
        {"registry_certificate", registry_certificate.has_value()},
        {"registry_key", registry_key.has_value()},
    };
    for (const auto& [name, is_given] : others) {
      if (is_given) Refuse(std::string(name) + " needs registry; give its URL.", name);
    }
    return;
  }
  const std::string_view url = *registry;
  const size_t host = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : url.size();
  if (host == url.size()) {
    Refuse("registry is \"" + *registry + "\"; write a URL, as http://localhost:8081.", "registry");
  }
  if (url.substr(host, url.find('/', host) - host).find('@') != std::string_view::npos) {
    Refuse("registry has a user or a password in it; use registry_username and registry_password.",
           "registry");
  }
  if (url.find_first_of("?# ") != std::string_view::npos) {
    Refuse("registry is \"" + *registry + "\"; write a URL without ?, # and spaces.", "registry");
  }
  if (registry_username.has_value() != registry_password.has_value()) {
    Refuse("registry_username and registry_password belong together; give both or neither.",
           registry_username ? "registry_password" : "registry_username");
  }
  if (registry_certificate.has_value() != registry_key.has_value()) {
    Refuse("registry_certificate and registry_key belong together; give both or neither.",
           registry_key ? "registry_certificate" : "registry_key");
  }
  if (url.starts_with("http://") && (registry_ca || registry_certificate)) {
    Refuse(
        "registry_ca and registry_certificate are used with https:// only; change registry, or "
        "leave them out.",
        "registry");
  }
}

std::string RegistryConnection::Url(const std::string& path) const {
  std::string url = *registry;
  while (url.ends_with('/')) url.pop_back();
  return url + path;
}

}  // namespace throng::plugins
