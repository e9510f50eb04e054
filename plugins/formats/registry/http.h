// One HTTP request to a schema registry, by libcurl.
#pragma once

#include <cstdint>
#include <string>

#include "plugins/formats/registry/registry.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

struct HttpAnswer {
  int64_t status = 0;
  std::string body;
};

// Posts JSON to a URL below options.registry, with its credentials. Throws UNAVAILABLE where nobody
// answers within some seconds, CANCELLED once the host stops, UNAUTHENTICATED where TLS fails.
HttpAnswer PostJson(const RegistryOptions& options, const Host& host, const std::string& url,
                    const std::string& body);

}  // namespace throng::plugins
