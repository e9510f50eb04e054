#include "server/host/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "server/control/status.h"
#include "server/host/process.h"
#include "server/spec/problem.h"

namespace throng {

namespace {

using Json = nlohmann::json;

// What a forked process tells of a plugin: what the index needs of it.
absl::StatusOr<std::string> Describe(const std::string& file) {
  const auto plugin = Plugin::Load(file);
  if (!plugin.ok()) return plugin.status();
  Json components = Json::array();
  for (const auto& component : (*plugin)->components()) {
    components.push_back({component->role, component->name});
  }
  return Json{(*plugin)->name(), (*plugin)->digest(), components}.dump();
}

// Adds the *.so of a folder, by name.
absl::Status FindFiles(const std::string& folder, std::vector<std::string>* files) {
  const auto first = static_cast<std::ptrdiff_t>(files->size());
  std::error_code error;
  for (auto it = std::filesystem::directory_iterator(folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    if (it->path().extension() == ".so") files->push_back(it->path().string());
  }
  if (error) {
    return absl::NotFoundError(
        fmt::format("the plugin folder {} cannot be read: {}. Name another with --plugin-dir.",
                    folder, error.message()));
  }
  std::sort(files->begin() + first, files->end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Catalogue> Catalogue::Load(const std::vector<std::string>& folders,
                                          std::chrono::milliseconds limit) {
  std::vector<std::string> files;
  std::vector<std::string> searched;
  std::set<std::string> seen;
  for (const std::string& folder : folders) {
    std::error_code unknown;
    if (!seen.insert(std::filesystem::weakly_canonical(folder, unknown).string()).second) continue;
    if (absl::Status status = FindFiles(folder, &files); !status.ok()) return status;
    searched.push_back(folder);
  }
  const auto described = RunInProcesses(
      files.size(), [&files](size_t i) { return Describe(files[i]); }, limit);

  std::vector<IndexedPlugin> index;
  std::vector<std::string> errors;
  std::map<std::string, std::string> owners;  // of names and components: the file
  for (size_t i = 0; i < files.size(); ++i) {
    if (const absl::Status& status = described[i].status(); !status.ok()) {
      errors.push_back(absl::IsInternal(status) ? MessageOf(status)
                                                : fmt::format("plugin {} cannot be loaded: {}",
                                                              files[i], MessageOf(status)));
      continue;
    }
    const Json description = Json::parse(*described[i]);
    IndexedPlugin plugin{files[i], description[1], description[2]};
    std::vector<std::string> names = {
        fmt::format("plugin `{}`", description[0].get<std::string>())};
    for (const auto& [role, name] : plugin.components) {
      names.push_back(fmt::format("{} `{}`", RoleName(role), name));
    }
    const auto taken = std::find_if(names.begin(), names.end(),
                                    [&](const auto& name) { return owners.contains(name); });
    if (taken != names.end()) {
      errors.push_back(fmt::format("the {} is in two files: {} and {}. Remove one of them.", *taken,
                                   owners.at(*taken), files[i]));
      continue;
    }
    for (const std::string& name : names) owners[name] = files[i];
    index.push_back(std::move(plugin));
  }
  Catalogue catalogue = FromIndex(std::move(index), std::move(errors));
  catalogue.folders_ = std::move(searched);
  return catalogue;
}

Catalogue Catalogue::FromIndex(std::vector<IndexedPlugin> index, std::vector<std::string> errors) {
  Catalogue catalogue;
  catalogue.index_ = std::move(index);
  catalogue.errors_ = std::move(errors);
  std::set<std::string> folders;
  for (const IndexedPlugin& plugin : catalogue.index_) {
    const std::string folder = std::filesystem::path(plugin.path).parent_path().string();
    if (folders.insert(folder).second) catalogue.folders_.push_back(folder);
    for (const Name& name : plugin.components) catalogue.components_[name] = nullptr;
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
    // Of the others, another file may be the one to use.
    const Name name(component->role, component->name);
    if (std::find(indexed.components.begin(), indexed.components.end(), name) !=
        indexed.components.end()) {
      components_[name] = component.get();
    }
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
  for (const std::string& error : errors_) message += " Not loaded: " + error;
  return absl::NotFoundError(message);
}

}  // namespace throng
