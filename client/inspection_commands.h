// The commands that look at data, as commands.h has the others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/daemon_access.h"
#include "client/print.h"
#include "throng/v1/inspection.pb.h"

namespace throng {

// What all of them that read have in common.
struct ReadFlags {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::vector<std::string> places;
  std::vector<std::string> maps;  // --map
  bool is_quiet = false;
};

struct StatsCommand {
  ReadFlags read;
  std::optional<std::string> file;  // -f: the spec that data were made from
  std::vector<std::string> states;  // --merge: states to put together
  std::string state;                // --state: where to keep the state
  bool checks = false;              // --check
  std::string report;               // --report: where to
  std::vector<std::string> command_line;
};
int Stats(const StatsCommand& command);

struct VerifyCommand {
  ReadFlags read;
  std::optional<std::string> file;  // -f, --against
  std::string run;                  // --run
  bool any_order = false;
};
int Verify(const VerifyCommand& command);

struct TapCommand {
  ReadFlags read;  // of one place
  std::optional<int64_t> limit;
  bool from_beginning = false;
  bool follows = true;  // a topic, that is
  std::string group;
};
int Tap(const TapCommand& command);

struct ReplayCommand {
  ReadFlags read;  // of one place
  std::string output;
  std::optional<std::string> rate;
  int64_t delay_ms = 0;
  std::optional<int64_t> passes;  // 0: without end
  std::string again;              // as in GenerateCommand
  std::vector<std::string> command_line;
};
int Replay(ReplayCommand command);

struct DoctorCommand {
  DaemonFlags daemon;
  PrintFormat format = PrintFormat::kTable;
  std::string brokers;
  std::string topic;
  std::string output;  // --to, instead of both
};
int Doctor(const DoctorCommand& command);

}  // namespace throng
