// The plugins of a process: shared libraries loaded from configured folders, and their components
// by role and name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/role.h"
#include "server/spec/problem.h"
#include "throng/plugin.h"

namespace throng {

class Plugin;

// One component as this host sees it: its tables copied, so that a plugin built with an older or a
// newer header of the same major version fits.
struct Component {
  Role role = Role::kActivity;
  std::string name;
  std::string doc;
  std::vector<throng_option> options;
  throng_code (*validate)(const throng_value* options, throng_error* error) = nullptr;
  throng_behaviour behaviour{};  // of the four behaviours' roles
  throng_format format{};
  throng_sink sink{};
  const Plugin* plugin = nullptr;
};

// A loaded shared library. Stays loaded as long as the process: instances point into it.
class Plugin {
 public:
  // Fails with a sentence that names the file: not loadable (why), no plugin, built for another
  // major version, or a table with something missing (what).
  static absl::StatusOr<std::unique_ptr<Plugin>> Load(const std::string& path);

  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& doc() const { return doc_; }
  uint32_t abi_minor() const { return abi_minor_; }
  const std::vector<std::unique_ptr<Component>>& components() const { return components_; }
  // SHA-256 of the file as it was loaded, 64 hexadecimal digits.
  const std::string& digest() const { return digest_; }

 private:
  absl::Status Read(const throng_plugin* table);

  std::string path_;
  std::string name_;
  std::string version_;
  std::string doc_;
  std::string digest_;
  uint32_t abi_minor_ = 0;
  std::vector<std::unique_ptr<Component>> components_;
};

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
