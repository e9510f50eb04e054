#include "client/contexts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "client/nearest.h"
#include "client/yaml_text.h"
#include "client/yaml_tree.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct PathField {
  const char* key;
  std::string TlsFlags::*value;
};
constexpr PathField kTlsFields[] = {{"cacert", &TlsFlags::ca_file},
                                    {"cert", &TlsFlags::certificate_file},
                                    {"key", &TlsFlags::key_file},
                                    {"token_file", &TlsFlags::token_file},
                                    {"server_name", &TlsFlags::server_name}};

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", path, what));
}

absl::Status NotWritten(const std::string& path) {
  return absl::InternalError(fmt::format("{} cannot be written: {}.", path, std::strerror(errno)));
}

absl::Status SetField(const std::string& path, const std::string& name, const YamlMember& member,
                      Context* context) {
  if (member.key == "address") {
    context->address = member.value.text;
    return absl::OkStatus();
  }
  if (member.key == "tls") {
    context->tls.is_asked = member.value.text == "true";
    return absl::OkStatus();
  }
  std::vector<std::string> keys = {"address", "tls"};
  for (const PathField& field : kTlsFields) {
    if (member.key == field.key) {
      context->tls.*field.value = member.value.text;
      return absl::OkStatus();
    }
    keys.emplace_back(field.key);
  }
  return Wrong(path,
               fmt::format("contexts.{}: There is no field \"{}\".{} There are {}; secrets "
                           "stay in files of their own.",
                           name, member.key, DidYouMean(member.key, keys), fmt::join(keys, ", ")));
}

}  // namespace

std::string ContextsPath() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (config != nullptr && *config == '/') {
    folder = config;
  } else if (home != nullptr && *home == '/') {
    folder = fs::path(home) / ".config";
  } else {
    return "";
  }
  return (folder / "throng" / "contexts.yaml").string();
}

absl::StatusOr<Contexts> ReadContexts(const std::string& path) {
  Contexts contexts;
  struct stat info {};
  if (path.empty() || (stat(path.c_str(), &info) != 0 && errno == ENOENT)) return contexts;
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::PermissionDeniedError(fmt::format(
        "{}: Others can write it, and so send you to a daemon of theirs; `chmod 600` it.", path));
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return Wrong(path, fmt::format("It cannot be read: {}.", std::strerror(errno)));
  std::string reason;
  const auto tree = ParseYaml(text, &reason);
  if (!tree) return Wrong(path, reason);
  for (const YamlMember& member : tree->members) {
    if (member.key == "current") {
      contexts.current = member.value.text;
    } else if (member.key == "contexts") {
      for (const YamlMember& entry : member.value.members) {
        Context& context = contexts.all[entry.key];
        for (const YamlMember& field : entry.value.members) {
          if (absl::Status status = SetField(path, entry.key, field, &context); !status.ok()) {
            return status;
          }
        }
        if (context.address.empty()) {
          return Wrong(path, fmt::format("contexts.{}: It has no address.", entry.key));
        }
      }
    } else {
      return Wrong(path, fmt::format("There is no field \"{}\"; there are current and contexts.",
                                     member.key));
    }
  }
  return contexts;
}

absl::Status WriteContexts(const std::string& path, const Contexts& contexts) {
  if (path.empty()) {
    return absl::FailedPreconditionError(
        "There is no folder for contexts.yaml; set HOME or XDG_CONFIG_HOME.");
  }
  ordered_json json = ordered_json::object();
  if (!contexts.current.empty()) json["current"] = contexts.current;
  json["contexts"] = ordered_json::object();
  for (const auto& [name, context] : contexts.all) {
    ordered_json& entry = json["contexts"][name];
    entry["address"] = context.address;
    if (context.tls.is_asked) entry["tls"] = true;
    for (const PathField& field : kTlsFields) {
      if (const std::string& value = context.tls.*field.value; !value.empty()) {
        entry[field.key] = value;
      }
    }
  }
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return NotWritten(path);
  std::string temporary = path + ".XXXXXX";
  const int fd = mkstemp(temporary.data());  // 0600
  if (fd < 0) return NotWritten(path);
  const std::string text = YamlText(json);
  const bool is_written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  if (close(fd) == 0 && is_written && std::rename(temporary.c_str(), path.c_str()) == 0) {
    return absl::OkStatus();
  }
  absl::Status status = NotWritten(path);
  unlink(temporary.c_str());
  return status;
}

absl::StatusOr<Context> FindContext(const Contexts& contexts, const std::string& name) {
  if (const auto found = contexts.all.find(name); found != contexts.all.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [other, context] : contexts.all) names.push_back(other);
  return absl::NotFoundError(
      fmt::format("There is no context \"{}\".{} {}", name, DidYouMean(name, names),
                  names.empty() ? "Add one with `throngctl context add`."
                                : fmt::format("There are {}.", fmt::join(names, ", "))));
}

}  // namespace throng
