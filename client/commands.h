// The commands of throngctl. Each returns the process's exit code (exit_code.h), prints data on
// stdout and everything else on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/daemon_access.h"
#include "client/print.h"
#include "client/spec_flags.h"

namespace throng {

// One-shot commands.

struct GenerateCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;  // of is_dry_run
  bool is_dry_run = false;
  bool is_quiet = false;
  std::chrono::milliseconds timeout{0};  // 0: as long as it takes
  std::string report;                    // empty: none
  std::string again;  // empty: not; "true": once more, by a word that is still to be found
  std::vector<std::string> command_line;  // to say how to go on
};
int Generate(GenerateCommand command);

struct PreviewCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;
  std::vector<std::string> columns = {"user_id", "item_id", "rating", "timestamp"};
  int64_t rows = 10;
  int64_t from = 0;
};
int Preview(const PreviewCommand& command);

struct ValidateCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;
};
int Validate(const ValidateCommand& command);

struct ColumnsCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;
};
int ListColumns(const ColumnsCommand& command);

// A command that needs no more than a daemon and perhaps a name.
struct NamedCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
};
int ListPlugins(const NamedCommand& command);
int GetPlugin(const NamedCommand& command);
// Executes `throng-worker check`, which is where the file can be loaded; returns only if it cannot.
int CheckPlugin(const std::vector<std::string>& arguments);
int ListPresets(const NamedCommand& command);
int GetPreset(const NamedCommand& command);
int Version(const NamedCommand& command);

struct DrainCommand {
  DaemonFlags daemon;
  std::chrono::milliseconds timeout{60'000};
};
int Drain(const DrainCommand& command);

// Daemons by name. None of them is called.
struct ContextCommand {
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  std::string address;
  TlsFlags tls;
  bool is_none = false;  // --none
};
int ListContexts(const ContextCommand& command);
int AddContext(const ContextCommand& command);
int UseContext(const ContextCommand& command);
int RemoveContext(const ContextCommand& command);

// Runs of a shared daemon.

// KEY=VALUE each.
struct RunTexts {
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
};

struct CreateRunCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;
  std::string name;  // empty: the daemon finds one
  RunTexts texts;
  bool is_paused = false;
  bool is_dry_run = false;
};
int CreateRun(const CreateRunCommand& command);

struct ApplyCommand {
  DaemonFlags daemon;
  SpecFlags spec;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  RunTexts texts;          // to be set; others stay
  bool is_paused = false;  // where it is created
  bool is_dry_run = false;
};
int ApplyRun(const ApplyCommand& command);

struct ListRunsCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::vector<std::string> columns;  // of a table
  std::string filter;                // empty: all
  std::string order_by;              // empty: by name
};
int ListRuns(const ListRunsCommand& command);

struct UpdateRunCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  RunTexts texts;                   // to be set
  std::optional<std::string> rate;  // 1000/s, live or max
  std::optional<int32_t> threads;
  std::vector<std::string> removed_labels;       // keys
  std::vector<std::string> removed_annotations;  // keys
};
int UpdateRun(const UpdateRunCommand& command);

int GetRun(const NamedCommand& command);
int DescribeRun(const NamedCommand& command);

enum class RunVerb { kPause, kResume, kStop, kRestart, kDelete };
struct VerbCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  RunVerb verb = RunVerb::kPause;
  std::vector<std::string> names;  // at least one, unless is_all
  bool is_all = false;             // --all, --filter
  std::string filter;
  bool is_confirmed = false;  // --yes
};
int Execute(const VerbCommand& command);

int WatchRun(const NamedCommand& command);

struct WaitCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::vector<std::string> names;                   // at least one
  std::vector<std::string> states = {"succeeded"};  // any of them; or "ended", "deleted"
  std::chrono::milliseconds timeout{0};             // 0: as long as it takes
};
int WaitForRuns(const WaitCommand& command);

struct StatisticsCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  std::string output;  // empty: the first of interactions
};
int ShowStatistics(const StatisticsCommand& command);

struct LogsCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  int32_t tail_lines = 0;  // 0: all
  bool follows = false;
};
int ReadLogs(const LogsCommand& command);

struct PositionsCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string name;
  bool is_reset = false;
  bool is_confirmed = false;         // --yes
  std::vector<std::string> outputs;  // to reset; none: all
};
int Positions(const PositionsCommand& command);

}  // namespace throng
