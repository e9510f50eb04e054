// The plugins of the configured folders, described by workers: the daemon loads none of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/workers.h"
#include "throng/v1/plugin.pb.h"
#include "throng/worker/v1/control.pb.h"

namespace throng {

// What the folders held at one time.
struct PluginSnapshot {
  std::vector<v1::Plugin> plugins;  // by name, with path and sha256
  std::vector<v1::PluginLoadError> errors;

  // Adds what a worker needs to know of them to `start`.
  void AddTo(worker::v1::Start* start) const;
};

class PluginIndex {
 public:
  // `folders`: searched for *.so, in this order. `state_folder`: where used plugins are kept,
  // empty: they are not. `workers` outlives this.
  PluginIndex(std::vector<std::string> folders, std::string state_folder, Workers* workers);

  // What the folders hold now. Files are described once for each SHA-256, and looked at again only
  // when size, inode or time have changed. A file that crashes or hangs a worker is an error like
  // one that cannot be loaded. A component of two plugins is an error of the later one that names
  // both. Blocks while workers describe new files. Any thread.
  std::shared_ptr<const PluginSnapshot> Refresh();

  // Keeps copies of the used plugins by digest. RESOURCE_EXHAUSTED: the disk is full.
  absl::Status Keep(const std::vector<v1::PluginUse>& used, const PluginSnapshot& snapshot);
  // The kept plugins that a run uses. FAILED_PRECONDITION: one is gone or was changed, which.
  absl::StatusOr<PluginSnapshot> Kept(const std::vector<v1::PluginUse>& used) const;
  // Removes kept plugins of other digests than these.
  void KeepOnly(const std::vector<std::string>& digests);
};

}  // namespace throng
