// throngd: reads flags and throngd.yaml, and runs the daemon.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "server/control/start_up.h"
#include "server/daemon/config.h"
#include "server/daemon/daemon.h"
#include "server/daemon/stored_runs.h"
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

// `throngd check`.
int Check(const std::string& folder) {
  const auto found = throng::CheckState(folder);
  if (!found.ok()) {
    fmt::print(stderr, "{}\n", std::string(found.status().message()));
    return 1;
  }
  for (const std::string& fault : found->faults) fmt::print("{}\n", fault);
  fmt::print("{} run{} in {}: {}\n", found->runs, found->runs == 1 ? "" : "s", folder,
             found->faults.empty() ? "all is well." : "see above.");
  return found->faults.empty() ? 0 : 1;
}

// `throngd export`: of one run the spec on standard output; of all, where `id` is empty, a file
// each in the folder `to`, and on standard output what creates them again.
int Export(const std::string& folder, const std::string& id, const std::string& to) {
  bool is_found = id.empty();
  bool is_whole = true;
  const auto complain = [&](const std::string& sentence) {
    fmt::print(stderr, "{}\n", sentence);
    is_whole = false;
  };
  if (!to.empty()) {
    std::error_code error;
    std::filesystem::create_directories(to, error);  // if not, no file can be written
  }
  const absl::Status status = throng::ExportRuns(
      folder,
      [&](const throng::ExportedRun& run) {
        if (run.id == id) {
          is_found = true;
          fmt::print("{}", run.spec);
        }
        if (!id.empty()) return;
        const std::string path = fmt::format("{}/{}.json", to, run.id);
        std::ofstream file(path, std::ios::binary);
        if (!(file << run.spec << std::flush)) {
          complain(fmt::format("{} cannot be written; name another folder with --to.", path));
          return;
        }
        fmt::print("{}throngctl runs create -f {}{}\n",
                   run.end.empty() ? "" : fmt::format("# {}: ", run.end), throng::ShellWord(path),
                   run.flags);
      },
      [&](const std::string& damaged) {
        if (damaged == id) is_found = true;
        if (!id.empty() && damaged != id) return;
        complain(fmt::format("What is stored of {} is damaged; its spec is lost.", damaged));
      });
  if (!status.ok()) complain(std::string(status.message()));
  if (status.ok() && !is_found) complain(fmt::format("There is no run {} in {}.", id, folder));
  return is_whole ? 0 : 1;
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
  std::string run, export_folder;
  const auto add_folder = [&](CLI::App* command) {
    command->add_option("--config", config_file, "The throngd.yaml that names the state folder.");
    command->add_option("--state", state, "The state folder; stronger than the throngd.yaml.");
  };
  auto* check = app.add_subcommand(
      "check", "Says what in a state folder is damaged, and how to mend it; no daemon may run.");
  add_folder(check);
  check->footer(
      "Example:\n"
      "  throngd check --state /var/lib/throng\n"
      "Exit codes: 0 all is well, 1 something is damaged, 2 the request is wrong.");
  auto* exporting =
      app.add_subcommand("export", "Gives the runs of a state folder as specs; no daemon may run.");
  add_folder(exporting);
  auto* run_operand = exporting->add_option("RUN", run, "This run alone, on standard output.");
  auto* to_flag =
      exporting
          ->add_option("--to", export_folder,
                       "A folder that gets RUN.json of every run; on standard output stands what "
                       "creates them again, for those that have ended or are stopped as a comment.")
          ->excludes(run_operand);
  exporting->footer(
      "Examples:\n"
      "  throngd export --state /var/lib/throng nightly >nightly.json\n"
      "  throngd export --state /var/lib/throng --to specs >create.sh\n"
      "Exit codes: 0 done, 1 something cannot be read or written, 2 the request is wrong.");
  exporting->callback([=] {
    if (run_operand->empty() && to_flag->empty()) {
      throw CLI::ValidationError("Name a run, or a folder for all of them with --to.");
    }
  });
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
  if (check->parsed()) return Check(config->state_folder);
  if (exporting->parsed()) {
    return Export(config->state_folder, run.substr(run.find('/') + 1), export_folder);
  }
  options.read_config = read_config;
  options.config = *std::move(config);
  return throng::RunDaemon(std::move(options));
}
