// One HTTP request to a schema registry, by libcurl.
#pragma once

#include <cstdint>
#include <string>

#include "plugins/formats/registry/connection.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

struct HttpAnswer {
  int64_t status = 0;
  std::string body;
};

// Each asks a URL of connection.registry, with its credentials. They throw UNAVAILABLE where nobody
// answers within some seconds, CANCELLED once the host stops, UNAUTHENTICATED where TLS fails.
HttpAnswer PostJson(const RegistryConnection& connection, const Host& host, const std::string& url,
                    const std::string& body);
HttpAnswer Get(const RegistryConnection& connection, const Host& host, const std::string& url);

}  // namespace throng::plugins
