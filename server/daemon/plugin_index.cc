#include "server/daemon/plugin_index.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/daemon/kept_file.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

// False: there is no such file.
bool ReadStamp(const std::string& path, FileStamp* stamp) {
  struct stat status {};
  // What is no file may never end, nor even open.
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const auto ns = [](const timespec& time) {
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  stamp->device = status.st_dev;
  stamp->inode = status.st_ino;
  stamp->size = status.st_size;
  stamp->modified_ns = ns(status.st_mtim);
  stamp->changed_ns = ns(status.st_ctim);
  return true;
}

// Digests come from workers and become names of files.
bool IsDigest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void AddError(const std::string& path, std::string message, PluginSnapshot* snapshot) {
  v1::PluginLoadError& error = snapshot->errors.emplace_back();
  error.set_path(path);
  error.set_message(std::move(message));
}

std::set<std::string> DigestsOf(const std::vector<v1::PluginUse>& used) {
  std::set<std::string> digests;
  for (const v1::PluginUse& use : used) digests.insert(use.sha256());
  return digests;
}

// The plugin of a run's uses that stands in a file; only the components that are used.
v1::Plugin UsedPlugin(const std::vector<v1::PluginUse>& used, const std::string& sha256,
                      const std::string& path) {
  v1::Plugin plugin;
  plugin.set_path(path);
  plugin.set_sha256(sha256);
  for (const v1::PluginUse& use : used) {
    if (use.sha256() != sha256) continue;
    plugin.set_name("plugins/" + use.plugin());
    plugin.set_version(use.version());
    const bool is_known = std::any_of(
        plugin.components().begin(), plugin.components().end(), [&](const auto& component) {
          return component.role() == use.role() && component.name() == use.component();
        });
    if (is_known) continue;
    v1::PluginComponent* component = plugin.add_components();
    component->set_role(use.role());
    component->set_name(use.component());
  }
  return plugin;
}

}  // namespace

void PluginSnapshot::AddTo(worker::v1::Start* start) const {
  for (const v1::Plugin& plugin : plugins) {
    worker::v1::PluginFile* file = start->add_plugins();
    file->set_path(plugin.path());
    file->set_sha256(plugin.sha256());
    for (const v1::PluginComponent& component : plugin.components()) {
      worker::v1::ComponentName* name = file->add_components();
      name->set_role(component.role());
      name->set_name(component.name());
    }
  }
  for (const v1::PluginLoadError& error : errors) start->add_plugin_errors(error.message());
}

absl::StatusOr<std::string> FileDigests::Of(const std::string& path) {
  FileStamp stamp;
  if (!ReadStamp(path, &stamp)) return absl::NotFoundError(fmt::format("{} cannot be read.", path));
  {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(path);
    if (found != seen_.end() && found->second.stamp == stamp) return found->second.sha256;
  }
  auto digest = FileDigest(path);
  FileStamp after;
  // A file that changes while it is read is read again the next time.
  if (digest.ok() && ReadStamp(path, &after) && after == stamp) {
    const std::lock_guard lock(mutex_);
    seen_[path] = {stamp, *digest};
  }
  return digest;
}

PluginIndex::PluginIndex(std::vector<std::string> folders, std::string state_folder,
                         Workers* workers, std::chrono::milliseconds describe_limit)
    : folders_(std::move(folders)),
      state_folder_(std::move(state_folder)),
      workers_(workers),
      describe_limit_(describe_limit) {}

std::shared_ptr<const PluginSnapshot> PluginIndex::Refresh() {
  const std::lock_guard lock(mutex_);
  std::vector<FoundFile> files = Find();
  const bool is_all_known = std::all_of(files.begin(), files.end(), [this](const FoundFile& file) {
    return !file.error.empty() || described_.contains(file.sha256);
  });
  if (last_ != nullptr && is_all_known && files == last_files_) return last_;
  DescribeNew(files);
  last_ = std::make_shared<const PluginSnapshot>(Assemble(files));
  last_files_ = std::move(files);
  // What went wrong by chance is tried again the next time.
  std::set<std::string> present;
  for (const FoundFile& file : last_files_) present.insert(file.sha256);
  std::erase_if(described_, [&present](const auto& entry) {
    return !entry.second.is_final || !present.contains(entry.first);
  });
  return last_;
}

std::vector<PluginIndex::FoundFile> PluginIndex::Find() {
  std::vector<FoundFile> files;
  std::set<std::string> seen;
  for (const std::string& folder : folders_) {
    std::error_code error;
    // Absolute, since workers work elsewhere.
    const std::string path = fs::absolute(folder, error).lexically_normal().string();
    if (!seen.insert(fs::weakly_canonical(folder, error).string()).second) continue;
    std::vector<std::string> names;
    error.clear();
    for (auto it = fs::directory_iterator(path, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      if (it->path().extension() == ".so") names.push_back(it->path().string());
    }
    if (error) {
      files.push_back(
          {path, "",
           fmt::format("the plugin folder {} cannot be read: {}.", path, error.message())});
      continue;
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      auto digest = digests_.Of(name);
      if (digest.ok()) {
        files.push_back({name, *digest, ""});
      } else {
        files.push_back({name, "", MessageOf(digest.status())});
      }
    }
  }
  return files;
}

void PluginIndex::DescribeNew(const std::vector<FoundFile>& files) {
  std::map<std::string, std::string> digest_of;  // by path
  std::set<std::string> digests;
  std::vector<std::string> paths;
  for (const FoundFile& file : files) {
    if (!file.error.empty() || described_.contains(file.sha256)) continue;
    if (!digests.insert(file.sha256).second) continue;
    digest_of[file.path] = file.sha256;
    paths.push_back(file.path);
  }
  for (auto& [path, description] : DescribePlugins(paths, describe_limit_, workers_)) {
    const std::string& sha256 = digest_of.at(path);
    // The file was replaced in between: what was described is another one.
    if (description.error.empty() && description.plugin.sha256() != sha256) {
      description.error = fmt::format("plugin {} was replaced while it was looked at.", path);
      description.is_final = false;
    }
    described_[sha256] = std::move(description);
  }
}

PluginSnapshot PluginIndex::Assemble(const std::vector<FoundFile>& files) const {
  PluginSnapshot snapshot;
  std::map<std::string, std::string> owners;  // of names and components: the file
  for (const FoundFile& file : files) {
    if (!file.error.empty()) {
      AddError(file.path, file.error, &snapshot);
      continue;
    }
    const PluginDescription& description = described_.at(file.sha256);
    if (!description.error.empty()) {
      AddError(file.path, description.error, &snapshot);
      continue;
    }
    v1::Plugin plugin = description.plugin;
    plugin.set_path(file.path);
    std::vector<std::string> names = {
        fmt::format("plugin `{}`", plugin.name().substr(plugin.name().find('/') + 1))};
    for (const v1::PluginComponent& component : plugin.components()) {
      names.push_back(fmt::format("{} `{}`", component.role(), component.name()));
    }
    const auto taken = std::find_if(names.begin(), names.end(),
                                    [&owners](const auto& name) { return owners.contains(name); });
    if (taken != names.end()) {
      AddError(file.path,
               fmt::format("the {} is in two files: {} and {}. Remove one of them.", *taken,
                           owners.at(*taken), file.path),
               &snapshot);
      continue;
    }
    for (const std::string& name : names) owners[name] = file.path;
    snapshot.plugins.push_back(std::move(plugin));
  }
  std::sort(snapshot.plugins.begin(), snapshot.plugins.end(),
            [](const v1::Plugin& a, const v1::Plugin& b) { return a.name() < b.name(); });
  return snapshot;
}

absl::Status PluginIndex::Keep(const std::vector<v1::PluginUse>& used,
                               const PluginSnapshot& snapshot) {
  const std::lock_guard lock(keep_mutex_);
  for (const v1::PluginUse& use : used) {
    if (state_folder_.empty()) break;
    const std::string& sha256 = use.sha256();
    if (!IsDigest(sha256)) {
      return absl::InternalError(fmt::format(
          "The plugin `{}` has the digest \"{}\", which is none.", use.plugin(), sha256));
    }
    const std::string kept = KeptPath(sha256);
    if (const auto digest = digests_.Of(kept); digest.ok() && *digest == sha256) continue;
    const auto found =
        std::find_if(snapshot.plugins.begin(), snapshot.plugins.end(),
                     [&sha256](const v1::Plugin& plugin) { return plugin.sha256() == sha256; });
    if (found == snapshot.plugins.end()) {
      return absl::FailedPreconditionError(
          fmt::format("The plugin `{}` with SHA-256 {} is in none of the plugin folders.",
                      use.plugin(), sha256));
    }
    if (absl::Status status = KeepFile(found->path(), sha256, kept); !status.ok()) return status;
  }
  for (const std::string& sha256 : DigestsOf(used)) ++held_[sha256];
  return absl::OkStatus();
}

absl::StatusOr<PluginSnapshot> PluginIndex::Kept(const std::vector<v1::PluginUse>& used) const {
  PluginSnapshot kept;
  std::set<std::string> seen;
  for (const v1::PluginUse& use : used) {
    const std::string& sha256 = use.sha256();
    if (!seen.insert(sha256).second) continue;
    std::string path;
    if (!state_folder_.empty()) {
      path = KeptPath(sha256);
    } else {
      const std::lock_guard lock(mutex_);
      if (last_ != nullptr) {
        for (const v1::Plugin& plugin : last_->plugins) {
          if (plugin.sha256() == sha256) path = plugin.path();
        }
      }
    }
    const auto digest = IsDigest(sha256) && !path.empty()
                            ? digests_.Of(path)
                            : absl::StatusOr<std::string>(absl::NotFoundError(""));
    if (!digest.ok() || *digest != sha256) {
      return absl::FailedPreconditionError(fmt::format(
          "The plugin `{}` {} that the run was created with is {}{}; put the file with SHA-256 {} "
          "back, or create the run again.",
          use.plugin(), use.version(), digest.ok() ? "changed: " : "gone",
          digest.ok() ? path : (path.empty() ? "" : ": " + path), sha256));
    }
    kept.plugins.push_back(UsedPlugin(used, sha256, path));
  }
  return kept;
}

void PluginIndex::Hold(const std::vector<v1::PluginUse>& used) {
  const std::lock_guard lock(keep_mutex_);
  for (const std::string& sha256 : DigestsOf(used)) ++held_[sha256];
}

void PluginIndex::Release(const std::vector<v1::PluginUse>& used) {
  const std::lock_guard lock(keep_mutex_);
  for (const std::string& sha256 : DigestsOf(used)) {
    const auto held = held_.find(sha256);
    if (held == held_.end() || --held->second > 0) continue;
    held_.erase(held);
    std::error_code error;
    if (!state_folder_.empty() && IsDigest(sha256)) fs::remove(KeptPath(sha256), error);
  }
}

void PluginIndex::RemoveUnheld() {
  if (state_folder_.empty()) return;
  const std::lock_guard lock(keep_mutex_);
  std::error_code error;
  std::vector<fs::path> unheld;
  for (auto it = fs::directory_iterator(KeptFolder(), error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    if (!held_.contains(it->path().stem().string())) unheld.push_back(it->path());
  }
  for (const fs::path& path : unheld) fs::remove(path, error);
}

}  // namespace throng
