// Flags into the structs of commands.h, help, and what completion needs.
#include "client/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "client/commands.h"
#include "client/completion.h"
#include "client/count_text.h"
#include "client/exit_code.h"
#include "client/flags.h"
#include "client/inspection_flags.h"
#include "client/live_names.h"
#include "proto/option_text.h"

namespace throng {
namespace {

// Values as completion knows them.
constexpr const char* kStates = "succeeded|running|paused|blocked|stopped|failed|ended";

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> words)
      : words_(std::move(words)),
        app_("Generates user-item interactions, and controls the runs of a throngd.", "throngctl") {
    app_.require_subcommand(1);
    app_.footer(std::string("A spec, a preset or nothing at all: throngctl generate\n") +
                kExitCodes);
    AddGenerate();
    AddPreview();
    AddValidate();
    AddColumns();
    AddInspectionCommands(&app_, words_, [this](auto execute) { execute_ = std::move(execute); });
    AddRuns();
    AddPlugins();
    AddPresets();
    AddDaemon();
    CLI::App* version =
        AddNamed(&app_, "version", "Versions of client and daemon.", Version, "", true);
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
  // The command's struct, alive as long as this, and what executes it.
  template <class Command>
  Command* Remember(CLI::App* app, int (*execute)(const Command&)) {
    auto command = std::make_shared<Command>();
    app->callback(
        [this, command, execute] { execute_ = [command, execute] { return execute(*command); }; });
    return command.get();
  }

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

  static void AddDataset(CLI::App* app, SpecFlags* spec) {
    const auto text = [app](const char* flag, std::optional<std::string>* value, const char* kind,
                            const char* doc) {
      app->add_option(flag, *value, doc)->type_name(kind);
    };
    text("-f,--file", &spec->file, "SPEC", "A spec, YAML or JSON; - is standard input.");
    text("--preset", &spec->preset, "PRESET", "Behaviours and shares; `throngctl presets list`.");
    text("--size", &spec->size, "SIZE", "Users, items and interactions by name.");
    text("--users", &spec->users, "N",
         "Users, active or not; 50k, 1M, 1e6, 50_000 and 50,000 will do.");
    text("--items", &spec->items, "N", "Items, touched or not; likewise.");
    text("--interactions", &spec->interactions, "N", "Rows; likewise. null: without end.");
    text("--seed", &spec->seed, "N", "Key of all randomness; default: 42.");
    text("--start", &spec->start, "TIME", "First event time, as 2024-01-01T00:00:00Z or now-7d.");
    text("--window", &spec->window, "DURATION", "Time that the events are spread over, as 30d.");
    app->add_option("--set", spec->settings,
                    "PATH=VALUE: any field of the spec, the value being YAML, and empty text where "
                    "there is none; dataset.activity.options.cap=9, "
                    "'outputs[0].columns=[user_id, item_id]'; repeatable. A component and its "
                    "options may come in any order.")
        ->type_name("PATH=VALUE")
        ->allow_extra_args(false);
  }

  static void AddDelivery(CLI::App* app, SpecFlags* spec, const std::string& otherwise) {
    app->add_option(
           "--to", spec->outputs,
           "FORMAT:PATH[?NAME=VALUE&...] or kafka://HOST:PORT/TOPIC[?NAME=VALUE&...]: an output "
           "instead of those of the spec; FORMAT:- and - are standard output, values are "
           "percent-encoded, format.NAME is "
           "an option of the format; or RECIPE:PATH, what another program reads: movielens:FILE, "
           "recbole:DIR, surprise:FILE, libsvm:FILE; repeatable. " +
               otherwise)
        ->type_name("OUTPUT")
        ->allow_extra_args(false);
    app->add_flag("--overwrite", spec->overwrites, "Replace files that are not this output's.");
    app->add_option("--rate", spec->rate, "Rows a second, as 1000/s; default: as fast as possible.")
        ->type_name("ROWS/s");
    app->add_flag("--live", spec->is_live,
                  "No row before its time: what lies in the past at once, the rest in real time.");
    app->add_option("--slice", spec->slice, "Only slice I of N, from 0, as 0/4.")->type_name("I/N");
    app->add_option(
           "--split", spec->split,
           "NAME=SHARE,...: each output of --to as one output a split, by time, {split} in "
           "its path or topic being the name; as train=0.8,validation=0.1,test=0.1.")
        ->type_name("SPLITS");
    app->add_option("--threads", spec->threads, "Threads that fill and encode; default: one a CPU.")
        ->type_name("N");
  }

  void AddGenerate() {
    CLI::App* app =
        app_.add_subcommand("generate", "Delivers a dataset, and shows its statistics.");
    auto* command =
        Remember<GenerateCommand>(app, [](const GenerateCommand& c) { return Generate(c); });
    command->command_line = words_;
    AddDataset(app, &command->spec);
    AddDelivery(app, &command->spec, fmt::format("Default: {}.", kDefaultOutput));
    app->add_flag("--dry-run", command->is_dry_run, "Only print the full spec and the plan.");
    AddReport(app, &command->report);
    app->add_flag(
        "--again", command->again,
        "Send to a topic once more, as another run; --again=WORD goes on with one that was "
        "interrupted.");
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

  void AddPreview() {
    CLI::App* app = app_.add_subcommand("preview", "A few rows from anywhere, as csv has them.");
    auto* command = Remember(app, Preview);
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

  void AddValidate() {
    CLI::App* app =
        app_.add_subcommand("validate", "Every mistake of a spec, each with its field and remedy.");
    auto* command = Remember(app, Validate);
    AddDataset(app, &command->spec);
    AddDelivery(app, &command->spec, "");
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, true);
    app->get_option("--file")->required();
    app->footer("Example:\n  throngctl validate -f my.yaml");
  }

  void AddColumns() {
    CLI::App* app = app_.add_subcommand(
        "columns", "Every column that outputs may have, of every table: name, type, meaning.");
    auto* command = Remember(app, ListColumns);
    AddDataset(app, &command->spec);
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, true);
    app->footer("Examples:\n  throngctl columns\n  throngctl columns --preset seed -o json");
  }

  // A command that takes at most one operand, of that kind; none if it is empty.
  CLI::App* AddNamed(CLI::App* parent, const char* name, const char* doc,
                     int (*execute)(const NamedCommand&), const char* kind, bool is_one_shot) {
    CLI::App* app = parent->add_subcommand(name, doc);
    auto* command = Remember(app, execute);
    if (*kind != '\0') AddOperand(app, &command->name, kind);
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, is_one_shot);
    app->footer(fmt::format("Example:\n  throngctl {} {}{}", parent->get_name(), name,
                            *kind == '\0' ? "" : " NAME"));
    return app;
  }

  template <class Value>
  static CLI::Option* AddOperand(CLI::App* app, Value* value, const char* kind) {
    return app->add_option("NAME", *value, "Its name.")->required()->type_name(kind);
  }

  void AddRuns() {
    CLI::App* runs = app_.add_subcommand("runs", "Runs of a daemon.");
    runs->require_subcommand(1);
    runs->footer(std::string("A daemon is started with `throngd`.\n") + kExitCodes);
    AddCreate(runs);
    AddList(runs);
    AddNamed(runs, "get", "One run, with its outputs.", GetRun, "RUN", false);
    AddNamed(runs, "watch", "A run at each change, until it has ended.", WatchRun, "RUN", false);
    AddWait(runs);
    AddUpdate(runs);
    AddRate(runs);
    AddVerb(runs, "pause", RunVerb::kPause, "Commits and holds.");
    AddVerb(runs, "resume", RunVerb::kResume, "Goes on with a run that is paused or stopped.");
    AddVerb(runs, "stop", RunVerb::kStop, "Commits and lets everything go.");
    AddVerb(runs, "restart", RunVerb::kRestart,
            "Goes on in a new worker with fresh counters; also a run that failed.");
    AddVerb(runs, "delete", RunVerb::kDelete,
            "Forgets a run that is stopped or has ended; what it delivered stays.");
    AddDetails(runs);
  }

  void AddCreate(CLI::App* runs) {
    CLI::App* app = runs->add_subcommand("create", "Creates a run and starts it.");
    auto* command = Remember(app, CreateRun);
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

  // A flag that may be given again.
  static CLI::Option* AddRepeatable(CLI::App* app, const char* flag,
                                    std::vector<std::string>* values, const char* kind,
                                    const char* doc) {
    return app->add_option(flag, *values, doc)->type_name(kind)->allow_extra_args(false);
  }

  static void AddTexts(CLI::App* app, RunTexts* texts) {
    AddRepeatable(app, "--label", &texts->labels, "KEY=VALUE",
                  "A label, by which `runs list --filter` finds it; repeatable.")
        ->check(AsPair());
    AddRepeatable(app, "--annotation", &texts->annotations, "KEY=VALUE",
                  "A note about it, any text; repeatable.")
        ->check(AsPair());
  }

  void AddList(CLI::App* runs) {
    CLI::App* app = runs->add_subcommand("list", "All runs, or those that a filter lets through.");
    auto* command = Remember(app, ListRuns);
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

  void AddUpdate(CLI::App* runs) {
    CLI::App* app = runs->add_subcommand(
        "update",
        "Changes labels, annotations, pace and threads, and leaves what is not named; a run that "
        "delivers goes on with them at once.");
    auto* command = Remember(app, UpdateRun);
    AddOperand(app, &command->name, "RUN");
    AddTexts(app, &command->texts);
    AddRepeatable(app, "--unset-label", &command->removed_labels, "KEY",
                  "A label that goes; repeatable.");
    AddRepeatable(app, "--unset-annotation", &command->removed_annotations, "KEY",
                  "An annotation that goes; repeatable.");
    app->add_option("--rate", command->rate,
                    "Rows a second, as 1000/s; live, or max for as fast as possible.")
        ->type_name("RATE");
    app->add_option("--threads", command->threads, "Threads that fill and encode; 0: one a CPU.")
        ->type_name("N");
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, false);
    app->footer(
        "Examples:\n  throngctl runs update nightly --label team=x --unset-label trial\n"
        "  throngctl runs update nightly --rate 500/s");
  }

  void AddRate(CLI::App* runs) {
    CLI::App* app = runs->add_subcommand("rate", "Changes how fast a run delivers, at once.");
    auto* command = Remember(app, UpdateRun);
    AddOperand(app, &command->name, "RUN");
    app->add_option("RATE", command->rate,
                    "Rows a second, as 1000/s; live, or max for as fast as possible.")
        ->required();
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, false);
    app->footer(
        "Examples:\n  throngctl runs rate nightly 500/s\n  throngctl runs rate nightly max");
  }

  void AddWait(CLI::App* runs) {
    CLI::App* app = runs->add_subcommand("wait", "Waits until a run is in a state.");
    auto* command = Remember(app, WaitForRun);
    AddOperand(app, &command->name, "RUN");
    app->add_option("--for", command->state, "The state; ended: succeeded or failed.")
        ->check(OneOf(kStates))
        ->type_name(kStates)
        ->capture_default_str();
    AddTimeout(app, &command->timeout, "How long at most, as 60s; default: as long as it takes.");
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, false);
    app->footer("Example:\n  throngctl runs wait nightly --for succeeded --timeout 60s");
  }

  void AddVerb(CLI::App* runs, const char* name, RunVerb verb, const char* doc) {
    CLI::App* app = runs->add_subcommand(name, doc);
    auto* command = Remember<VerbCommand>(app, throng::Execute);
    command->verb = verb;
    AddOperand(app, &command->names, "RUN");
    AddFormat(app, &command->format);
    AddAddress(app, &command->daemon, false);
    app->footer(fmt::format("Example:\n  throngctl runs {} nightly", name));
  }

  void AddDetails(CLI::App* runs) {
    CLI::App* stats = runs->add_subcommand("stats", "Statistics of the rows delivered so far.");
    auto* stats_command = Remember(stats, ShowStatistics);
    AddOperand(stats, &stats_command->name, "RUN");
    stats
        ->add_option("--output", stats_command->output,
                     "Of which output; default: the first of interactions.")
        ->type_name("OUTPUT");
    AddFormat(stats, &stats_command->format);
    AddAddress(stats, &stats_command->daemon, false);
    stats->footer("Example:\n  throngctl runs stats nightly");

    CLI::App* logs = runs->add_subcommand("logs", "What a run's workers and plugins had to say.");
    auto* logs_command = Remember(logs, ReadLogs);
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
      auto* command = Remember(app, Positions);
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

  void AddDaemon() {
    CLI::App* daemon = app_.add_subcommand("daemon", "The daemon itself.");
    daemon->require_subcommand(1);
    CLI::App* app = daemon->add_subcommand(
        "drain", "Before its end: runs commit and stop, and nothing begins any more.");
    auto* command = Remember(app, Drain);
    AddTimeout(app, &command->timeout, "How long to wait for the runs, as 60s; default: 60s.");
    AddAddress(app, &command->daemon, false);
    app->footer(
        "Runs go on when a daemon is started again with their state.\n"
        "Example:\n  throngctl daemon drain --timeout 5m");
  }

  // A duration above 0.
  static void AddTimeout(CLI::App* app, std::chrono::milliseconds* timeout, const char* doc) {
    app->add_option_function<std::string>(
           "--timeout",
           [timeout](const std::string& text) {
             const auto ms = ParseDuration(text);
             if (!ms || *ms <= 0) {
               throw CLI::ValidationError(
                   fmt::format("--timeout: is \"{}\"; write a duration such as 60s.", text));
             }
             *timeout = std::chrono::milliseconds(*ms);
           },
           doc)
        ->type_name("DURATION");
  }

  void AddPlugins() {
    CLI::App* plugins = app_.add_subcommand("plugins", "Behaviours, formats and sinks.");
    plugins->require_subcommand(1);
    AddNamed(plugins, "list", "All that the daemon can load.", ListPlugins, "", true);
    AddNamed(plugins, "get", "A plugin, its components and their options.", GetPlugin, "PLUGIN",
             true);
    CLI::App* check = plugins->add_subcommand("check", "Checks that a plugin keeps the contract.");
    check->add_option("FILE", check_arguments_, "The plugin, a shared library on this machine.")
        ->required()
        ->type_name("FILE");
    check->allow_extras();  // flags of throng-worker check
    check->footer(
        "Takes the flags of `throng-worker check`.\n"
        "Example:\n  throngctl plugins check ./zipf.so");
    check->callback([this, check] {
      execute_ = [this, check] {
        // As given, from behind the word `check`.
        const auto word = std::find(words_.begin() + 2, words_.end(), check->get_name());
        return CheckPlugin({word + 1, words_.end()});
      };
    });
  }

  void AddPresets() {
    CLI::App* presets = app_.add_subcommand("presets", "What specs can build on.");
    presets->require_subcommand(1);
    AddNamed(presets, "list", "Behaviours (--preset) and sizes (--size).", ListPresets, "", true);
    AddNamed(presets, "get", "A complete spec to start from.", GetPreset, "ANY_PRESET", true);
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
  std::vector<std::string> check_arguments_;
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
