#include "client/runs_flags.h"

#include <fmt/format.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/commands.h"
#include "client/flags.h"
#include "client/run_columns.h"

namespace throng {
namespace {

// Values as completion knows them.
constexpr const char* kForms = "table|wide|columns=|json|jsonl|yaml|name";
constexpr const char* kStates = "succeeded|running|paused|blocked|stopped|failed|ended|deleted";

constexpr const char* kRateDoc = "Rows a second, as 1000/s; live, or max for as fast as possible.";

// -o of a list of runs: with columns to choose from, too.
void AddTableFormat(CLI::App* app, PrintFormat* format, std::vector<std::string>* columns) {
  *columns = UsualColumns();
  app->add_option_function<std::string>(
         "-o,--output-format",
         [format, columns](const std::string& text) {
           constexpr std::string_view kColumns = "columns=";
           if (text == "wide") {
             *columns = WideColumns();
           } else if (text.starts_with(kColumns)) {
             auto names = ParseColumns(text.substr(kColumns.size()));
             if (!names.ok()) {
               throw CLI::ValidationError("-o: " + std::string(names.status().message()));
             }
             *columns = *std::move(names);
           } else if (const auto parsed = ParsePrintFormat(text)) {
             *format = *parsed;
           } else {
             throw CLI::ValidationError(
                 fmt::format("-o: is \"{}\"; write one of {}", text, kForms));
           }
         },
         "How to print it; wide: with more columns; columns=NAME,...: with these; default: table.")
      ->type_name(kForms);
}

void AddTexts(CLI::App* app, RunTexts* texts) {
  AddRepeatable(app, "--label", &texts->labels, "KEY=VALUE",
                "A label, by which `runs list --filter` finds it; repeatable.")
      ->check(AsPair());
  AddRepeatable(app, "--annotation", &texts->annotations, "KEY=VALUE",
                "A note about it, any text; repeatable.")
      ->check(AsPair());
}

void AddCreate(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand("create", "Creates a run and starts it.");
  auto* command = Remember(app, choose, CreateRun);
  AddDataset(app, &command->spec);
  AddDelivery(app, &command->spec, "");
  app->add_option("--name", command->name, "Its name; default: run- and a number.")
      ->type_name("NAME");
  AddTexts(app, &command->texts);
  app->add_flag("--paused", command->is_paused, "Hold before the first row until it is resumed.");
  app->add_flag("--dry-run", command->is_dry_run, "Only print the full spec and the plan.");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Examples:\n  throngctl runs create -f my.yaml --name nightly\n"
      "  throngctl runs create --to csv:people.csv --rate 1000/s --paused");
}

void AddApply(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand(
      "apply", "Creates a run, or changes the one that is there to what the spec says.");
  auto* command = Remember(app, choose, ApplyRun);
  AddDataset(app, &command->spec);
  AddDelivery(app, &command->spec, "");
  app->add_option("--name", command->name, "Its name.")->required()->type_name("NAME");
  AddTexts(app, &command->texts);
  app->add_flag("--paused", command->is_paused,
                "Where it is created, hold before the first row until it is resumed.");
  app->add_flag("--dry-run", command->is_dry_run, "Only show what would change.");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Shows what changes, field by field. A spec that asks for another dataset, other outputs or "
      "another slice\n"
      "is refused as a whole (exit code 4); the same spec again changes nothing.\n"
      "Examples:\n  throngctl runs apply -f my.yaml --name nightly\n"
      "  throngctl runs apply -f my.yaml --name nightly --label team=x --dry-run");
}

void AddList(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand("list", "All runs, or those that a filter lets through.");
  auto* command = Remember(app, choose, ListRuns);
  app->add_option("--filter", command->filter,
                  "Conditions with AND between them: state = S, target_state = S, labels.KEY = "
                  "V, != likewise, and labels:KEY.")
      ->type_name("FILTER");
  app->add_option("--order-by", command->order_by,
                  "name, create_time or update_time, with ` desc` the other way round; default: "
                  "name.")
      ->type_name("FIELD");
  AddTableFormat(app, &command->format, &command->columns);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Examples:\n  throngctl runs list\n"
      "  throngctl runs list -o columns=name,state,labels\n"
      "  throngctl runs list --filter 'state = RUNNING AND labels.team = x' "
      "--order-by 'create_time desc'");
}

void AddUpdate(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand(
      "update",
      "Changes labels, annotations, pace and threads, and leaves what is not named; a run that "
      "delivers goes on with them at once.");
  auto* command = Remember(app, choose, UpdateRun);
  AddOperand(app, &command->name, "RUN");
  AddTexts(app, &command->texts);
  AddRepeatable(app, "--unset-label", &command->removed_labels, "KEY",
                "A label that goes; repeatable.");
  AddRepeatable(app, "--unset-annotation", &command->removed_annotations, "KEY",
                "An annotation that goes; repeatable.");
  app->add_option("--rate", command->rate, kRateDoc)->type_name("RATE");
  app->add_option("--threads", command->threads, "Threads that fill and encode; 0: one a CPU.")
      ->type_name("N");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Examples:\n  throngctl runs update nightly --label team=x --unset-label trial\n"
      "  throngctl runs update nightly --rate 500/s");
}

void AddRate(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand("rate", "Changes how fast a run delivers, at once.");
  auto* command = Remember(app, choose, UpdateRun);
  AddOperand(app, &command->name, "RUN");
  app->add_option("RATE", command->rate, kRateDoc)->required()->type_name("RATE");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer("Examples:\n  throngctl runs rate nightly 500/s\n  throngctl runs rate nightly max");
}

void AddWatch(CLI::App* runs, const Choose& choose) {
  CLI::App* app = AddNamed(runs, choose, "watch", "A run as it changes, until it has ended.",
                           WatchRun, "RUN", false);
  app->get_option("NAME")->required(false);
  app->footer(
      "On a terminal as a table that is drawn over itself, else a line or a document at each "
      "change. Without\n"
      "a name, on a terminal: all runs.\n"
      "Examples:\n  throngctl runs watch nightly\n  throngctl runs watch nightly -o jsonl");
}

void AddWait(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand("wait", "Waits until runs are in a state, all of them.");
  auto* command = Remember(app, choose, WaitForRuns);
  AddOperand(app, &command->names, "RUN");
  app->add_option("--for", command->states,
                  "The state, or several with commas between them; ended: succeeded or failed; "
                  "default: succeeded.")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(OneOf(kStates))
      ->type_name(kStates);
  AddTimeout(app, &command->timeout, "How long at most, as 60s; default: as long as it takes.");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "The exit code is that of the first run that did not get there: 1 it failed, 4 it ended "
      "otherwise, 5 timed out.\n"
      "Examples:\n  throngctl runs wait nightly --for succeeded --timeout 60s\n"
      "  throngctl runs wait a b c --for paused,stopped");
}

void AddYes(CLI::App* app, bool* is_confirmed) {
  app->add_flag("-y,--yes", *is_confirmed, "Do not ask, on a terminal, whether to.");
}

void AddVerb(CLI::App* runs, const Choose& choose, const char* name, RunVerb verb,
             const char* doc) {
  CLI::App* app = runs->add_subcommand(name, doc);
  auto* command = Remember(app, choose, Execute);
  command->verb = verb;
  AddOperand(app, &command->names, "RUN")->required(false);
  app->add_flag("--all", command->is_all, "All runs that it means anything to.");
  app->add_option_function<std::string>(
         "--filter",
         [command](const std::string& filter) {
           command->filter = filter;
           command->is_all = true;
         },
         "Of these, those that `runs list --filter` shows.")
      ->type_name("FILTER");
  if (verb == RunVerb::kDelete) AddYes(app, &command->is_confirmed);
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      fmt::format("Examples:\n  throngctl runs {0} nightly\n"
                  "  throngctl runs {0} --filter 'labels.team = x'",
                  name));
}

void AddDetails(CLI::App* runs, const Choose& choose) {
  CLI::App* stats = runs->add_subcommand("stats", "Statistics of the rows delivered so far.");
  auto* stats_command = Remember(stats, choose, ShowStatistics);
  AddOperand(stats, &stats_command->name, "RUN");
  stats
      ->add_option("--output", stats_command->output,
                   "Of which output; default: the first of interactions.")
      ->type_name("OUTPUT");
  AddFormat(stats, &stats_command->format);
  AddAddress(stats, &stats_command->daemon, false);
  stats->footer("Example:\n  throngctl runs stats nightly");

  CLI::App* logs = runs->add_subcommand("logs", "What a run's workers and plugins had to say.");
  auto* logs_command = Remember(logs, choose, ReadLogs);
  AddOperand(logs, &logs_command->name, "RUN");
  logs->add_flag("-f,--follow", logs_command->follows, "Wait for more until the run has ended.");
  logs->add_option("--tail", logs_command->tail_lines, "Only so many of the last lines.")
      ->type_name("N")
      ->check(CLI::Range(1, std::numeric_limits<int32_t>::max()).description(""));
  AddFormat(logs, &logs_command->format);
  AddAddress(logs, &logs_command->daemon, false);
  logs->footer("Example:\n  throngctl runs logs nightly -f --tail 100");

  CLI::App* positions =
      runs->add_subcommand("positions", "How far the outputs of a run have come.");
  positions->require_subcommand(1);
  for (const bool is_reset : {false, true}) {
    CLI::App* app = positions->add_subcommand(
        is_reset ? "reset" : "get",
        is_reset ? "Forgets them and what was delivered, of a run that is stopped or has ended."
                 : "The smallest row of each output that is not delivered.");
    auto* command = Remember(app, choose, Positions);
    command->is_reset = is_reset;
    AddOperand(app, &command->name, "RUN");
    if (is_reset) {
      AddYes(app, &command->is_confirmed);
      app->add_option("--output", command->outputs, "Only of this output; repeatable.")
          ->type_name("OUTPUT")
          ->allow_extra_args(false);
    }
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, false);
    app->footer(fmt::format("Example:\n  throngctl runs positions {} nightly", app->get_name()));
  }
}

}  // namespace

void AddRunsCommands(CLI::App* root, const Choose& choose) {
  CLI::App* runs = root->add_subcommand("runs", "Runs of a daemon.");
  runs->require_subcommand(1);
  runs->footer(std::string("A daemon is started with `throngd`.\n") + kExitCodes);
  AddCreate(runs, choose);
  AddApply(runs, choose);
  AddList(runs, choose);
  AddNamed(runs, choose, "get", "One run, with its outputs.", GetRun, "RUN", false);
  AddNamed(runs, choose, "describe", "One run as a page: what it is made of, and its last words.",
           DescribeRun, "RUN", false);
  AddWatch(runs, choose);
  AddWait(runs, choose);
  AddUpdate(runs, choose);
  AddRate(runs, choose);
  AddVerb(runs, choose, "pause", RunVerb::kPause, "Commits and holds.");
  AddVerb(runs, choose, "resume", RunVerb::kResume,
          "Goes on with a run that is paused or stopped.");
  AddVerb(runs, choose, "stop", RunVerb::kStop, "Commits and lets everything go.");
  AddVerb(runs, choose, "restart", RunVerb::kRestart,
          "Goes on in a new worker with fresh counters; also a run that failed.");
  AddVerb(runs, choose, "delete", RunVerb::kDelete,
          "Forgets a run that is stopped or has ended; what it delivered stays.");
  AddDetails(runs, choose);
}

}  // namespace throng
