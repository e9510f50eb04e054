#include "client/inspection_flags.h"

#include <fmt/format.h>

#include "client/flags.h"
#include "client/inspection_commands.h"
#include "proto/option_text.h"

namespace throng {
namespace {

constexpr const char* kPlaces =
    "What to read: FILE, FORMAT:FILE or kafka://HOST:PORT/TOPIC, each with ?NAME=VALUE&... for "
    "options; format.NAME is an option of the format, values are percent-encoded.";

void AddReading(CLI::App* app, ReadFlags* read, bool is_one_place) {
  CLI::Option* places = app->add_option("PLACE", read->places, kPlaces)->type_name("FILE");
  if (is_one_place) places->expected(1);
  app->add_option("--map", read->maps,
                  "COLUMN=NAME: what the data call a column, as user_id=userId; repeatable.")
      ->type_name("COLUMN=NAME")
      ->allow_extra_args(false);
  app->add_flag("-q,--quiet", read->is_quiet, "Only warnings and errors.");
  AddFormat(app, &read->format);
  AddAddress(app, &read->daemon, true);
}

void AddStats(CLI::App* app, const std::vector<std::string>& words, const Choose& choose) {
  CLI::App* stats =
      app->add_subcommand("stats", "Statistics of files or topics, of all places together.");
  auto* command = Remember(stats, choose, Stats);
  command->command_line = words;
  AddReading(stats, &command->read, false);
  stats
      ->add_option("-f,--file", command->file,
                   "The spec that the data were made from; default: that of their manifests. "
                   "Without a place: its rows are made and summed up.")
      ->type_name("SPEC");
  stats->add_flag("--check", command->checks,
                  "Print the checklist instead; exit code 1 if something fails.");
  AddReport(stats, &command->report);
  stats
      ->add_option("--state", command->state,
                   "Also write the mergeable state to a file, for --merge.")
      ->type_name("FILE");
  stats
      ->add_option("--merge", command->states,
                   "A file of --state; instead of reading places, these are put together; "
                   "repeatable.")
      ->type_name("FILE")
      ->allow_extra_args(false);
  stats->footer(fmt::format(
      "Examples:\n"
      "  throngctl stats out/interactions.csv\n"
      "  throngctl stats out/interactions.csv --report out/report.html\n"
      "  throngctl stats --check kafka://localhost:9092/interactions\n"
      "  throngctl stats ratings.csv --map user_id=userId --map item_id=movieId -o json\n"
      "{}",
      kExitCodes));
}

void AddVerify(CLI::App* app, const Choose& choose) {
  CLI::App* verify =
      app->add_subcommand("verify", "Whether files or topics hold exactly what their spec makes.");
  auto* command = Remember(verify, choose, Verify);
  AddReading(verify, &command->read, false);
  verify->get_option("PLACE")->required();
  auto* file = verify
                   ->add_option("-f,--file,--against", command->file,
                                "What the rows must be; default: what manifests and positions say.")
                   ->type_name("SPEC");
  verify->add_option("--run", command->run, "A run of a daemon, whose rows they must be.")
      ->type_name("RUN")
      ->excludes(file);
  verify->add_flag("--any-order", command->any_order,
                   "Rows may come in any order, as a pipeline hands them on.");
  verify->footer(fmt::format(
      "Prints what is different: rows lost, doubled, altered, foreign, damaged, out of order.\n"
      "Examples:\n"
      "  throngctl verify out/interactions.csv\n"
      "  throngctl verify kafka://localhost:9092/interactions\n"
      "  throngctl verify sink.jsonl --against crowd.yaml --any-order --map user_id=uid\n"
      "{}",
      kExitCodes));
}

void AddTap(CLI::App* app, const Choose& choose) {
  CLI::App* tap = app->add_subcommand("tap", "Rows of a file, or of a topic as they arrive.");
  auto* command = Remember(tap, choose, Tap);
  AddReading(tap, &command->read, true);
  tap->get_option("PLACE")->required();
  tap->add_option("--limit", command->limit, "How many at most; default: without end.")
      ->type_name("N")
      ->transform(AsCount())
      ->check(AtLeast(1));
  tap->add_flag("--from-beginning", command->from_beginning,
                "Of a topic, begin with its first record; a file always does.");
  tap->add_flag("--no-follow{false}", command->follows,
                "Of a topic, end where it ends now instead of waiting for more.");
  tap->add_option("--group", command->group,
                  "Of a topic, go on where this consumer group was, and move it.")
      ->type_name("GROUP");
  tap->footer(fmt::format(
      "Ctrl-C ends it; then, on stderr, how many rows came and how fast.\n"
      "Examples:\n"
      "  throngctl tap kafka://localhost:9092/interactions --limit 50 --from-beginning\n"
      "  throngctl tap 'kafka://localhost:9092/interactions?format=avro&registry="
      "http://localhost:8081' -o jsonl\n"
      "  throngctl tap out/interactions.csv --limit 3\n"
      "{}",
      kExitCodes));
}

void AddReplay(CLI::App* app, const std::vector<std::string>& words, const Choose& choose) {
  CLI::App* replay =
      app->add_subcommand("replay", "Sends the rows of a file to a topic, each exactly once.");
  auto* command = Remember(replay, choose, Replay);
  command->command_line = words;
  AddReading(replay, &command->read, true);
  replay->get_option("PLACE")->required();
  replay->add_option("--to", command->output, "kafka://HOST:PORT/TOPIC[?NAME=VALUE&...].")
      ->required()
      ->type_name("OUTPUT");
  replay
      ->add_option("--rate", command->rate,
                   "Rows a second, as 1000/s; default: as fast as possible.")
      ->type_name("ROWS/s");
  replay
      ->add_option_function<std::string>(
          "--delay",
          [command](const std::string& text) {
            const auto ms = ParseDuration(text);
            if (!ms || *ms <= 0) {
              throw CLI::ValidationError(
                  fmt::format("--delay: is \"{}\"; write a duration such as 100ms.", text));
            }
            command->delay_ms = *ms;
          },
          "Time between two rows, as 100ms, instead of --rate.")
      ->type_name("DURATION");
  CLI::Option* passes =
      replay->add_option("--passes", command->passes, "Send all rows so often; default: once.")
          ->type_name("N")
          ->transform(AsCount())
          ->check(AtLeast(1));
  replay
      ->add_flag_callback(
          "--forever", [command] { command->passes = 0; },
          "Send them again and again, until Ctrl-C.")
      ->excludes(passes);
  replay->add_flag("--again", command->again,
                   "Send what was sent once more, as another replay; --again=WORD goes on with one "
                   "that was interrupted.");
  replay->footer(fmt::format(
      "Sends user_id, item_id, rating and timestamp; other columns stay behind. The same command "
      "again goes\n"
      "on where it was committed: what tells one replay from another are the file's bytes, how it "
      "is read,\n"
      "and the topic.\n"
      "Examples:\n"
      "  throngctl replay out/interactions.csv --to kafka://localhost:9092/interactions\n"
      "  throngctl replay ratings.csv --map user_id=userId --map item_id=movieId --rate 1000/s "
      "--to kafka://localhost:9092/ratings\n"
      "{}",
      kExitCodes));
}

void AddDoctor(CLI::App* app, const Choose& choose) {
  CLI::App* doctor = app->add_subcommand("doctor", "Finds out why something does not work.");
  doctor->require_subcommand(1);
  doctor->footer("Example:\n  throngctl doctor kafka --brokers localhost:9092");
  CLI::App* kafka = doctor->add_subcommand(
      "kafka", "Tries brokers in five steps: reach, metadata, topic, produce, read_back.");
  auto* command = Remember(kafka, choose, Doctor);
  CLI::Option* brokers =
      kafka->add_option("--brokers", command->brokers, "Brokers as HOST:PORT, with commas.")
          ->type_name("BROKERS")
          ->default_str("localhost:9092");
  command->brokers = "localhost:9092";
  CLI::Option* topic =
      kafka
          ->add_option("--topic", command->topic,
                       "The topic that 100 rows are written to, and stay in; default: "
                       "throng-doctor.")
          ->type_name("TOPIC");
  kafka
      ->add_option("--to", command->output,
                   "Instead of both, kafka://HOST:PORT/TOPIC?NAME=VALUE&..., as generate has it: "
                   "with format, registry, security.")
      ->type_name("OUTPUT")
      ->excludes(brokers)
      ->excludes(topic);
  AddFormat(kafka, &command->format);
  AddAddress(kafka, &command->daemon, true);
  kafka->footer(
      fmt::format("Of each step that fails it says what to do.\n"
                  "Examples:\n"
                  "  throngctl doctor kafka --brokers localhost:9092\n"
                  "  throngctl doctor kafka --to 'kafka://localhost:9092/interactions?"
                  "format=avro&registry=http://localhost:8081'\n"
                  "{}",
                  kExitCodes));
}

}  // namespace

void AddInspectionCommands(CLI::App* app, const std::vector<std::string>& words,
                           const Choose& choose) {
  AddStats(app, words, choose);
  AddVerify(app, choose);
  AddTap(app, choose);
  AddReplay(app, words, choose);
  AddDoctor(app, choose);
}

}  // namespace throng
