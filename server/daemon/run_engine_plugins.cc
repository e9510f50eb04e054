// RunEngine: the plugins that there are.
#include <fmt/format.h>

#include "server/daemon/errors.h"
#include "server/daemon/run_engine.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

constexpr std::string_view kPlugins = "plugins/";

}  // namespace

absl::StatusOr<v1::ListPluginsResponse> RunEngine::ListPlugins(
    const v1::ListPluginsRequest& request) {
  constexpr int32_t kMost = 1000;
  constexpr int32_t kDefault = 100;
  if (request.page_size() < 0) return InvalidField("page_size", "Must not be negative.");
  const int32_t size = request.page_size() == 0 ? kDefault : std::min(request.page_size(), kMost);
  const auto snapshot = parts_.index->Refresh();
  v1::ListPluginsResponse response;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    if (plugin.name() <= request.page_token()) continue;
    if (response.plugins_size() == size) {
      response.set_next_page_token(response.plugins(size - 1).name());
      break;
    }
    *response.add_plugins() = plugin;
  }
  if (request.page_token().empty()) {
    response.mutable_load_errors()->Assign(snapshot->errors.begin(), snapshot->errors.end());
  }
  return response;
}

absl::StatusOr<v1::GetPluginResponse> RunEngine::GetPlugin(const std::string& name) {
  const auto snapshot = parts_.index->Refresh();
  std::vector<std::string> known;
  v1::GetPluginResponse response;
  for (const v1::Plugin& plugin : snapshot->plugins) {
    known.push_back(plugin.name());
    bool is_it = plugin.name() == name;
    for (const v1::PluginComponent& component : plugin.components()) {
      known.push_back(std::string(kPlugins) + component.name());
      is_it = is_it || known.back() == name;
    }
    if (!is_it) continue;
    *response.mutable_plugin() = plugin;
    return response;
  }
  const auto nearest = NearestName(name, known);
  return MakeError(absl::StatusCode::kNotFound, "PLUGIN_NOT_FOUND",
                   fmt::format("There is no plugin `{}`.{}", name,
                               nearest ? fmt::format(" Did you mean `{}`?", *nearest) : ""));
}

}  // namespace throng
