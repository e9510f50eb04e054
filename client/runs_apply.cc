// `throngctl runs apply`: a run as a spec says, whether it is there or not.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_calls.h"
#include "client/run_text.h"
#include "client/spec_calls.h"
#include "client/spec_diff.h"

namespace throng {
namespace {

using nlohmann::ordered_json;

constexpr int kMostTries = 10;  // against others who change the run meanwhile

bool IsRefused(const RunChange& change) { return !change.refusal.empty(); }

// `action`: created, updated, unchanged or refused.
void Print(const ApplyCommand& command, const std::string& action,
           const std::vector<RunChange>& changes) {
  const std::string name = ShortName(command.name);
  if (command.format == PrintFormat::kName) {
    Out(name + "\n");
    return;
  }
  if (command.format != PrintFormat::kTable) {
    ordered_json list = ordered_json::array();
    for (const RunChange& change : changes) {
      ordered_json entry = {{"field", change.field}, {"from", change.from}, {"to", change.to}};
      if (IsRefused(change)) entry["refusal"] = change.refusal;
      list.push_back(std::move(entry));
    }
    PrintJson(command.format, {{"name", name},
                               {"action", action},
                               {"dry_run", command.is_dry_run},
                               {"changes", std::move(list)}});
    return;
  }
  if (!changes.empty()) {
    TextTable table({"FIELD", "IS", "BECOMES", "REMARK"});
    for (const RunChange& change : changes) {
      table.Add({change.field, change.from, change.to,
                 IsRefused(change) ? "refused: " + change.refusal : ""});
    }
    Out(table.ToText());
  }
  const bool is_promise = command.is_dry_run && action != "unchanged";
  Out(fmt::format("{}: {}{}\n", name, is_promise ? "would be " : "", action));
}

int Create(const ApplyCommand& command, v1::CreateRunRequest request, Daemon* daemon) {
  if (!command.is_dry_run) {
    request.set_validate_only(false);
    request.set_run_id(ShortName(command.name));
    request.set_paused(command.is_paused);
    const auto answer = daemon->connection().CreateRun(request);
    if (!answer.ok()) return Fail(answer.status(), *daemon);
    for (const std::string& warning : answer->run().warnings()) {
      std::fputs(("note: " + warning + "\n").c_str(), stderr);
    }
  }
  Print(command, "created", {});
  return kDone;
}

int Refuse(const ApplyCommand& command, const std::vector<RunChange>& changes) {
  Print(command, "refused", changes);
  std::string text;
  for (const RunChange& change : changes) {
    if (!IsRefused(change)) continue;
    text += fmt::format("{}: cannot become {}: {}.\n", change.field, change.to, change.refusal);
  }
  const std::string name = ShortName(command.name);
  return Fail(
      kWrongState,
      fmt::format("{}Nothing was changed. Apply it under another --name, or delete {} first "
                  "(`throngctl runs delete {}`; what it delivered stays).",
                  text, name, name));
}

// What changes a run to what is wanted of it; the mask names what.
v1::UpdateRunRequest Update(const v1::Run& is, const v1::CreateRunRequest& request,
                            const v1::RunSpec& wanted, const std::vector<RunChange>& changes) {
  v1::UpdateRunRequest update;
  v1::Run* run = update.mutable_run();
  run->set_name(is.name());
  run->set_etag(is.etag());
  *run->mutable_labels() = is.labels();
  *run->mutable_annotations() = is.annotations();
  for (const auto& [key, value] : request.labels()) (*run->mutable_labels())[key] = value;
  for (const auto& [key, value] : request.annotations()) (*run->mutable_annotations())[key] = value;
  if (wanted.has_pace()) *run->mutable_spec()->mutable_pace() = wanted.pace();
  run->mutable_spec()->set_threads(wanted.threads());
  const auto add = [&](std::string_view prefix, const char* path) {
    for (const RunChange& change : changes) {
      if (!change.field.starts_with(prefix)) continue;
      update.mutable_update_mask()->add_paths(path);
      return;
    }
  };
  add("labels.", "labels");
  add("annotations.", "annotations");
  add("pace.", "spec.pace");
  add("threads", "spec.threads");
  return update;
}

}  // namespace

int ApplyRun(const ApplyCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const auto source = ReadSource(command.spec, {}, &daemon);
  if (!source.ok()) return Fail(source.status());
  v1::CreateRunRequest request;
  *request.mutable_source() = *source;
  request.set_validate_only(true);
  SetPairs(command.texts.labels, request.mutable_labels());
  SetPairs(command.texts.annotations, request.mutable_annotations());
  const auto planned = daemon.connection().CreateRun(request);
  if (!planned.ok()) return Fail(planned.status(), daemon);
  const v1::RunSpec& wanted = planned->run().spec();
  v1::GetRunRequest get;
  get.set_name(FullName("runs", command.name));
  for (int tries = 1;; ++tries) {
    const auto found = daemon.connection().GetRun(get);
    if (absl::IsNotFound(found.status())) return Create(command, request, &daemon);
    if (!found.ok()) return Fail(found.status(), daemon);
    const v1::Run& run = found->run();
    std::vector<RunChange> changes = DiffSpecs(run.spec(), wanted, HasRelativeTimes(*source));
    for (const auto& texts : {DiffTexts("labels", run.labels(), request.labels()),
                              DiffTexts("annotations", run.annotations(), request.annotations())}) {
      changes.insert(changes.end(), texts.begin(), texts.end());
    }
    if (std::any_of(changes.begin(), changes.end(), IsRefused)) return Refuse(command, changes);
    if (changes.empty() || command.is_dry_run) {
      Print(command, changes.empty() ? "unchanged" : "updated", changes);
      return kDone;
    }
    const auto answer = daemon.connection().UpdateRun(Update(run, request, wanted, changes));
    // Somebody else was quicker: on top of what they made of it.
    if (absl::IsAborted(answer.status()) && tries < kMostTries) continue;
    if (!answer.ok()) return Fail(answer.status(), daemon);
    Print(command, "updated", changes);
    return kDone;
  }
}

}  // namespace throng
