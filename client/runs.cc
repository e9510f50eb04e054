// `throngctl runs`: create, list, get, and the verbs that change what is asked of a run.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "client/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/run_text.h"
#include "client/spec_calls.h"
#include "proto/option_text.h"

namespace throng {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  return TimestampText(time.seconds() * 1000);
}

std::string RunsTable(const std::vector<v1::Run>& runs) {
  TextTable table({"NAME", "STATE", "TARGET", "DONE", "ROWS", "ROWS/S", "CREATED"});
  for (const v1::Run& run : runs) {
    const RunProgress progress = ProgressOf(run);
    table.Add({ShortName(run.name()), StateText(run), TargetText(run.target_state()),
               PercentText(progress), std::to_string(progress.rows),
               fmt::format("{:.0f}", progress.rows_per_second), TimeText(run.create_time())});
  }
  return table.ToText();
}

// "team=x, trial=".
std::string PairsText(const google::protobuf::Map<std::string, std::string>& pairs) {
  std::string text;
  for (const auto& [key, value] : std::map<std::string, std::string>(pairs.begin(), pairs.end())) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  }
  return text;
}

std::string PaceText(const v1::Run& run) {
  const v1::Pace& pace = run.spec().pace();
  double asked = 0;
  int64_t lag_ms = 0;
  for (const v1::OutputStatus& output : run.outputs()) {
    asked = std::max(asked, output.asked_rows_per_second());
    lag_ms = std::max(lag_ms, output.lag().seconds() * 1000 + output.lag().nanos() / 1'000'000);
  }
  if (pace.has_live()) {
    return fmt::format("live, {:.1f} s behind", static_cast<double>(lag_ms) / 1000);
  }
  if (!pace.profile().empty()) {
    return fmt::format("profile of {} steps, {:.6g} rows/s at present", pace.profile_size(), asked);
  }
  return pace.rate() > 0 ? fmt::format("{:.6g} rows/s", pace.rate()) : "";
}

std::string RunText(const v1::Run& run) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:13}{}\n", name, value);
  };
  line("Name:", ShortName(run.name()));
  line("State:",
       fmt::format("{} (asked to be {})", StateText(run), TargetText(run.target_state())));
  if (run.state() != v1::RUN_STATE_BLOCKED) line("Reason:", run.reason());  // its outputs say it
  line("Pace:", PaceText(run));
  line("Created:", TimeText(run.create_time()));
  if (run.has_update_time()) line("Updated:", TimeText(run.update_time()));
  if (run.has_start_time()) line("Started:", TimeText(run.start_time()));
  if (run.has_end_time()) line("Ended:", TimeText(run.end_time()));
  line("Labels:", PairsText(run.labels()));
  line("Annotations:", PairsText(run.annotations()));
  line("Restarts:", std::to_string(run.restarts()));
  line("Fingerprint:", run.fingerprint());
  for (const std::string& warning : run.warnings()) line("Note:", warning);
  TextTable table({"OUTPUT", "STATE", "POSITION", "ROWS", "OF", "ROWS/S", "PLACE"});
  for (const v1::OutputStatus& output : run.outputs()) {
    table.Add({output.name(), StateText(output.state()), std::to_string(output.position()),
               std::to_string(output.rows()),
               output.total_rows() < 0 ? "-" : std::to_string(output.total_rows()),
               fmt::format("{:.0f}", output.rows_per_second()),
               output.place().empty() ? "-" : output.place()});
  }
  text += "\n" + table.ToText();
  for (const v1::OutputStatus& output : run.outputs()) {
    if (!output.reason().empty()) {
      text += fmt::format("output {}: {}\n", output.name(), output.reason());
    }
  }
  return text;
}

// KEY=VALUE each, into a map.
void SetPairs(const std::vector<std::string>& pairs,
              google::protobuf::Map<std::string, std::string>* map) {
  for (const std::string& pair : pairs) {
    const size_t sign = pair.find('=');
    (*map)[pair.substr(0, sign)] = pair.substr(sign + 1);
  }
}

void PrintRun(PrintFormat format, const v1::Run& run) {
  if (format == PrintFormat::kTable) {
    Out(RunsTable({run}));
  } else {
    PrintOne(format, {&run, ShortName(run.name())});
  }
}

// The run after the verb; of a deleted one its name is left.
absl::StatusOr<v1::Run> Apply(RunVerb verb, const std::string& name, Connection* connection) {
  const auto call = [&](auto method, auto request) -> absl::StatusOr<v1::Run> {
    request.set_name(name);
    const auto answer = (connection->*method)(request);
    if (!answer.ok()) return answer.status();
    return answer->run();
  };
  switch (verb) {
    case RunVerb::kPause:
      return call(&Connection::PauseRun, v1::PauseRunRequest());
    case RunVerb::kResume:
      return call(&Connection::ResumeRun, v1::ResumeRunRequest());
    case RunVerb::kStop:
      return call(&Connection::StopRun, v1::StopRunRequest());
    case RunVerb::kRestart:
      return call(&Connection::RestartRun, v1::RestartRunRequest());
    case RunVerb::kDelete:
      break;
  }
  v1::DeleteRunRequest request;
  request.set_name(name);
  if (const auto answer = connection->DeleteRun(request); !answer.ok()) return answer.status();
  v1::Run run;
  run.set_name(name);
  return run;
}

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
  std::vector<v1::Run> runs;
  v1::ListRunsRequest request;
  request.set_filter(command.filter);
  request.set_order_by(command.order_by);
  do {
    auto page = daemon.connection().ListRuns(request);
    if (!page.ok()) return Fail(page.status(), daemon);
    for (v1::Run& run : *page->mutable_runs()) runs.push_back(std::move(run));
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (command.format == PrintFormat::kTable) {
    Out(RunsTable(runs));
    return kDone;
  }
  std::vector<Printed> list;
  list.reserve(runs.size());
  for (const v1::Run& run : runs) list.push_back({&run, ShortName(run.name())});
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
      Out(RunText(answer->run()));
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
    Out(RunText(answer->run()));
  } else {
    PrintRun(command.format, answer->run());
  }
  return kDone;
}

// Every name is tried; the first failure is the exit code.
int Execute(const VerbCommand& command) {
  Daemon daemon = Daemon::Shared(command.daemon);
  int exit_code = kDone;
  for (const std::string& name : command.names) {
    const auto run = Apply(command.verb, FullName("runs", name), &daemon.connection());
    if (!run.ok()) {
      const int failure = Fail(run.status(), daemon);
      if (exit_code == kDone) exit_code = failure;
    } else if (command.verb == RunVerb::kDelete && command.format == PrintFormat::kTable) {
      Out(fmt::format("Deleted {}.\n", ShortName(run->name())));
    } else {
      PrintRun(command.format, *run);
    }
  }
  return exit_code;
}

}  // namespace throng
