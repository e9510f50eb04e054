// How a schema registry is reached: options of formats and of decoders.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "throng/sdk.hpp"

namespace throng::plugins {

struct RegistryConnection {
  std::optional<std::string> registry;
  std::optional<std::string> registry_username;
  std::optional<std::string> registry_password;
  std::optional<std::string> registry_ca;
  std::optional<std::string> registry_certificate;
  std::optional<std::string> registry_key;

  template <class Options>
  static OptionOf<Options> DeclareUrl();
  template <class Options>
  static void AddCredentialsTo(std::vector<OptionOf<Options>>* options);

  // Throws INVALID_ARGUMENT.
  void ValidateRegistry() const;
  // That of the registry, with a path below it ("/schemas/ids/7").
  std::string Url(const std::string& path) const;
};

template <class Options>
OptionOf<Options> RegistryConnection::DeclareUrl() {
  return Option<&RegistryConnection::registry, Options>(
      "registry", "URL of the schema registry (Confluent's API) that messages refer to.");
}

template <class Options>
void RegistryConnection::AddCredentialsTo(std::vector<OptionOf<Options>>* options) {
  using R = RegistryConnection;
  OptionOf<Options> all[] = {
      Option<&R::registry_username, Options>("registry_username", "The user, for basic auth."),
      Option<&R::registry_password, Options>("registry_password", "The user's password.").Secret(),
      Option<&R::registry_ca, Options>(
          "registry_ca", "Certificates (PEM) that the registry is trusted by; unset: the system's.")
          .Secret(),
      Option<&R::registry_certificate, Options>("registry_certificate",
                                                "The client's own certificate (PEM).")
          .Secret(),
      Option<&R::registry_key, Options>("registry_key",
                                        "The key of the client's certificate (PEM).")
          .Secret(),
  };
  for (OptionOf<Options>& option : all) options->push_back(std::move(option));
}

}  // namespace throng::plugins
