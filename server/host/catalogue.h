// The plugins of a process: shared libraries loaded from configured folders, and their components
// by role and name.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/host/plugin.h"

namespace throng {

// A plugin that another process has described: what it offers is known before it is loaded.
struct IndexedPlugin {
  std::string path;
  std::string digest;  // as Plugin::digest
  std::vector<std::pair<Role, std::string>> components;
};

class Catalogue {
 public:
  // Of every *.so of the folders, in order of their names, as a daemon has them: each is described
  // by a forked process, so that a plugin that crashes, ends its process, or is not loaded within
  // `limit` is an error like one that cannot be loaded. So is one whose name, or a component of
  // which, an earlier one has; both are named. NOT_FOUND: a folder cannot be read.
  static absl::StatusOr<Catalogue> Load(const std::vector<std::string>& folders,
                                        std::chrono::milliseconds limit = std::chrono::seconds(10));

  // `errors`: what could not be described, for the sentences of Find.
  static Catalogue FromIndex(std::vector<IndexedPlugin> index, std::vector<std::string> errors);

  // Loads its plugin, unless it is loaded. NOT_FOUND with the nearest or all known names, and with
  // what could not be described; else why the plugin cannot be loaded. One thread.
  absl::StatusOr<const Component*> Find(Role role, std::string_view name) const;

  const std::vector<IndexedPlugin>& index() const { return index_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  using Name = std::pair<Role, std::string>;

  // Loads a plugin of the index and takes up its components.
  absl::Status LoadIndexed(const IndexedPlugin& indexed) const;

  std::vector<std::string> folders_;
  std::vector<std::string> errors_;
  std::vector<IndexedPlugin> index_;
  mutable std::vector<std::unique_ptr<Plugin>> plugins_;
  mutable std::map<Name, const Component*> components_;
};

}  // namespace throng
