#include "client/runs_flags.h"

#include <fmt/format.h>

#include <limits>
#include <string>
#include <vector>

#include "client/commands.h"
#include "client/flags.h"
#include "proto/option_text.h"

namespace throng {
namespace {

// Values as completion knows them.
constexpr const char* kStates = "succeeded|running|paused|stopped|failed|ended";

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
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(
      "Examples:\n  throngctl runs list\n"
      "  throngctl runs list --filter 'state = RUNNING AND labels.team = x' "
      "--order-by 'create_time desc'");
}

void AddUpdate(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand(
      "update", "Changes labels and annotations, and leaves those that are not named.");
  auto* command = Remember(app, choose, UpdateRun);
  AddOperand(app, &command->name, "RUN");
  AddTexts(app, &command->texts);
  AddRepeatable(app, "--unset-label", &command->removed_labels, "KEY",
                "A label that goes; repeatable.");
  AddRepeatable(app, "--unset-annotation", &command->removed_annotations, "KEY",
                "An annotation that goes; repeatable.");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer("Example:\n  throngctl runs update nightly --label team=x --unset-label trial");
}

void AddWait(CLI::App* runs, const Choose& choose) {
  CLI::App* app = runs->add_subcommand("wait", "Waits until a run is in a state.");
  auto* command = Remember(app, choose, WaitForRun);
  AddOperand(app, &command->name, "RUN");
  app->add_option("--for", command->state, "The state; ended: succeeded or failed.")
      ->check(OneOf(kStates))
      ->type_name(kStates)
      ->capture_default_str();
  app->add_option_function<std::string>(
         "--timeout",
         [command](const std::string& text) {
           const auto ms = ParseDuration(text);
           if (!ms || *ms <= 0) {
             throw CLI::ValidationError(
                 fmt::format("--timeout: is \"{}\"; write a duration such as 60s.", text));
           }
           command->timeout = std::chrono::milliseconds(*ms);
         },
         "How long at most, as 60s; default: as long as it takes.")
      ->type_name("DURATION");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer("Example:\n  throngctl runs wait nightly --for succeeded --timeout 60s");
}

void AddVerb(CLI::App* runs, const Choose& choose, const char* name, RunVerb verb,
             const char* doc) {
  CLI::App* app = runs->add_subcommand(name, doc);
  auto* command = Remember(app, choose, Execute);
  command->verb = verb;
  AddOperand(app, &command->names, "RUN");
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, false);
  app->footer(fmt::format("Example:\n  throngctl runs {} nightly", name));
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
  AddList(runs, choose);
  AddNamed(runs, choose, "get", "One run, with its outputs.", GetRun, "RUN", false);
  AddNamed(runs, choose, "watch", "A run at each change, until it has ended.", WatchRun, "RUN",
           false);
  AddWait(runs, choose);
  AddUpdate(runs, choose);
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
