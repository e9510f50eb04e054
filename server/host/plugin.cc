#include "server/host/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "server/control/call_page.h"
#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/spec/tree.h"

namespace throng {
namespace {

// A plugin's struct as ours: the smaller of both sizes copied into zeroes (plugin.h, "growth").
template <class Struct>
Struct Adopt(const void* theirs) {
  Struct ours{};
  if (theirs == nullptr) return ours;
  uint32_t size = 0;
  std::memcpy(&size, theirs, sizeof size);
  std::memcpy(&ours, theirs, std::min<size_t>(size, sizeof ours));
  return ours;
}

bool IsEmpty(const char* text) { return text == nullptr || *text == '\0'; }

// What users write, messages carry and places store must be text.
bool IsText(const char* text) {
  return text == nullptr || FindInvalidUtf8(text) == std::string_view::npos;
}

std::optional<Role> ParseRole(std::string_view text) {
  if (!text.ends_with("/1")) return std::nullopt;
  return RoleNamed(text.substr(0, text.size() - 2));
}

// What of a component's tables is missing, or empty.
std::string Missing(const Component& c) {
  std::string missing;
  const auto require = [&](bool present, std::string_view what) {
    if (!present) missing += (missing.empty() ? "" : ", ") + std::string(what);
  };
  switch (c.role) {
    case Role::kActivity:
    case Role::kClock:
    case Role::kChoice:
    case Role::kRating:
      require(c.behaviour.create != nullptr, "create");
      require(c.behaviour.destroy != nullptr, "destroy");
      require(c.behaviour.fill != nullptr, "fill");
      break;
    case Role::kFormat:
      require(c.format.modes != 0, "modes");
      require(c.format.create != nullptr, "create");
      require(c.format.destroy != nullptr, "destroy");
      require(c.format.begin != nullptr, "begin");
      require(c.format.encode != nullptr, "encode");
      break;
    case Role::kSink:
      require(c.sink.modes != 0, "modes");
      require(c.sink.create != nullptr, "create");
      require(c.sink.destroy != nullptr, "destroy");
      require(c.sink.open != nullptr, "open");
      require(c.sink.write != nullptr, "write");
      require(c.sink.commit != nullptr, "commit");
      require(c.sink.finish != nullptr, "finish");
      break;
  }
  return missing;
}

// Why an option's descriptor cannot be used, or empty.
std::string DescriptorFault(const throng_option& o) {
  if (IsEmpty(o.name)) return "an option without a name";
  if (!IsText(o.name)) return "an option whose name is not UTF-8 text";
  if (IsEmpty(o.doc)) return fmt::format("option `{}` without a doc", o.name);
  if (o.type < THRONG_OPTION_BOOL || o.type > THRONG_OPTION_MAP) {
    return fmt::format("option `{}` of type {}, which this host does not know", o.name, o.type);
  }
  if (o.type == THRONG_OPTION_ENUM && (o.choices == nullptr || o.choices[0] == nullptr)) {
    return fmt::format("option `{}`, an enum, without choices", o.name);
  }
  if (!IsText(o.default_text)) {
    return fmt::format("option `{}` with a default that is not UTF-8 text", o.name);
  }
  if ((o.type == THRONG_OPTION_MAP) != (o.name[std::strlen(o.name) - 1] == '.')) {
    return fmt::format("option `{}`: the name of a map, and of nothing else, ends with a dot",
                       o.name);
  }
  if (o.type == THRONG_OPTION_MAP && (o.flags & THRONG_OPTION_SECRET) != 0) {
    return fmt::format("option `{}`: a map cannot be secret; declare secrets by name", o.name);
  }
  if (o.type != THRONG_OPTION_STRING && (o.flags & THRONG_OPTION_PATH) != 0) {
    return fmt::format("option `{}`, a path that is no string", o.name);
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Load(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  const CallScope scope(CallerOf("plugin " + file), -1);
  // An absolute path: dlopen searches the system's folders for a bare file name.
  void* library =
      dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("plugin {} cannot be loaded: {}", path, dlerror()));
  }
  auto describe = reinterpret_cast<throng_plugin_function>(dlsym(library, "throng_plugin_v1"));
  if (describe == nullptr) {
    return absl::FailedPreconditionError(fmt::format(
        "plugin {} has no function throng_plugin_v1: it is not a Throng plugin, or it was built "
        "for "
        "another major version of the plugin ABI (this host has version {}; rebuild it).",
        path, THRONG_ABI_MAJOR));
  }
  auto plugin = std::make_unique<Plugin>();
  plugin->path_ = path;
  auto digest = FileDigest(path);
  if (!digest.ok()) return digest.status();
  plugin->digest_ = *std::move(digest);
  if (absl::Status status = plugin->Read(describe()); !status.ok()) {
    return absl::FailedPreconditionError(fmt::format("plugin {}: {}", path, MessageOf(status)));
  }
  return plugin;
}

absl::Status Plugin::Read(const throng_plugin* table) {
  if (table == nullptr) return absl::InternalError("throng_plugin_v1 returned NULL.");
  const auto own = Adopt<throng_plugin>(table);
  if (IsEmpty(own.name) || IsEmpty(own.version) || IsEmpty(own.doc) || own.components == nullptr) {
    return absl::InternalError(fmt::format(
        "its table (struct_size {}) lacks a name, version, doc or components.", own.struct_size));
  }
  if (!IsText(own.name) || !IsText(own.version)) {
    return absl::InternalError("its name or version is not UTF-8 text.");
  }
  name_ = own.name;
  version_ = own.version;
  doc_ = own.doc;
  abi_minor_ = own.abi_minor;
  for (auto pointer = own.components; *pointer != nullptr; ++pointer) {
    const auto theirs = Adopt<throng_component>(*pointer);
    auto component = std::make_unique<Component>();
    if (IsEmpty(theirs.role) || IsEmpty(theirs.name) || IsEmpty(theirs.doc)) {
      return absl::InternalError(fmt::format(
          "a component (struct_size {}) lacks a role, name or doc.", theirs.struct_size));
    }
    if (!IsText(theirs.name)) {
      return absl::InternalError("a component has a name that is not UTF-8 text.");
    }
    component->name = theirs.name;
    component->doc = theirs.doc;
    component->validate = theirs.validate;
    component->plugin = this;
    const std::optional<Role> role = ParseRole(theirs.role);
    if (!role) {
      return absl::InternalError(fmt::format(
          "component `{}` plays the role \"{}\", which this host does not know; rebuild it against "
          "this version's plugin.h.",
          theirs.name, theirs.role));
    }
    component->role = *role;
    if (component->role == Role::kFormat) {
      component->format = Adopt<throng_format>(theirs.functions);
    } else if (component->role == Role::kSink) {
      component->sink = Adopt<throng_sink>(theirs.functions);
    } else {
      component->behaviour = Adopt<throng_behaviour>(theirs.functions);
    }
    if (const std::string missing = Missing(*component); !missing.empty()) {
      return absl::InternalError(
          fmt::format("component `{}` lacks: {}.", component->name, missing));
    }
    for (auto option = theirs.options; option != nullptr && *option != nullptr; ++option) {
      component->options.push_back(Adopt<throng_option>(*option));
      if (const std::string fault = DescriptorFault(component->options.back()); !fault.empty()) {
        return absl::InternalError(fmt::format("component `{}` has {}.", component->name, fault));
      }
    }
    components_.push_back(std::move(component));
  }
  if (components_.empty()) return absl::InternalError("it has no components.");
  return absl::OkStatus();
}

}  // namespace throng
