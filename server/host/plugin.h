// A plugin: a loaded shared library, and its components as this host sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/dataset/role.h"
#include "throng/plugin.h"
#include "throng/source.h"

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
  throng_source source{};
  throng_decoder decoder{};
  const Plugin* plugin = nullptr;
};

// A component whose role, or its revision, this host does not know.
struct UnusableComponent {
  std::string role;  // as in its table, "oracle/1"
  std::string name;
};

// A loaded shared library. Stays loaded as long as the process: instances point into it.
class Plugin {
 public:
  // Fails with a sentence that names the file: not loadable (why), no plugin, built for another
  // major version or for a newer host, or a table with something missing or wrong (what).
  static absl::StatusOr<std::unique_ptr<Plugin>> Load(const std::string& path);

  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& doc() const { return doc_; }
  uint32_t abi_minor() const { return abi_minor_; }
  const std::vector<std::unique_ptr<Component>>& components() const { return components_; }
  const std::vector<UnusableComponent>& unusable() const { return unusable_; }
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
  std::vector<UnusableComponent> unusable_;
};

}  // namespace throng
