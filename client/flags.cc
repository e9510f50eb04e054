#include "client/flags.h"

#include <fmt/format.h>

#include <limits>

#include "client/count_text.h"
#include "proto/option_text.h"

namespace throng {
namespace {

// Values as completion knows them.
constexpr const char* kFormats = "table|json|jsonl|yaml|name";

}  // namespace

CLI::Validator OneOf(const std::string& words) {
  return CLI::Validator(
      [words](std::string& value) {
        const bool is_one = !value.empty() && value.find('|') == std::string::npos &&
                            ("|" + words + "|").find("|" + value + "|") != std::string::npos;
        return is_one ? "" : fmt::format("is \"{}\"; write one of {}", value, words);
      },
      "");
}

CLI::Validator AtLeast(int64_t least) {
  return CLI::Range(least, std::numeric_limits<int64_t>::max()).description("");
}

CLI::Validator AsCount() {
  return CLI::Validator(
      [](std::string& value) {
        if (const auto count = ParseCount(value); count.ok()) value = *count;
        return std::string();
      },
      "");
}

CLI::Validator AsPair() {
  return CLI::Validator(
      [](std::string& value) {
        const size_t sign = value.find('=');
        const bool is_pair = sign != std::string::npos && sign > 0;
        return is_pair ? "" : fmt::format("is \"{}\"; write KEY=VALUE", value);
      },
      "");
}

void AddFormat(CLI::App* app, PrintFormat* format) {
  app->add_option_function<std::string>(
         "-o,--output-format",
         [format](const std::string& text) { *format = *ParsePrintFormat(text); },
         "How to print it; default: table.")
      ->check(OneOf(kFormats))
      ->type_name(kFormats);
}

void AddTimeout(CLI::App* app, std::chrono::milliseconds* timeout, const char* doc) {
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

void AddReport(CLI::App* app, std::string* path) {
  app->add_option("--report", *path,
                  "Also leave a report there, one HTML file with pictures and the checklist.")
      ->type_name("FILE");
}

// Named as curl, etcdctl and grpcurl do.
void AddTls(CLI::App* app, TlsFlags* tls, bool has_variables) {
  constexpr const char* kGroup = "Daemons on HOST:PORT over TLS";
  const auto add = [=](const std::string& flag, std::string* value, const char* variable,
                       const std::string& help) {
    CLI::Option* option =
        app->add_option(flag, *value,
                        has_variables ? fmt::format("{}; also {}.", help, variable) : help + ".")
            ->group(kGroup);
    if (has_variables) option->envname(variable);
    return option;
  };
  const auto add_file = [&add](const std::string& flag, std::string* value, const char* variable,
                               const std::string& help) {
    return add(flag, value, variable, help)->check(CLI::ExistingFile)->type_name("FILE");
  };
  app->add_flag("--tls", tls->is_asked, "Use TLS; goes without saying with a flag below.")
      ->group(kGroup);
  add_file("--cacert", &tls->ca_file, "THRONG_CACERT",
           "Certificates of the CAs that may vouch for the daemon; default: the system's");
  auto* certificate = add_file("--cert", &tls->certificate_file, "THRONG_CERT", "Our certificate");
  auto* key = add_file("--key", &tls->key_file, "THRONG_KEY", "Its private key");
  certificate->needs(key);
  key->needs(certificate);
  add_file("--token-file", &tls->token_file, "THRONG_TOKEN_FILE",
           "A file that holds our bearer token");
  add("--server-name", &tls->server_name, "THRONG_SERVER_NAME",
      "The name in the daemon's certificate; default: the host of the address")
      ->type_name("NAME");
}

void AddAddress(CLI::App* app, DaemonFlags* daemon, bool is_one_shot) {
  app->add_option("--address", daemon->address,
                  is_one_shot
                      ? "A daemon to use, unix:/PATH or HOST:PORT, instead of a private one; also "
                        "THRONG_ADDRESS."
                      : "The daemon, unix:/PATH or HOST:PORT; also THRONG_ADDRESS.")
      ->type_name("ADDRESS");
  app->add_option("--context", daemon->context,
                  "The daemon by its name in `throngctl context list`; also THRONG_CONTEXT; "
                  "default: the one in use.")
      ->type_name("CONTEXT")
      ->excludes("--address");
  AddTls(app, &daemon->tls, true);
  app->parse_complete_callback([daemon] {
    if (const absl::Status status = ResolveContext(daemon); !status.ok()) {
      throw CLI::ValidationError(std::string(status.message()));
    }
  });
  if (!is_one_shot) return;
  app->add_option("--plugin-dir", daemon->plugin_folders,
                  "A folder of plugins for a private daemon, instead of those that came with it; "
                  "repeatable.")
      ->type_name("FOLDER")
      ->allow_extra_args(false);
}

void AddDataset(CLI::App* app, SpecFlags* spec) {
  const auto text = [app](const char* flag, std::optional<std::string>* value, const char* kind,
                          const char* doc) { app->add_option(flag, *value, doc)->type_name(kind); };
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

void AddDelivery(CLI::App* app, SpecFlags* spec, const std::string& otherwise) {
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
  app->add_option("--split", spec->split,
                  "NAME=SHARE,...: each output of --to as one output a split, by time, {split} in "
                  "its path or topic being the name; as train=0.8,validation=0.1,test=0.1.")
      ->type_name("SPLITS");
  app->add_option("--threads", spec->threads, "Threads that fill and encode; default: one a CPU.")
      ->type_name("N");
}

CLI::Option* AddRepeatable(CLI::App* app, const char* flag, std::vector<std::string>* values,
                           const char* kind, const char* doc) {
  return app->add_option(flag, *values, doc)->type_name(kind)->allow_extra_args(false);
}

CLI::App* AddNamed(CLI::App* parent, const Choose& choose, const char* name, const char* doc,
                   int (*execute)(const NamedCommand&), const char* kind, bool is_one_shot) {
  CLI::App* app = parent->add_subcommand(name, doc);
  auto* command = Remember(app, choose, execute);
  if (*kind != '\0') AddOperand(app, &command->name, kind);
  AddFormat(app, &command->format);
  AddAddress(app, &command->daemon, is_one_shot);
  app->footer(fmt::format("Example:\n  throngctl {} {}{}", parent->get_name(), name,
                          *kind == '\0' ? "" : " NAME"));
  return app;
}

}  // namespace throng
