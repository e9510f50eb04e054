#include "client/one_shot_flags.h"

#include <fmt/format.h>

#include <string>

#include "client/commands.h"
#include "client/flags.h"

namespace throng {
namespace {

void AddGenerate(CLI::App* root, const std::vector<std::string>& words, const Choose& choose) {
  CLI::App* app = root->add_subcommand("generate", "Delivers a dataset, and shows its statistics.");
  auto* command = Remember(app, choose, Generate);
  command->command_line = words;
  AddDataset(app, &command->spec);
  AddDelivery(app, &command->spec, fmt::format("Default: {}.", kDefaultOutput));
  app->add_flag("--dry-run", command->is_dry_run, "Only print the full spec and the plan.");
  AddReport(app, &command->report);
  app->add_flag("--again", command->again,
                "Send to a topic once more, as another run; --again=WORD goes on with one that was "
                "interrupted.");
  AddTimeout(app, &command->timeout,
             "Stop at a commit if it is not done by then, as 60s; exit code 5.");
  app->add_flag("-q,--quiet", command->is_quiet, "Only warnings and errors.");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, true);
  app->footer(fmt::format(
      "Without any option, on a terminal: asks for users, items, interactions and output\n"
      "(CSV, JSON, Kafka or all), and prints the command that does the same.\n"
      "The same command again is safe: unfinished output goes on where it was "
      "committed, finished\n"
      "output is left alone, any other file is refused. Ctrl-C stops at a commit.\n"
      "Examples:\n"
      "  throngctl generate --users 500 --items 1000 --interactions 50000\n"
      "  throngctl generate -f my.yaml --to 'json:out/people.jsonl' --rate 1000/s\n"
      "  throngctl generate --size quick --to csv:- | head\n"
      "  throngctl generate --split train=0.8,test=0.2 --to 'csv:out/{{split}}.csv'\n"
      "{}",
      kExitCodes));
}

void AddPreview(CLI::App* root, const Choose& choose) {
  CLI::App* app = root->add_subcommand("preview", "A few rows from anywhere, as csv has them.");
  auto* command = Remember(app, choose, Preview);
  AddDataset(app, &command->spec);
  app->add_option("--rows", command->rows, "How many.")
      ->type_name("N")
      ->transform(AsCount())
      ->check(AtLeast(1))
      ->capture_default_str();
  app->add_option("--columns", command->columns,
                  "Which columns: user_id, item_id, rating, timestamp, interaction_id, kind, "
                  "cluster, category, session_id, session_row. The first four unless given.")
      ->type_name("NAME,...")
      ->delimiter(',');
  app->add_option("--from", command->from, "The first of them, from 0.")
      ->type_name("ROW")
      ->transform(AsCount())
      ->check(AtLeast(0))
      ->capture_default_str();
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, true);
  app->footer(
      "Examples:\n  throngctl preview --rows 10 --from 49990\n"
      "  throngctl preview --columns user_id,session_id,timestamp,kind\n"
      "  throngctl preview -f my.yaml -o jsonl");
}

void AddValidate(CLI::App* root, const Choose& choose) {
  CLI::App* app =
      root->add_subcommand("validate", "Every mistake of a spec, each with its field and remedy.");
  auto* command = Remember(app, choose, Validate);
  AddDataset(app, &command->spec);
  AddDelivery(app, &command->spec, "");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, true);
  app->get_option("--file")->required();
  app->footer("Example:\n  throngctl validate -f my.yaml");
}

void AddColumns(CLI::App* root, const Choose& choose) {
  CLI::App* app = root->add_subcommand(
      "columns", "Every column that outputs may have, of every table: name, type, meaning.");
  auto* command = Remember(app, choose, ListColumns);
  AddDataset(app, &command->spec);
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, true);
  app->footer("Examples:\n  throngctl columns\n  throngctl columns --preset seed -o json");
}

}  // namespace

void AddOneShotCommands(CLI::App* root, const std::vector<std::string>& words,
                        const Choose& choose) {
  AddGenerate(root, words, choose);
  AddPreview(root, choose);
  AddValidate(root, choose);
  AddColumns(root, choose);
}

}  // namespace throng
