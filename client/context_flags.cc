#include "client/context_flags.h"

#include <fmt/format.h>

#include <string>

#include "client/commands.h"
#include "client/flags.h"

namespace throng {
namespace {

// What a name can be: it stands in file, flags and variables.
CLI::Validator AsName() {
  return CLI::Validator(
      [](std::string& value) {
        constexpr const char* kLetters =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        const bool is_name =
            !value.empty() && value.find_first_not_of(kLetters) == std::string::npos;
        return is_name ? "" : fmt::format("is \"{}\"; write letters, digits, -, _ and .", value);
      },
      "");
}

}  // namespace

void AddContextCommands(CLI::App* root, const Choose& choose) {
  CLI::App* context = root->add_subcommand(
      "context", "Daemons by name: addresses and paths of keys and tokens, of no secret.");
  context->require_subcommand(1);
  context->footer(
      "They stand in $XDG_CONFIG_HOME/throng/contexts.yaml, else in ~/.config. Commands take the "
      "one of\n"
      "--context, else of THRONG_CONTEXT, else the one in use; --address and THRONG_ADDRESS are "
      "stronger.");

  CLI::App* list = context->add_subcommand("list", "All of them, and which is in use.");
  auto* list_command = Remember(list, choose, ListContexts);
  AddFormat(list, &list_command->format);
  list->footer("Example:\n  throngctl context list");

  CLI::App* add = context->add_subcommand("add", "Gives a daemon a name.");
  auto* add_command = Remember(add, choose, AddContext);
  AddOperand(add, &add_command->name, "NAME")->check(AsName());
  add->add_option("--address", add_command->address, "The daemon, unix:/PATH or HOST:PORT.")
      ->required()
      ->type_name("ADDRESS");
  AddTls(add, &add_command->tls, false);
  add->footer(
      "Example:\n  throngctl context add staging --address staging:7447 --cacert ca.pem "
      "--token-file token");

  CLI::App* use = context->add_subcommand("use", "Makes it the one where none is named.");
  auto* use_command = Remember(use, choose, UseContext);
  AddOperand(use, &use_command->name, "CONTEXT")->required(false);
  use->add_flag("--none", use_command->is_none,
                "Use none, so that one-shot commands start a private daemon.");
  use->footer("Examples:\n  throngctl context use staging\n  throngctl context use --none");

  CLI::App* remove = context->add_subcommand("remove", "Forgets it; the files that it names stay.");
  auto* remove_command = Remember(remove, choose, RemoveContext);
  AddOperand(remove, &remove_command->name, "CONTEXT");
  remove->footer("Example:\n  throngctl context remove staging");
}

void AddDaemonCommands(CLI::App* root, const Choose& choose) {
  CLI::App* daemon = root->add_subcommand("daemon", "The daemon itself.");
  daemon->require_subcommand(1);
  CLI::App* app = daemon->add_subcommand(
      "drain", "Before its end: runs commit and stop, and nothing begins any more.");
  auto* command = Remember(app, choose, Drain);
  AddTimeout(app, &command->timeout, "How long to wait for the runs, as 60s; default: 60s.");
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Runs go on when a daemon is started again with their state.\n"
      "Example:\n  throngctl daemon drain --timeout 5m");
}

}  // namespace throng
