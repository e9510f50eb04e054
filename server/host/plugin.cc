#include "server/host/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "proto/utf8.h"
#include "server/control/call_page.h"
#include "server/control/digest.h"
#include "server/control/plain_text.h"
#include "server/control/status.h"
#include "server/host/option_table.h"

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

// What terminals show and nothing else.
bool IsPlain(const char* text) { return PlainText(text) == text; }

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
    case Role::kSource:
      require(c.source.modes != 0, "modes");
      require(c.source.create != nullptr, "create");
      require(c.source.destroy != nullptr, "destroy");
      require(c.source.open != nullptr, "open");
      require(c.source.read != nullptr, "read");
      break;
    case Role::kDecoder:
      require(c.decoder.modes != 0, "modes");
      require(c.decoder.create != nullptr, "create");
      require(c.decoder.destroy != nullptr, "destroy");
      require(c.decoder.begin != nullptr, "begin");
      require(c.decoder.decode != nullptr, "decode");
      break;
  }
  return missing;
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
        "for another major version of the plugin ABI (this host has version {}; rebuild it).",
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
  if (table == nullptr) {
    return absl::InternalError(
        "throng_plugin_v1 returned NULL: it cannot describe itself. Plugins of the C++ layer say "
        "why on standard error.");
  }
  const auto own = Adopt<throng_plugin>(table);
  if (own.host_minor > uint32_t{THRONG_ABI_MINOR}) {
    return absl::FailedPreconditionError(
        fmt::format("it needs the plugin ABI {}.{}, and this host has {}.{}; use a newer Throng.",
                    THRONG_ABI_MAJOR, own.host_minor, THRONG_ABI_MAJOR, THRONG_ABI_MINOR));
  }
  if (IsEmpty(own.name) || IsEmpty(own.version) || IsEmpty(own.doc) || own.components == nullptr) {
    return absl::InternalError(fmt::format(
        "its table (struct_size {}) lacks a name, version, doc or components.", own.struct_size));
  }
  if (!IsText(own.name) || !IsText(own.version)) {
    return absl::InternalError("its name or version is not UTF-8 text.");
  }
  if (!IsPlain(own.name) || !IsPlain(own.version)) {
    return absl::InternalError("its name or version has control characters.");
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
    if (!IsPlain(theirs.name)) {
      return absl::InternalError("a component has a name with control characters.");
    }
    const std::optional<Role> role = ParseRole(theirs.role);
    if (!role) {
      unusable_.push_back({PlainText(theirs.role), theirs.name});
      continue;
    }
    component->role = *role;
    component->name = theirs.name;
    component->doc = theirs.doc;
    component->validate = theirs.validate;
    component->plugin = this;
    switch (component->role) {
      case Role::kActivity:
      case Role::kClock:
      case Role::kChoice:
      case Role::kRating:
        component->behaviour = Adopt<throng_behaviour>(theirs.functions);
        break;
      case Role::kFormat:
        component->format = Adopt<throng_format>(theirs.functions);
        break;
      case Role::kSink:
        component->sink = Adopt<throng_sink>(theirs.functions);
        break;
      case Role::kSource:
        component->source = Adopt<throng_source>(theirs.functions);
        break;
      case Role::kDecoder:
        component->decoder = Adopt<throng_decoder>(theirs.functions);
        break;
    }
    if (const std::string missing = Missing(*component); !missing.empty()) {
      return absl::InternalError(
          fmt::format("component `{}` lacks: {}.", component->name, missing));
    }
    for (auto option = theirs.options; option != nullptr && *option != nullptr; ++option) {
      component->options.push_back(Adopt<throng_option>(*option));
    }
    if (const std::string fault = OptionTableFault(component->options); !fault.empty()) {
      return absl::InternalError(fmt::format("component `{}` has {}.", component->name, fault));
    }
    components_.push_back(std::move(component));
  }
  if (components_.empty() && unusable_.empty()) return absl::InternalError("it has no components.");
  return absl::OkStatus();
}

}  // namespace throng
