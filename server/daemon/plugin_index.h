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
  // `folders`: searched for *.so, in this order. `state_folder`: where used plugins are kept, in
  // its folder `plugins`; empty: they are not. `describe_limit`: for each file. `workers` outlives
  // this.
  PluginIndex(std::vector<std::string> folders, std::string state_folder, Workers* workers,
              std::chrono::milliseconds describe_limit = std::chrono::seconds(12));

  // What the folders hold now. Files are described once for each SHA-256, and looked at again only
  // when size, inode or time have changed. A file that crashes or hangs a worker is an error like
  // one that cannot be loaded. A component of two plugins is an error of the later one that names
  // both. Blocks while workers describe new files. Any thread but the supervisor's.
  std::shared_ptr<const PluginSnapshot> Refresh();

  // Keeps copies of the used plugins by digest. RESOURCE_EXHAUSTED: the disk is full.
  // FAILED_PRECONDITION: a file is no longer what was described.
  absl::Status Keep(const std::vector<v1::PluginUse>& used, const PluginSnapshot& snapshot);
  // The kept plugins that a run uses, with those components only; without a state folder, those of
  // the last snapshot. FAILED_PRECONDITION: one is gone or was changed, which.
  absl::StatusOr<PluginSnapshot> Kept(const std::vector<v1::PluginUse>& used) const;
  // Removes kept plugins of other digests than these. Not between Keep and the moment from which
  // the digests of that run are among these.
  void KeepOnly(const std::vector<std::string>& digests);

 private:
  // What tells whether a file is still the same without reading it.
  struct FileStamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    bool operator==(const FileStamp&) const = default;
  };
  struct SeenFile {
    FileStamp stamp;
    std::string sha256;
  };
  // What a worker said of a file, or what became of the worker.
  struct Description {
    v1::Plugin plugin;
    std::string error;  // empty: it is a plugin
  };
  struct FoundFile {
    std::string path;
    std::string sha256;
    std::string error;  // it cannot be read; else empty
  };

  static bool ReadStamp(const std::string& path, FileStamp* stamp);
  // SHA-256 of a file, computed anew only when its stamp has changed.
  absl::StatusOr<std::string> DigestOf(const std::string& path) const;
  std::vector<FoundFile> Find() const;
  // Describes files of unknown digests; what is found out for good goes into described_.
  std::map<std::string, Description> Describe(const std::vector<FoundFile>& files);
  std::shared_ptr<const PluginSnapshot> Assemble(const std::vector<FoundFile>& files,
                                                 const std::map<std::string, Description>& by_path);
  std::string KeptPath(const std::string& sha256) const;

  const std::vector<std::string> folders_;
  const std::string state_folder_;
  Workers* const workers_;
  const std::chrono::milliseconds describe_limit_;

  mutable std::mutex seen_mutex_;
  mutable std::map<std::string, SeenFile> seen_;  // by path

  mutable std::mutex refresh_mutex_;
  std::map<std::string, Description> described_;  // by SHA-256
  std::shared_ptr<const PluginSnapshot> last_;
};

}  // namespace throng
