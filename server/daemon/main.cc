// throngd: reads flags and throngd.yaml, and runs the daemon.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "server/control/start_up.h"
#include "server/daemon/config.h"
#include "server/daemon/daemon.h"
#include "server/spec/problem.h"

namespace {

using throng::ConfigLayer;
using throng::SpecLayer;

// As YAML, whatever it holds.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", c);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

void AddText(const std::string& flag, const std::string& field, const std::string& value,
             std::vector<SpecLayer>* layers) {
  if (value.empty()) return;
  layers->push_back(ConfigLayer(flag, field + ": " + Quoted(value), false));
}

void AddList(const std::string& flag, const std::string& field,
             const std::vector<std::string>& values, std::vector<SpecLayer>* layers) {
  if (values.empty()) return;
  std::string text = field + ":\n";
  for (const std::string& value : values) text += "- " + Quoted(value) + "\n";
  layers->push_back(ConfigLayer(flag, text, false));
}

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return std::nullopt;
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  throng::ReserveStandardStreams();
  CLI::App app("The daemon of Throng: runs that go on whatever happens, over gRPC.", "throngd");
  app.set_version_flag("--version", "throngd " THRONG_VERSION);
  std::string config_file, listen, state;
  std::vector<std::string> plugin_folders, output_roots, input_roots;
  bool is_insecure = false;
  throng::DaemonOptions options;
  auto* config_flag =
      app.add_option("--config", config_file, "A throngd.yaml; flags are stronger.");
  app.add_option("--listen", listen,
                 "unix:/PATH, or HOST:PORT of a loopback address; instead of `listeners` of the "
                 "throngd.yaml, which has TLS, certificates and tokens.");
  app.add_flag("--insecure", is_insecure,
               "Listen on TCP, where every user of the machine may come; also on networks, for "
               "listeners that say `insecure: true`.");
  auto* state_flag = app.add_option("--state", state, "Folder of runs, logs and used plugins.");
  app.add_option("--plugin-dir", plugin_folders,
                 "A folder of plugins, instead of those that came with this binary; repeatable.")
      ->allow_extra_args(false);
  auto* roots_flag =
      app.add_option("--output-root", output_roots,
                     "A folder below which runs may write; / is anywhere; repeatable. Default: the "
                     "current folder.")
          ->allow_extra_args(false);
  auto* inputs_flag =
      app.add_option("--input-root", input_roots,
                     "A folder below which data may be read; / is anywhere; repeatable. Default: "
                     "the current folder.")
          ->allow_extra_args(false);
  app.add_flag("--ephemeral", options.is_ephemeral,
               "For one command: keep nothing, read and write anywhere, end with standard input.")
      ->excludes(config_flag)
      ->excludes(state_flag)
      ->excludes(roots_flag)
      ->excludes(inputs_flag);
  app.add_option("--ready-fd", options.ready_fd,
                 "A descriptor that gets the line `ready` once the daemon listens.")
      ->check(CLI::Range(3, 1 << 20));
  app.footer(
      "Examples:\n"
      "  throngd --output-root /srv/data\n"
      "  throngd --config /etc/throngd.yaml\n"
      "  throngd --listen 127.0.0.1:7777 --insecure\n"
      "It ends on SIGTERM or SIGINT once its runs have committed. On SIGHUP it reads throngd.yaml "
      "again and says what takes effect.\n"
      "Exit codes: 0 ended as asked, 1 it cannot start, 2 the request is wrong.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto read_config = [=](std::string* mistakes) -> std::optional<throng::DaemonConfig> {
    std::vector<SpecLayer> layers;
    if (!config_file.empty()) {
      auto text = ReadFile(config_file);
      if (!text) {
        *mistakes = fmt::format("--config: {} cannot be read; name a throngd.yaml.\n", config_file);
        return std::nullopt;
      }
      layers.push_back(ConfigLayer(config_file, *std::move(text), true));
    }
    if (!listen.empty()) {
      layers.push_back(ConfigLayer("--listen", "listeners: []", false));
      AddText("--listen", "listen", listen, &layers);
    }
    AddText("--state", "state_folder", state, &layers);
    AddList("--plugin-dir", "plugin_folders", plugin_folders, &layers);
    AddList("--output-root", "output_roots", output_roots, &layers);
    AddList("--input-root", "input_roots", input_roots, &layers);
    throng::Problems problems;
    auto config = throng::ReadConfig(layers, is_insecure, &problems);
    if (!config) *mistakes = throng::ToString(problems);
    return config;
  };
  std::string mistakes;
  auto config = read_config(&mistakes);
  if (!config) {
    fmt::print(stderr, "{}", mistakes);
    return 2;
  }
  options.read_config = read_config;
  options.config = *std::move(config);
  return throng::RunDaemon(std::move(options));
}
