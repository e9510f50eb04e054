// The jobs about runs: delivering one, and asking or resetting its positions.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/inspection/checklist.h"
#include "server/spec/problem.h"
#include "server/spec/spec_request.h"
#include "server/worker/jobs.h"
#include "server/worker/messages.h"

namespace throng {
namespace {

constexpr std::chrono::milliseconds kWait{1'000};

SpecRequest RequestOf(const worker::v1::RunJob& job) {
  return {.source = job.has_source() ? &job.source() : nullptr,
          .asked = job.has_asked() ? &job.asked() : nullptr,
          .needs_outputs = !job.dataset_only()};
}

// The run of a spec, or what is wrong with it.
std::unique_ptr<Run> MakeRun(const v1::RunSpec& spec, const Catalogue& catalogue,
                             const Environment& environment, int64_t now, Problems* problems) {
  if (problems->empty()) return Run::Create(spec, catalogue, environment, now, problems);
  Run::CheckComponents(spec, catalogue, environment, now, problems);  // all mistakes at once
  return nullptr;
}

absl::Status CheckFingerprint(const std::string& expected, const Plan& plan) {
  const std::string ours = ToHex(plan.fingerprint());
  if (expected.empty() || expected == ours) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "This run was planned by plugins, a processor or a C library that make other rows "
      "(fingerprint {} instead of {}). Go on where it was begun, or create a new run.",
      ours.substr(0, 16), expected.substr(0, 16)));
}

}  // namespace

worker::v1::Finished Execute(const worker::v1::RunJob& job, const worker::v1::Start& start,
                             const Catalogue& catalogue, JobControl* control) {
  Problems problems;
  const auto asked = ReadSpecRequest(RequestOf(job), &problems);
  if (!asked) return AsFinished(problems);
  const auto run = MakeRun(*asked, catalogue, *control->environment(), job.now_ms(), &problems);
  if (run != nullptr && job.has_source()) run->CheckPaths(&problems);
  if (!problems.empty()) return AsFinished(problems);
  if (absl::Status status = CheckFingerprint(job.fingerprint(), run->plan()); !status.ok()) {
    return AsFinished(status);
  }
  run->SetUid(job.uid());
  run->SetAgain(job.again());
  {
    worker::v1::FromWorker message;
    worker::v1::Planned* planned = message.mutable_planned();
    *planned->mutable_plan() = PlanMessage(run->plan(), run.get());
    *planned->mutable_asked() = *asked;
    // Decided once and for all.
    planned->mutable_asked()->mutable_dataset()->set_plan_size(run->plan().spec().plan_size());
    planned->set_uid(run->Uid());
    control->Send(message);
  }
  if (!control->AwaitBegin()) return {};
  control->OnTune([&run](const worker::v1::Tune& tune) {
    run->Tune(tune.pace(), tune.profile_start_ms(), tune.threads());
  });

  const auto all = [&](OutputState state) {
    for (const auto& output : run->outputs()) output->monitor()->SetState(state);
  };
  control->Show(run.get());
  if (control->IsPaused()) all(OutputState::kPaused);
  if (control->AwaitResume()) {
    all(OutputState::kStarting);
    run->OpenAndStart(std::chrono::milliseconds(start.retry_timeout_ms()));
    while (!run->HasEnded()) run->Wait(kWait);
  } else {
    all(OutputState::kStopped);
  }

  worker::v1::Finished finished;
  for (const auto& output : run->outputs()) {
    *finished.add_outputs() = StatusMessage(*output);
    const auto& statistics = output->statistics();
    if (!statistics) continue;
    v1::GetRunStatisticsResponse* final = finished.add_statistics();
    final->set_output(output->name());
    *final->mutable_statistics() = *statistics;
    *final->mutable_checklist() = MakeChecklist(*statistics, run->plan());
    final->set_is_final(true);
  }
  control->OnTune({});
  control->Show(nullptr);
  return finished;
}

worker::v1::Finished Execute(const worker::v1::PositionsJob& job, const Catalogue& catalogue,
                             JobControl* control) {
  Problems problems;
  const auto run =
      MakeRun(job.asked(), catalogue, *control->environment(), job.now_ms(), &problems);
  if (run == nullptr) return AsFinished(problems);
  run->SetUid(job.uid());
  std::vector<std::string> names;
  for (const auto& output : run->outputs()) names.push_back(output->name());
  for (const std::string& name : job.reset()) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return AsFinished(absl::NotFoundError(
          fmt::format("The run has no output `{}`.{}", name, DidYouMean(name, names))));
    }
    const auto& output = run->outputs()[static_cast<size_t>(found - names.begin())];
    if (absl::Status status = output->Reset(run->Uid()); !status.ok()) {
      return AsFinished(
          absl::Status(status.code(), fmt::format("output `{}`: {}", name, MessageOf(status))));
    }
  }
  worker::v1::FromWorker message;
  for (const auto& output : run->outputs()) {
    v1::Position* position = message.mutable_positions()->add_positions();
    position->set_output(output->name());
    position->set_place(output->place());
    const auto opened = output->Peek(run->Uid());
    if (!opened.ok()) {
      position->set_reason(MessageOf(opened.status()));
      continue;
    }
    if (opened->position) position->set_row(*opened->position);
    position->set_is_complete(opened->is_complete);
  }
  control->Send(message);
  return {};
}

}  // namespace throng
