// Plugin files described by workers, so that whatever a file does when it is loaded is a sentence
// about that file.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "server/daemon/workers.h"
#include "throng/v1/plugin.pb.h"

namespace throng {

struct PluginDescription {
  v1::Plugin plugin;
  std::string error;     // a sentence; empty: it is a plugin
  bool is_final = true;  // the same file will be described alike
};

// What each of the files says of itself. One worker describes them all; one that crashes, hangs or
// takes longer than `limit` over a file is at its end, and another one goes on behind that file.
// One that is killed from outside is started again. Blocks meanwhile; not on the supervisor's
// thread.
std::map<std::string, PluginDescription> DescribePlugins(std::vector<std::string> paths,
                                                         std::chrono::milliseconds limit,
                                                         Workers* workers);

}  // namespace throng
