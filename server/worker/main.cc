// throng-worker: one run, or one of its one-shot commands.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <random>
#include <string>
#include <vector>

#include "proto/option_text.h"
#include "server/conformance/conformance.h"
#include "server/control/start_up.h"
#include "server/host/describe.h"
#include "server/host/exits.h"
#include "server/worker/run_command.h"
#include "server/worker/serve.h"

namespace {

std::string CommandLine(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool is_plain =
        !argument.empty() &&
        argument.find_first_of(" \t\n'\"\\$*?&|;<>()[]{}~#`!") == std::string::npos;
    line += i > 0 ? " " : "";
    if (is_plain) {
      line += argument;
    } else {
      line += "'";
      for (const char c : argument) line += c == '\'' ? "'\\''" : std::string(1, c);
      line += "'";
    }
  }
  return line;
}

}  // namespace

#ifdef __SANITIZE_ADDRESS__
// What a sanitizer finds ends the process by a signal, as a crash does without one: who waits for
// it classifies both alike.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {  // NOLINT
  return "abort_on_error=1";
}
#endif

int main(int argc, char** argv) {
  throng::ReserveStandardStreams();
  throng::KeepMemory();
  throng::JudgeExits(throng::IsEndedByAPlugin);  // a run that a plugin ends is not done
  CLI::App app("Generates one run of interactions, or inspects plugins.", "throng-worker");
  app.set_version_flag("--version", "throng-worker " THRONG_VERSION);
  app.require_subcommand(1);

  throng::RunCommand run_command;
  run_command.command_line = CommandLine(argc, argv);
  std::string retry_timeout = "10s";
  CLI::App* run = app.add_subcommand("run", "Runs a spec in the foreground, without a daemon.");
  run->add_option("--spec", run_command.spec_file, "The spec, YAML or JSON; - is standard input.")
      ->required();
  run->add_option("--plugin-dir", run_command.plugin_folders,
                  "A folder of plugins, instead of those that came with this binary; repeatable.");
  run->add_option("--threads", run_command.threads,
                  "Threads that fill and encode rows; 0: as the spec says, or one a CPU.")
      ->check(CLI::Range(0, 256));
  run->add_option("--retry-timeout", retry_timeout,
                  "How long a sink that is full or out of reach is tried again.")
      ->capture_default_str();
  run->add_option("--again", run_command.again,
                  "Any word: sends to a topic once more, as another run. The same word again goes "
                  "on with that run.")
      ->type_name("WORD");
  run->add_flag("--quiet", run_command.is_quiet, "Only warnings and errors.");
  run->footer(
      "Examples:\n"
      "  throng-worker run --spec deploy/seed.yaml\n"
      "  throng-worker run --spec - --threads 1 < my.yaml\n"
      "The same command again goes on where an earlier one ended.\n"
      "Exit codes: 0 done, 1 failed, 2 the request is wrong, 130 interrupted.");

  throng::DescribeCommand describe_command;
  std::string describe_format = "table";
  CLI::App* describe = app.add_subcommand("describe", "Shows what a plugin has to offer.");
  describe->add_option("FILE", describe_command.file, "The plugin, a shared library.")->required();
  describe->add_option("-o,--output", describe_format, "How to print it.")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  describe->footer(
      "Examples:\n"
      "  throng-worker describe ./zipf.so\n"
      "  throng-worker describe ./zipf.so -o json\n"
      "Exit codes: 0 done, 1 the plugin cannot be loaded, 2 the request is wrong.");

  throng::CheckRequest check_request;
  check_request.seed = std::random_device()();
  std::string time_limit = "30s";
  CLI::App* check = app.add_subcommand("check", "Checks that a plugin keeps the contract.");
  bool is_list = false;
  CLI::Option* checked =
      check->add_option("FILE", check_request.file, "The plugin, a shared library.");
  check->add_flag("--list", is_list, "Prints the names of all checks, and makes none.")
      ->excludes(checked);
  check
      ->add_option("--set", check_request.settings,
                   "COMPONENT.OPTION=VALUE; {dir} in the value stands for an empty folder; "
                   "repeatable.")
      ->allow_extra_args(false);
  check->add_option(
      "--read", check_request.read,
      "A command that prints what a sink's {dir} holds, for comparison with what was written: of a "
      "stream its bytes, of messages a line each, key, tab, value, where \\t \\n \\r \\\\ and "
      "\\xHH "
      "stand for such bytes. Messages of one key are printed in order.");
  check->add_option("--seed", check_request.seed,
                    "Of the values of options that are drawn at random; the same ones for the same "
                    "seed. Without it: another one each time.");
  check->add_option("--only", check_request.only, "Only checks with this text in their lines.");
  check->add_flag("--in-process", check_request.is_in_process,
                  "For a debugger: makes the checks in this process, which a crash then ends.");
  check->add_flag("--quiet", check_request.is_quiet, "Only what failed.");
  check->add_option("--time-limit", time_limit, "For each check.")->capture_default_str();
  check->footer(
      "Examples:\n"
      "  throng-worker check ./zipf.so\n"
      "  throng-worker check ./file.so --set 'file.path={dir}/data'\n"
      "  throng-worker check ./log.so --set 'log.path={dir}/log' --read 'print-log {dir}/log'\n"
      "  gdb --args throng-worker check ./zipf.so --in-process --only 'far out'\n"
      "Each check runs in a process of its own: a crash is its result.\n"
      "Exit codes: 0 the plugin keeps the contract, 1 it does not, 2 the request is wrong.");

  // How throngd starts a worker; of no use to people.
  CLI::App* serve = app.add_subcommand("serve", "")->group("");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (serve->parsed()) return throng::ExecuteServe();
  if (describe->parsed()) {
    describe_command.is_json = describe_format == "json";
    return throng::ExecuteDescribe(describe_command);
  }
  if (check->parsed() && is_list) {
    for (const std::string& name : throng::CheckNames()) fmt::print("{}\n", name);
    return 0;
  }
  if (check->parsed()) {
    if (check_request.file.empty()) {
      fmt::print(stderr, "check: give the FILE of a plugin, or --list.\n");
      return 2;
    }
    const auto limit = throng::ParseDuration(time_limit);
    if (!limit || *limit == 0) {
      fmt::print(stderr, "--time-limit: is \"{}\"; write a duration such as 30s.\n", time_limit);
      return 2;
    }
    check_request.time_limit = std::chrono::milliseconds(*limit);
    return throng::ExecuteCheck(check_request);
  }
  const auto timeout = throng::ParseDuration(retry_timeout);
  if (!timeout) {
    fmt::print(stderr, "--retry-timeout: is \"{}\"; write a duration such as 10s.\n",
               retry_timeout);
    return 2;
  }
  run_command.retry_timeout = std::chrono::milliseconds(*timeout);
  if (run_command.plugin_folders.empty())
    run_command.plugin_folders = {throng::DefaultPluginFolder()};
  return throng::ExecuteRun(run_command);
}
