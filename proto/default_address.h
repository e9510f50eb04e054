// Where a daemon listens, and a client looks for it, when nobody says where.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace throng {

// The user's runtime folder where there is one, else /run/throng of root, else a folder of the
// user's in /tmp.
inline std::string DefaultAddress() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/')
    return std::string("unix:") + runtime + "/throngd.sock";
  if (geteuid() == 0) return "unix:/run/throng/throngd.sock";
  return "unix:/tmp/throngd-" + std::to_string(geteuid()) + "/throngd.sock";
}

}  // namespace throng
