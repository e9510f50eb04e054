// What flags of several commands have in common. Beside the files *_flags.cc that add commands and
// command_line.cc, the only one that knows CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/commands.h"
#include "client/daemon_access.h"
#include "client/print.h"
#include "client/spec_flags.h"

namespace throng {

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 the job failed, 2 the request is wrong, 3 no daemon, 4 not found or "
    "wrong "
    "state, 5 timed out, 130 interrupted.";

// One of the words between the bars, which are the option's type_name as well.
CLI::Validator OneOf(const std::string& words);
CLI::Validator AtLeast(int64_t least);
// 50k and the like, as digits. CLI11 checks these.
CLI::Validator AsCount();

// KEY=VALUE; the value may be empty.
CLI::Validator AsPair();

// -o, and the daemon; `is_one_shot`: a private one does as well.
void AddFormat(CLI::App* app, PrintFormat* format);
void AddTimeout(CLI::App* app, std::chrono::milliseconds* timeout, const char* doc);
// --report.
void AddReport(CLI::App* app, std::string* path);
void AddAddress(CLI::App* app, DaemonFlags* daemon, bool is_one_shot);
// Its part about TLS; the environment's variables stand for flags if `has_variables`.
void AddTls(CLI::App* app, TlsFlags* tls, bool has_variables);

// The dataset of a spec, and where it is delivered to; `otherwise`: what is done without --to.
void AddDataset(CLI::App* app, SpecFlags* spec);
void AddDelivery(CLI::App* app, SpecFlags* spec, const std::string& otherwise);

// A flag that may be given again.
CLI::Option* AddRepeatable(CLI::App* app, const char* flag, std::vector<std::string>* values,
                           const char* kind, const char* doc);

// What the command is named for; several if `value` is a list.
template <class Value>
CLI::Option* AddOperand(CLI::App* app, Value* value, const char* kind) {
  return app->add_option("NAME", *value, "Its name.")->required()->type_name(kind);
}

// Takes what executes the command that is given.
using Choose = std::function<void(std::function<int()>)>;

// The command's struct, alive as long as it can be chosen.
template <class Command>
Command* Remember(CLI::App* app, const Choose& choose, int (*execute)(Command)) {
  auto command = std::make_shared<Command>();
  app->callback(
      [choose, command, execute] { choose([command, execute] { return execute(*command); }); });
  return command.get();
}
template <class Command>
Command* Remember(CLI::App* app, const Choose& choose, int (*execute)(const Command&)) {
  auto command = std::make_shared<Command>();
  app->callback(
      [choose, command, execute] { choose([command, execute] { return execute(*command); }); });
  return command.get();
}

// A command that takes at most one operand, of that kind; none if it is empty.
CLI::App* AddNamed(CLI::App* parent, const Choose& choose, const char* name, const char* doc,
                   int (*execute)(const NamedCommand&), const char* kind, bool is_one_shot);

}  // namespace throng
