#include "client/live_names.h"

#include <chrono>

#include "client/contexts.h"
#include "client/daemon_access.h"
#include "client/run_text.h"

namespace throng {
namespace {

constexpr std::chrono::milliseconds kPatience{2'000};  // of somebody who pressed Tab

std::vector<std::string> PresetNames(Connection* connection, const std::string& kind) {
  std::vector<std::string> names;
  const auto answer = connection->ListPresets({});
  if (!answer.ok()) return names;
  for (const v1::Preset& preset : answer->presets()) {
    const bool is_size = preset.kind() == v1::PRESET_KIND_SIZE;
    if (kind == "ANY_PRESET" || is_size == (kind == "SIZE")) {
      names.push_back(ShortName(preset.name()));
    }
  }
  return names;
}

std::vector<std::string> PluginNames(Connection* connection) {
  std::vector<std::string> names;
  v1::ListPluginsRequest request;
  request.set_page_size(1000);
  const auto answer = connection->ListPlugins(request);
  if (!answer.ok()) return names;
  for (const v1::Plugin& plugin : answer->plugins()) names.push_back(ShortName(plugin.name()));
  return names;
}

std::vector<std::string> RunNames(Connection* connection) {
  std::vector<std::string> names;
  v1::ListRunsRequest request;
  request.set_page_size(1000);
  const auto answer = connection->ListRuns(request);
  if (!answer.ok()) return names;
  for (const v1::Run& run : answer->runs()) names.push_back(ShortName(run.name()));
  return names;
}

std::vector<std::string> ContextNames() {
  std::vector<std::string> names;
  const auto contexts = ReadContexts(ContextsPath());
  if (!contexts.ok()) return names;
  for (const auto& [name, context] : contexts->all) names.push_back(name);
  return names;
}

}  // namespace

std::vector<std::string> LiveNames(const std::string& kind,
                                   const std::optional<std::string>& address) {
  if (kind == "CONTEXT") return ContextNames();
  DaemonFlags flags;
  flags.address = address;
  if (!ResolveContext(&flags).ok()) return {};
  if (kind == "RUN") {
    Daemon daemon = Daemon::Shared(flags);
    daemon.connection().SetTimeout(kPatience);
    return RunNames(&daemon.connection());
  }
  const bool is_preset = kind == "PRESET" || kind == "SIZE" || kind == "ANY_PRESET";
  if (!is_preset && kind != "PLUGIN") return {};
  auto daemon = Daemon::OneShot(flags);
  if (!daemon.ok()) return {};
  daemon->connection().SetTimeout(kPatience);
  return is_preset ? PresetNames(&daemon->connection(), kind) : PluginNames(&daemon->connection());
}

}  // namespace throng
