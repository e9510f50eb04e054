// What all commands have in common: parsing, help, and what completion needs.
#include "client/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "client/catalogue_flags.h"
#include "client/commands.h"
#include "client/completion.h"
#include "client/exit_code.h"
#include "client/flags.h"
#include "client/inspection_flags.h"
#include "client/live_names.h"
#include "client/one_shot_flags.h"
#include "client/runs_flags.h"

namespace throng {
namespace {

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> words)
      : words_(std::move(words)),
        app_("Generates user-item interactions, and controls the runs of a throngd.", "throngctl") {
    app_.require_subcommand(1);
    app_.footer(std::string("A spec, a preset or nothing at all: throngctl generate\n") +
                kExitCodes);
    const Choose choose = [this](auto execute) { execute_ = std::move(execute); };
    AddOneShotCommands(&app_, words_, choose);
    AddInspectionCommands(&app_, words_, choose);
    AddRunsCommands(&app_, choose);
    AddCatalogueCommands(&app_, words_, choose);
    CLI::App* version =
        AddNamed(&app_, choose, "version", "Versions of client and daemon.", Version, "", true);
    version->footer("Example:\n  throngctl version");
    AddCompletion();
  }

  int Execute(int argc, char** argv) {
    if (words_.size() > 1 && words_[1] == "__complete") {
      for (const std::string& name :
           Complete(Describe(app_), {words_.begin() + 2, words_.end()}, LiveNames)) {
        Out(name + "\n");
      }
      return kDone;
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (const std::string word = WrongWord(); !word.empty()) {
        std::fputs(word.c_str(), stderr);
        return kWrongRequest;
      }
      std::ostringstream help;
      const bool is_help = app_.exit(error, help, std::cerr) == 0;
      Out(help.str());
      return is_help ? kDone : kWrongRequest;
    }
    return execute_();
  }

 private:
  // Says which word is no command, where one had to follow; CLI11 says only that it is missing.
  std::string WrongWord() const {
    std::string line = app_.get_name();
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      line += " " + app->get_name();
    }
    const auto rest = app_.remaining(/*recurse=*/true);
    if (app->get_require_subcommand_min() == 0 || rest.empty()) return "";
    return fmt::format(
        "{} {}: there is no such command or flag; `{} --help` shows those that there are.\n", line,
        rest.front(), line);
  }

  void AddCompletion() {
    constexpr const char* kShells = "bash|zsh|fish";
    CLI::App* app =
        app_.add_subcommand("completion", "A script that completes commands and names.");
    app->add_option("SHELL", shell_, "Of which shell.")
        ->required()
        ->check(OneOf(kShells))
        ->type_name(kShells);
    app->footer("Example:\n  source <(throngctl completion bash)");
    app->callback([this] {
      execute_ = [this] {
        Out(*CompletionScript(shell_));
        return kDone;
      };
    });
  }

  static CompletionCommand Describe(const CLI::App& app) {
    CompletionCommand command{app.get_name(), {}, {}, ""};
    for (const CLI::App* inner : app.get_subcommands([](const CLI::App*) { return true; })) {
      command.commands.push_back(Describe(*inner));
    }
    for (const CLI::Option* option : app.get_options()) {
      const std::string value = option->get_expected_max() == 0 ? "" : option->get_type_name();
      if (option->get_positional()) {
        command.operand = value;
        continue;
      }
      CompletionFlag flag{{}, value};
      for (const std::string& name : option->get_snames()) flag.names.push_back("-" + name);
      for (const std::string& name : option->get_lnames()) flag.names.push_back("--" + name);
      command.flags.push_back(std::move(flag));
    }
    return command;
  }

  const std::vector<std::string> words_;
  CLI::App app_;
  std::function<int()> execute_;
  std::string shell_;
};

}  // namespace

int ExecuteCommandLine(int argc, char** argv) {
  const int exit_code = CommandLine({argv, argv + argc}).Execute(argc, argv);
  const int error = OutError();
  if (error == 0 || error == EPIPE) return exit_code;  // who reads no more wants no more
  std::fputs(fmt::format("Standard output cannot be written: {}. What is printed there is not "
                         "complete; mend that and give the command again.\n",
                         std::strerror(error))
                 .c_str(),
             stderr);
  return exit_code == kDone ? kFailed : exit_code;
}

}  // namespace throng
