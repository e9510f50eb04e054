// `throngctl runs`: create, list, get and update.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <vector>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_calls.h"
#include "client/run_columns.h"
#include "client/run_page.h"
#include "client/run_text.h"
#include "client/spec_calls.h"
#include "client/terminal.h"

namespace throng {
namespace {

// "1000/s", "live" or "max"; an empty pace is as fast as possible.
absl::StatusOr<v1::Pace> ParsePace(const std::string& text) {
  v1::Pace pace;
  if (text == "max") return pace;
  if (text == "live") {
    pace.mutable_live();
    return pace;
  }
  const auto number = ParseRate(text);
  if (!number.ok()) return number.status();
  double rate = 0;
  const char* const end = number->data() + number->size();
  const auto parsed = std::from_chars(number->data(), end, rate);
  if (parsed.ec != std::errc() || parsed.ptr != end || rate == 0) {
    return absl::InvalidArgumentError(fmt::format(
        "--rate {}: write rows a second, as 1000/s, or live, or max for as fast as possible.",
        text));
  }
  pace.set_rate(rate);
  return pace;
}

}  // namespace

int CreateRun(const CreateRunCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const auto source = ReadSource(command.spec, {}, &daemon);
  if (!source.ok()) return Fail(source.status());
  if (command.is_dry_run) return DryRun(*source, command.format, &daemon);
  v1::CreateRunRequest request;
  *request.mutable_source() = *source;
  request.set_run_id(ShortName(command.name));
  request.set_paused(command.is_paused);
  SetPairs(command.texts.labels, request.mutable_labels());
  SetPairs(command.texts.annotations, request.mutable_annotations());
  const auto answer = daemon.connection().CreateRun(request);
  if (!answer.ok()) return Fail(answer.status(), daemon);
  for (const std::string& warning : answer->run().warnings()) {
    std::fputs(("note: " + warning + "\n").c_str(), stderr);
  }
  PrintRun(command.format, answer->run());
  return kDone;
}

int ListRuns(const ListRunsCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  const auto runs = ListedRuns(&daemon.connection(), command.filter, command.order_by);
  if (!runs.ok()) return Fail(runs.status(), daemon);
  if (command.format == PrintFormat::kTable) {
    Out(RunsTable(*runs, command.columns, IsColorful(STDOUT_FILENO)));
    return kDone;
  }
  std::vector<Printed> list;
  list.reserve(runs->size());
  for (const v1::Run& run : *runs) list.push_back({&run, ShortName(run.name())});
  PrintList(command.format, list);
  return kDone;
}

int UpdateRun(const UpdateRunCommand& command) {
  std::optional<v1::Pace> pace;
  if (command.rate) {
    auto parsed = ParsePace(*command.rate);
    if (!parsed.ok()) return Fail(parsed.status());
    pace = *std::move(parsed);
  }
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::GetRunRequest get;
  get.set_name(FullName("runs", command.name));
  constexpr int kMostTries = 10;
  for (int tries = 1;; ++tries) {
    const auto found = daemon.connection().GetRun(get);
    if (!found.ok()) return Fail(found.status(), daemon);
    v1::UpdateRunRequest request;
    v1::Run* run = request.mutable_run();
    run->set_name(get.name());
    run->set_etag(found->run().etag());
    *run->mutable_labels() = found->run().labels();
    *run->mutable_annotations() = found->run().annotations();
    for (const std::string& key : command.removed_labels) run->mutable_labels()->erase(key);
    for (const std::string& key : command.removed_annotations) {
      run->mutable_annotations()->erase(key);
    }
    SetPairs(command.texts.labels, run->mutable_labels());
    SetPairs(command.texts.annotations, run->mutable_annotations());
    if (!command.texts.labels.empty() || !command.removed_labels.empty()) {
      request.mutable_update_mask()->add_paths("labels");
    }
    if (!command.texts.annotations.empty() || !command.removed_annotations.empty()) {
      request.mutable_update_mask()->add_paths("annotations");
    }
    if (pace) {
      if (pace->rate() != 0 || pace->has_live()) *run->mutable_spec()->mutable_pace() = *pace;
      request.mutable_update_mask()->add_paths("spec.pace");
    }
    if (command.threads) {
      run->mutable_spec()->set_threads(*command.threads);
      request.mutable_update_mask()->add_paths("spec.threads");
    }
    if (request.update_mask().paths().empty()) {
      return Fail(absl::InvalidArgumentError(
          "Nothing is to be changed; name it with --label, --annotation, --unset-label, "
          "--unset-annotation, --rate or --threads."));
    }
    const auto answer = daemon.connection().UpdateRun(request);
    // Somebody else was quicker: on top of what they made of it.
    if (absl::IsAborted(answer.status()) && tries < kMostTries) continue;
    if (!answer.ok()) return Fail(answer.status(), daemon);
    if (command.format == PrintFormat::kTable) {
      Out(RunText(answer->run(), IsColorful(STDOUT_FILENO)));
    } else {
      PrintRun(command.format, answer->run());
    }
    return kDone;
  }
}

int GetRun(const NamedCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  v1::GetRunRequest request;
  request.set_name(FullName("runs", command.name));
  const auto answer = daemon.connection().GetRun(request);
  if (!answer.ok()) return Fail(answer.status(), daemon);
  if (command.format == PrintFormat::kTable) {
    Out(RunText(answer->run(), IsColorful(STDOUT_FILENO)));
  } else {
    PrintRun(command.format, answer->run());
  }
  return kDone;
}

}  // namespace throng
