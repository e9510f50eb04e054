#include "server/host/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "server/control/status.h"
#include "server/spec/problem.h"

namespace throng {

absl::StatusOr<Catalogue> Catalogue::Load(const std::vector<std::string>& folders) {
  Catalogue catalogue;
  std::set<std::string> seen;
  for (const std::string& folder : folders) {
    std::error_code error;
    const std::string known = std::filesystem::weakly_canonical(folder, error).string();
    if (!seen.insert(known).second) continue;  // named twice
    catalogue.folders_.push_back(folder);
    std::vector<std::string> files;
    for (auto it = std::filesystem::directory_iterator(folder, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
      if (it->path().extension() == ".so") files.push_back(it->path().string());
    }
    if (error) {
      return absl::NotFoundError(
          fmt::format("the plugin folder {} cannot be read: {}. Name another with --plugin-dir.",
                      folder, error.message()));
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) {
      auto plugin = Plugin::Load(file);
      if (!plugin.ok()) {
        catalogue.load_errors_.push_back(plugin.status());
        continue;
      }
      for (const auto& component : (*plugin)->components()) {
        const auto [it, is_new] =
            catalogue.components_.try_emplace({component->role, component->name}, component.get());
        if (!is_new) {
          return absl::AlreadyExistsError(fmt::format(
              "the {} `{}` is in two plugins: {} and {}. Remove one of them.",
              RoleName(component->role), component->name, it->second->plugin->path(), file));
        }
      }
      catalogue.plugins_.push_back(*std::move(plugin));
    }
  }
  return catalogue;
}

Catalogue Catalogue::FromIndex(std::vector<IndexedPlugin> index,
                               const std::vector<std::string>& errors) {
  Catalogue catalogue;
  catalogue.index_ = std::move(index);
  std::set<std::string> folders;
  for (const IndexedPlugin& plugin : catalogue.index_) {
    const std::string folder = std::filesystem::path(plugin.path).parent_path().string();
    if (folders.insert(folder).second) catalogue.folders_.push_back(folder);
    for (const Name& name : plugin.components) catalogue.components_[name] = nullptr;
  }
  for (const std::string& error : errors) {
    catalogue.load_errors_.push_back(absl::FailedPreconditionError(error));
  }
  return catalogue;
}

absl::Status Catalogue::LoadIndexed(const IndexedPlugin& indexed) const {
  auto plugin = Plugin::Load(indexed.path);
  if (!plugin.ok()) return plugin.status();
  if ((*plugin)->digest() != indexed.digest) {
    return absl::FailedPreconditionError(
        fmt::format("plugin {} has changed: its SHA-256 is {} and not {}. Install plugins by "
                    "renaming, never by overwriting.",
                    indexed.path, (*plugin)->digest().substr(0, 16), indexed.digest.substr(0, 16)));
  }
  for (const auto& component : (*plugin)->components()) {
    components_[{component->role, component->name}] = component.get();
  }
  plugins_.push_back(*std::move(plugin));
  return absl::OkStatus();
}

absl::StatusOr<const Component*> Catalogue::Find(Role role, std::string_view name) const {
  const auto found = components_.find({role, std::string(name)});
  if (found != components_.end() && found->second == nullptr) {
    for (const IndexedPlugin& plugin : index_) {
      if (std::find(plugin.components.begin(), plugin.components.end(), found->first) ==
          plugin.components.end()) {
        continue;
      }
      if (absl::Status status = LoadIndexed(plugin); !status.ok()) return status;
      if (found->second != nullptr) return found->second;
      return absl::InternalError(fmt::format("plugin {} had a {} `{}` and now has not; correct it.",
                                             plugin.path, RoleName(role), name));
    }
  }
  if (found != components_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, component] : components_) {
    if (key.first == role) known.push_back(key.second);
  }
  std::string message = fmt::format("there is no {} `{}` in {}.{}", RoleName(role), name,
                                    fmt::join(folders_, ", "), DidYouMean(name, known));
  for (const absl::Status& error : load_errors_) {
    message += fmt::format(" Not loaded: {}", MessageOf(error));
  }
  return absl::NotFoundError(message);
}

}  // namespace throng
