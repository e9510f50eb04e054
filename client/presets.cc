// `throngctl presets` and `throngctl version`.
#include <fmt/format.h>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_text.h"

namespace throng {
namespace {

// Whether the preset is one of behaviour; else it is a size.
bool IsBehaviour(const v1::Preset& preset) { return preset.kind() == v1::PRESET_KIND_BEHAVIOUR; }

}  // namespace

int ListPresets(const NamedCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const auto answer = daemon->connection().ListPresets({});
  if (!answer.ok()) return Fail(answer.status(), *daemon);
  if (command.format != PrintFormat::kTable) {
    std::vector<Printed> list;
    for (const v1::Preset& preset : answer->presets()) {
      list.push_back({&preset, ShortName(preset.name())});
    }
    PrintList(command.format, list);
    return kDone;
  }
  TextTable table({"NAME", "FLAG", "MEANING"});
  for (const v1::Preset& preset : answer->presets()) {
    table.Add(
        {ShortName(preset.name()), IsBehaviour(preset) ? "--preset" : "--size", preset.doc()});
  }
  Out(table.ToText());
  return kDone;
}

// A complete spec to start from: what is planned when nothing but the preset is named.
int GetPreset(const NamedCommand& command) {
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) return Fail(daemon.status());
  const auto presets = daemon->connection().ListPresets({});
  if (!presets.ok()) return Fail(presets.status(), *daemon);
  for (const v1::Preset& preset : presets->presets()) {
    if (preset.name() != FullName("presets", command.name)) continue;
    SpecFlags flags;
    (IsBehaviour(preset) ? flags.preset : flags.size) = ShortName(preset.name());
    v1::PlanRequest request;
    *request.mutable_source() = MakeSource(flags, "", {std::string(kDefaultOutput)}).source;
    const auto planned = daemon->connection().Plan(request);
    if (!planned.ok()) return Fail(planned.status(), *daemon);
    const v1::RunSpec& spec = planned->plan().spec();
    if (command.format == PrintFormat::kTable) {
      Out(fmt::format("# {}: {}\n{}", ShortName(preset.name()), preset.doc(), YamlOf(spec)));
    } else {
      PrintOne(command.format, {&spec, ShortName(preset.name())});
    }
    return kDone;
  }
  return Fail(absl::NotFoundError(
      fmt::format("There is no preset {}; `throngctl presets list` shows those that there are.",
                  command.name)));
}

int Version(const NamedCommand& command) {
  std::string daemon_version;
  int exit_code = kDone;
  auto daemon = Daemon::OneShot(command.daemon);
  if (!daemon.ok()) {
    exit_code = Fail(daemon.status());
  } else if (const auto answer = daemon->connection().ListPresets({}); answer.ok()) {
    daemon_version = answer->daemon_version();
  } else {
    exit_code = Fail(answer.status(), *daemon);
  }
  const std::string daemon_text = daemon_version.empty() ? "unknown" : daemon_version;
  switch (command.format) {
    case PrintFormat::kTable:
      Out(fmt::format("throngctl {}\nthrongd   {}\n", THRONG_VERSION, daemon_text));
      break;
    case PrintFormat::kJson:
    case PrintFormat::kJsonLines:
      Out(fmt::format("{{\"client\": \"{}\", \"daemon\": \"{}\"}}\n", THRONG_VERSION,
                      daemon_version));
      break;
    case PrintFormat::kYaml:
      Out(fmt::format("client: {}\ndaemon: {}\n", THRONG_VERSION, daemon_text));
      break;
    case PrintFormat::kName:
      Out(THRONG_VERSION "\n");
      break;
  }
  return exit_code;
}

}  // namespace throng
