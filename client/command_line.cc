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
#include <string_view>
#include <utility>
#include <vector>

#include "client/catalogue_flags.h"
#include "client/commands.h"
#include "client/completion.h"
#include "client/context_flags.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/flags.h"
#include "client/inspection_flags.h"
#include "client/live_names.h"
#include "client/nearest.h"
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
    app_.set_version_flag("--version", "throngctl " THRONG_VERSION, "Which throngctl this is.");
    app_.footer(std::string("A spec, a preset or nothing at all: throngctl generate\n") +
                kExitCodes);
    const Choose choose = [this](auto execute) { execute_ = std::move(execute); };
    AddOneShotCommands(&app_, words_, choose);
    AddInspectionCommands(&app_, words_, choose);
    AddRunsCommands(&app_, choose);
    AddCatalogueCommands(&app_, words_, choose);
    AddContextCommands(&app_, choose);
    AddDaemonCommands(&app_, choose);
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
    if (WantsJson()) TellFailuresAsJson();
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (const std::string word = WrongWord(); !word.empty()) return Fail(kWrongRequest, word);
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        std::ostringstream text;
        app_.exit(error, text, std::cerr);
        Out(text.str());
        return kDone;
      }
      if (IsBare()) {
        Out(app_.help());
        return kDone;
      }
      return Fail(kWrongRequest,
                  fmt::format("{}\nRun with --help for more information.", error.what()));
    }
    return execute_();
  }

 private:
  // Whether -o asks for JSON, also where the command line is wrong.
  bool WantsJson() const {
    const auto is_json = [](std::string_view value) { return value == "json" || value == "jsonl"; };
    for (size_t i = 1; i < words_.size(); ++i) {
      const std::string_view word = words_[i];
      if (word == "-o" || word == "--output-format") {
        if (i + 1 < words_.size() && is_json(words_[i + 1])) return true;
        continue;
      }
      for (const std::string_view flag : {"--output-format=", "-o"}) {
        if (word.starts_with(flag) && is_json(word.substr(flag.size()))) return true;
      }
    }
    return false;
  }

  // The command that the line names, and the words that name it.
  std::pair<const CLI::App*, std::string> Named() const {
    std::string line = app_.get_name();
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      line += " " + app->get_name();
    }
    return {app, line};
  }

  // Says which word is no command or flag; CLI11 says only that a command is missing, and does not
  // know what was meant.
  std::string WrongWord() const {
    const auto [app, line] = Named();
    const auto rest = app_.remaining(/*recurse=*/true);
    if (rest.empty()) return "";
    const bool is_flag = rest.front().starts_with('-');
    if (app->get_require_subcommand_min() == 0 && !is_flag) return "";
    std::vector<std::string> known;
    for (const CompletionFlag& flag :
         is_flag ? Describe(*app).flags : std::vector<CompletionFlag>()) {
      known.insert(known.end(), flag.names.begin(), flag.names.end());
    }
    for (const CLI::App* inner : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (!is_flag) known.push_back(inner->get_name());
    }
    const std::string word = rest.front().substr(0, rest.front().find('='));
    return fmt::format("{} {}: there is no such {}.{} `{} --help` shows those that there are.",
                       line, rest.front(), is_flag ? "flag" : "command", DidYouMean(word, known),
                       line);
  }

  // Whether nothing stands behind a command that needs another word: then its help is the answer.
  bool IsBare() const { return Named().first->get_require_subcommand_min() > 0; }

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
