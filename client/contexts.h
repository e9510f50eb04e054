// Daemons by name: contexts.yaml, which holds addresses and paths of files, and no secret.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/connection.h"

namespace throng {

struct Context {
  std::string address;  // unix:/PATH or HOST:PORT
  TlsFlags tls;         // paths are absolute
};

struct Contexts {
  std::string current;  // the one that is used where none is named; empty: none
  std::map<std::string, Context> all;
};

// $XDG_CONFIG_HOME/throng/contexts.yaml, else that of ~/.config; empty: there is no home.
std::string ContextsPath();

// Empty where there is no file. INVALID_ARGUMENT: what is wrong with it; PERMISSION_DENIED: others
// can write it.
absl::StatusOr<Contexts> ReadContexts(const std::string& path);

// At once, readable by its owner only; makes the folder.
absl::Status WriteContexts(const std::string& path, const Contexts& contexts);

// The one of that name. NOT_FOUND: there is none; what there is, is named.
absl::StatusOr<Context> FindContext(const Contexts& contexts, const std::string& name);

}  // namespace throng
