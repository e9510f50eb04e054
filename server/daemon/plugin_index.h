// The plugins of the configured folders, described by workers: the daemon loads none of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/plugin_describer.h"
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

// What tells whether a file is still the same without reading it.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

// SHA-256 of files, computed again only when a file's stamp has changed. Any thread.
class FileDigests {
 public:
  // NOT_FOUND: it cannot be read.
  absl::StatusOr<std::string> Of(const std::string& path);

 private:
  struct Seen {
    FileStamp stamp;
    std::string sha256;
  };
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // by path
};

class PluginIndex {
 public:
  // `folders`: searched for *.so, in this order. `state_folder`: where used plugins are kept, in
  // its folder `plugins`; empty: they are not. `describe_limit`: for each file. `workers` outlives
  // this.
  PluginIndex(std::vector<std::string> folders, std::string state_folder, Workers* workers,
              std::chrono::milliseconds describe_limit = std::chrono::seconds(10));

  // What the folders hold now. Files are described once for each SHA-256, and looked at again only
  // when size, inode or time have changed. A file that crashes or hangs a worker is an error like
  // one that cannot be loaded. A component of two plugins is an error of the later one that names
  // both. Blocks while workers describe new files. Any thread but the supervisor's.
  std::shared_ptr<const PluginSnapshot> Refresh();

  // Keeps copies of the used plugins by digest, and holds them. RESOURCE_EXHAUSTED: the disk is
  // full. FAILED_PRECONDITION: a file is no longer what was described; UNAVAILABLE: it or the copy
  // cannot be read or written.
  absl::Status Keep(const std::vector<v1::PluginUse>& used, const PluginSnapshot& snapshot);
  // The kept plugins that a run uses, with those components only; without a state folder, those of
  // the last snapshot. FAILED_PRECONDITION: one is gone or was changed, which.
  absl::StatusOr<PluginSnapshot> Kept(const std::vector<v1::PluginUse>& used) const;
  // Holds the kept plugins of a run that was stored before.
  void Hold(const std::vector<v1::PluginUse>& used);
  // Takes one Keep or Hold of a run back; what nobody holds any more is removed.
  void Release(const std::vector<v1::PluginUse>& used);
  // Removes what nobody holds: of a creation that a dead daemon did not finish, say.
  void RemoveUnheld();

 private:
  struct FoundFile {
    std::string path;
    std::string sha256;
    std::string error;  // a sentence: it cannot be read; else empty
    bool operator==(const FoundFile&) const = default;
  };

  std::vector<FoundFile> Find();
  void DescribeNew(const std::vector<FoundFile>& files);
  PluginSnapshot Assemble(const std::vector<FoundFile>& files) const;
  std::string KeptFolder() const { return state_folder_ + "/plugins"; }
  std::string KeptPath(const std::string& sha256) const {
    return KeptFolder() + "/" + sha256 + ".so";
  }

  const std::vector<std::string> folders_;
  const std::string state_folder_;
  Workers* const workers_;
  const std::chrono::milliseconds describe_limit_;

  mutable FileDigests digests_;
  std::mutex keep_mutex_;            // of what lies in KeptFolder()
  std::map<std::string, int> held_;  // by SHA-256: by how many runs

  mutable std::mutex mutex_;
  std::map<std::string, PluginDescription> described_;  // by SHA-256
  std::vector<FoundFile> last_files_;
  std::shared_ptr<const PluginSnapshot> last_;
};

}  // namespace throng
