// The plugins of a process: shared libraries loaded from configured folders, and their components
// by role and name.
#pragma once

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

// A plugin that somebody else has described: what it offers is known before it is loaded.
struct IndexedPlugin {
  std::string path;
  std::string digest;  // as Plugin::digest
  std::vector<std::pair<Role, std::string>> components;
};

class Catalogue {
 public:
  // Loads every *.so of the folders, in order of their names. What cannot be loaded is kept as an
  // error; a component that two plugins claim is an error that names both.
  static absl::StatusOr<Catalogue> Load(const std::vector<std::string>& folders);

  // Of plugins that are loaded when one of their components is first asked for. `errors`: what
  // could not be described, for the sentences of Find.
  static Catalogue FromIndex(std::vector<IndexedPlugin> index,
                             const std::vector<std::string>& errors);

  // NOT_FOUND with the nearest or all known names, and with what could not be loaded; else why its
  // plugin cannot be loaded. One thread.
  absl::StatusOr<const Component*> Find(Role role, std::string_view name) const;

  const std::vector<std::unique_ptr<Plugin>>& plugins() const { return plugins_; }
  const std::vector<absl::Status>& load_errors() const { return load_errors_; }

 private:
  using Name = std::pair<Role, std::string>;

  // Loads a plugin of the index and takes up its components.
  absl::Status LoadIndexed(const IndexedPlugin& indexed) const;

  std::vector<std::string> folders_;
  std::vector<absl::Status> load_errors_;
  std::vector<IndexedPlugin> index_;
  mutable std::vector<std::unique_ptr<Plugin>> plugins_;
  mutable std::map<Name, const Component*> components_;
};

}  // namespace throng
