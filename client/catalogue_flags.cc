#include "client/catalogue_flags.h"

#include <algorithm>
#include <memory>

#include "client/commands.h"
#include "client/flags.h"

namespace throng {
namespace {

void AddPlugins(CLI::App* root, const std::vector<std::string>& words, const Choose& choose) {
  CLI::App* plugins = root->add_subcommand("plugins", "Behaviours, formats and sinks.");
  plugins->require_subcommand(1);
  AddNamed(plugins, choose, "list", "All that the daemon can load.", ListPlugins, "", true);
  AddNamed(plugins, choose, "get", "A plugin, its components and their options.", GetPlugin,
           "PLUGIN", true);
  CLI::App* check = plugins->add_subcommand("check", "Checks that a plugin keeps the contract.");
  auto files = std::make_shared<std::vector<std::string>>();
  check->add_option("FILE", *files, "The plugin, a shared library on this machine.")
      ->required()
      ->type_name("FILE");
  check->allow_extras();  // flags of throng-worker check
  check->footer(
      "Takes the flags of `throng-worker check`.\n"
      "Example:\n  throngctl plugins check ./zipf.so");
  check->callback([choose, words, files] {
    choose([words] {
      // As given, from behind the word `check`.
      const auto word = std::find(words.begin() + 2, words.end(), "check");
      return CheckPlugin({word + 1, words.end()});
    });
  });
}

void AddPresets(CLI::App* root, const Choose& choose) {
  CLI::App* presets = root->add_subcommand("presets", "What specs can build on.");
  presets->require_subcommand(1);
  AddNamed(presets, choose, "list", "Behaviours (--preset) and sizes (--size).", ListPresets, "",
           true);
  AddNamed(presets, choose, "get", "A complete spec to start from.", GetPreset, "ANY_PRESET", true);
}

}  // namespace

void AddCatalogueCommands(CLI::App* root, const std::vector<std::string>& words,
                          const Choose& choose) {
  AddPlugins(root, words, choose);
  AddPresets(root, choose);
}

}  // namespace throng
