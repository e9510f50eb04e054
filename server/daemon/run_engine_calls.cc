// RunEngine: what needs a worker's answer.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <random>
#include <utility>

#include "server/control/digest.h"
#include "server/daemon/errors.h"
#include "server/daemon/run_engine.h"
#include "server/daemon/wall_clock.h"
#include "server/spec/problem.h"

namespace throng {
namespace {

constexpr std::string_view kRuns = "runs/";

std::string NewUid() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// 1 to 63 of a-z, 0-9 and `-`, from a letter to a letter or digit (RFC 1123's labels).
bool IsRunId(std::string_view id) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !id.empty() && id.size() <= 63 && is_letter(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

// Of what a request with a request_id asks for; empty: it has none.
std::string DigestOf(const v1::CreateRunRequest& request) {
  if (request.request_id().empty()) return "";
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  return Digest().Add(bytes).Hex();
}

// A run as it will be, from what its worker has planned.
daemon::v1::RunRecord RecordOf(const worker::v1::Planned& planned, const std::string& name,
                               const v1::CreateRunRequest& request, int64_t now_ms) {
  daemon::v1::RunRecord record;
  record.set_now_ms(now_ms);
  record.set_request_id(request.request_id());
  record.set_request_sha256(DigestOf(request));
  *record.mutable_asked() = planned.asked();
  v1::Run* run = record.mutable_run();
  run->set_name(name);
  run->set_uid(planned.uid());
  run->set_target_state(request.paused() ? v1::TARGET_STATE_PAUSED : v1::TARGET_STATE_RUNNING);
  run->set_state(request.paused() ? v1::RUN_STATE_PAUSED : v1::RUN_STATE_STARTING);
  *run->mutable_spec() = planned.plan().spec();
  run->set_fingerprint(planned.plan().fingerprint());
  *run->mutable_plugins() = planned.plan().plugins();
  *run->mutable_warnings() = planned.plan().warnings();
  SetTime(now_ms, run->mutable_create_time());
  for (const v1::OutputPlan& plan : planned.plan().outputs()) {
    v1::OutputStatus* output = run->add_outputs();
    output->set_name(plan.name());
    output->set_place(plan.place());
    output->set_total_rows(plan.rows());
    output->set_state(request.paused() ? v1::OUTPUT_STATE_PAUSED : v1::OUTPUT_STATE_STARTING);
  }
  return record;
}

std::vector<std::string> OutputNames(const v1::Run& run) {
  std::vector<std::string> names;
  for (const v1::OutputStatus& output : run.outputs()) names.push_back(output.name());
  return names;
}

absl::Status RequireOutput(const v1::Run& run, std::string_view field, const std::string& output) {
  const std::vector<std::string> known = OutputNames(run);
  if (std::find(known.begin(), known.end(), output) != known.end()) return absl::OkStatus();
  return InvalidField(
      field, fmt::format("There is no output \"{}\".{}", output, DidYouMean(output, known)));
}

}  // namespace

RunEngine::AskedWorker::AskedWorker(RunEngine* engine, const worker::v1::Start& start, int* row_fd)
    : engine_(engine) {
  const std::lock_guard lock(engine_->mutex_);
  if (engine_->is_stopping_) {
    call_->Cancel(Stopping());
    return;
  }
  LaunchOptions options;
  options.row_fd = row_fd;
  options.call_limit = engine_->parts_.config.call_limit;
  id_ = engine_->parts_.workers->Launch(start, call_, options);
  engine_->calls_.insert(call_.get());
}

RunEngine::AskedWorker::~AskedWorker() {
  const std::lock_guard lock(engine_->mutex_);
  engine_->calls_.erase(call_.get());
  if (id_ != 0 && !is_let_go_) engine_->parts_.workers->Kill(id_);
}

absl::Status RunEngine::WaitToPlan(const CallContext& context,
                                   std::optional<PlanningQueue::Turn>* turn) {
  auto got = planning_.Wait(context);
  if (!got.ok()) return got.status();
  turn->emplace(*std::move(got));
  return absl::OkStatus();
}

absl::StatusOr<worker::v1::FromWorker> RunEngine::AskWorker(const worker::v1::Start& start,
                                                            const CallContext& context) {
  AskedWorker worker(this, start);
  return worker.Answer(context);
}

// ---- Runs to be ----

std::string RunEngine::FreeId() const {
  for (size_t i = runs_.size() + 1;; ++i) {
    std::string name = fmt::format("{}run-{}", kRuns, i);
    if (!runs_.contains(name)) return name;
  }
}

absl::StatusOr<v1::Run> RunEngine::CreateRun(const v1::CreateRunRequest& request,
                                             const CallContext& context) {
  if (!request.run_id().empty() && !IsRunId(request.run_id())) {
    return InvalidField("run_id", fmt::format("Must be 1 to 63 of a-z, 0-9 and `-`, from a letter "
                                              "to a letter or digit, found \"{}\".",
                                              request.run_id()));
  }
  if (request.request_id().size() > 64) {
    return InvalidField("request_id", "Must be at most 64 bytes long; a UUID will do.");
  }
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  {
    const std::lock_guard lock(mutex_);
    auto existing = FindTaken(request);
    if (!existing.ok()) return existing.status();
    if (*existing) return **std::move(existing);
  }

  const auto snapshot = parts_.index->Refresh();
  const int64_t now_ms = NowMs();
  worker::v1::Start start = NewStart();
  snapshot->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(now_ms);
  start.mutable_run()->set_again(request.again());
  if (!parts_.is_ephemeral) start.mutable_run()->set_uid(NewUid());
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = WaitToPlan(context, &turn); !status.ok()) return status;
  AskedWorker worker(this, start);
  const auto answer = worker.Answer(context);
  turn.reset();
  if (!answer.ok()) return answer.status();

  EntryPtr entry;
  v1::Run created;
  {
    const std::lock_guard lock(mutex_);
    auto existing = FindTaken(request);  // meanwhile
    if (!existing.ok()) return existing.status();
    if (*existing) return **std::move(existing);
    if (context.cancelled.stop_requested()) return NotAwaited(context);
    const std::string name =
        request.run_id().empty() ? FreeId() : std::string(kRuns) + request.run_id();
    daemon::v1::RunRecord record = RecordOf(answer->planned(), name, request, now_ms);
    if (request.validate_only()) return record.run();
    if (!parts_.is_ephemeral) {
      const std::vector<v1::PluginUse> used(record.run().plugins().begin(),
                                            record.run().plugins().end());
      absl::Status status = parts_.index->Keep(used, *snapshot);
      if (!status.ok()) {
        return MakeError(status.code(), "STATE_NOT_STORED", std::string(status.message()));
      }
      status = parts_.store->Put(record);
      ReportTrouble();
      if (!status.ok()) {
        parts_.index->Release(used);
        return status;
      }
    }
    entry = AddEntry(std::move(record));
    entry->worker = worker.id();
    worker.LetGo();
    (void)Do(entry, entry->controller.OnCreated());  // it was stored
    created = entry->Show();
  }
  worker.call()->HandOver(
      {[this, entry](const worker::v1::FromWorker& message) { OnMessage(entry, message); },
       [this, entry](const WorkerEnd& end) { OnEnded(entry, end); }});
  return created;
}

absl::StatusOr<std::optional<v1::Run>> RunEngine::FindTaken(
    const v1::CreateRunRequest& request) const {
  if (is_stopping_) return Stopping();
  const auto known =
      request.validate_only() ? requests_.end() : requests_.find(request.request_id());
  if (known != requests_.end()) {
    const EntryPtr& entry = runs_.at(known->second);
    const std::string& digest = entry->controller.record().request_sha256();
    // Records of earlier versions have no digest.
    if (digest.empty() || digest == DigestOf(request)) return std::optional(entry->Show());
    return InvalidField(
        "request_id",
        fmt::format("It created `{}` from another request; choose a new one.", known->second));
  }
  const std::string name = std::string(kRuns) + request.run_id();
  if (!runs_.contains(name)) return std::optional<v1::Run>();
  return MakeError(
      absl::StatusCode::kAlreadyExists, "RUN_EXISTS",
      fmt::format("There is a run `{}` already; choose another id, or delete it.", name));
}

absl::StatusOr<v1::Plan> RunEngine::Plan(const v1::PlanRequest& request,
                                         const CallContext& context) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  start.mutable_run()->set_dataset_only(true);
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = WaitToPlan(context, &turn); !status.ok()) return status;
  const auto answer = AskWorker(start, context);
  if (!answer.ok()) return answer.status();
  return answer->planned().plan();
}

absl::StatusOr<v1::ValidateSpecResponse> RunEngine::ValidateSpec(
    const v1::ValidateSpecRequest& request, const CallContext& context) {
  if (!request.has_source()) return InvalidField("source", "Must hold a spec or layers of one.");
  worker::v1::Start start = NewStart();
  parts_.index->Refresh()->AddTo(&start);
  *start.mutable_run()->mutable_source() = request.source();
  start.mutable_run()->set_now_ms(NowMs());
  std::optional<PlanningQueue::Turn> turn;
  if (absl::Status status = WaitToPlan(context, &turn); !status.ok()) return status;
  AskedWorker worker(this, start);
  const auto answer = worker.Answer(context);
  v1::ValidateSpecResponse response;
  if (answer.ok()) {
    *response.mutable_warnings() = answer->planned().plan().warnings();
    return response;
  }
  // Mistakes are the answer; anything else is none.
  const google::protobuf::RepeatedPtrField<v1::SpecProblem> problems = worker.call()->Problems();
  if (problems.empty()) return answer.status();
  *response.mutable_problems() = problems;
  return response;
}

// ---- Runs that are ----

absl::StatusOr<v1::GetPositionsResponse> RunEngine::AskPlaces(const EntryPtr& entry,
                                                              const std::vector<std::string>& reset,
                                                              const CallContext& context) {
  worker::v1::Start start = NewStart();
  {
    const std::lock_guard lock(mutex_);
    const daemon::v1::RunRecord& record = entry->controller.record();
    if (absl::Status status = AddKept(record.run(), &start); !status.ok()) return status;
    worker::v1::PositionsJob* job = start.mutable_positions();
    *job->mutable_asked() = record.asked();
    job->set_now_ms(record.now_ms());
    job->set_uid(record.run().uid());
    for (const std::string& output : reset) job->add_reset(output);
  }
  const auto answer = AskWorker(start, context);
  if (!answer.ok()) return answer.status();
  v1::GetPositionsResponse response;
  *response.mutable_positions() = answer->positions().positions();
  return response;
}

absl::StatusOr<v1::GetPositionsResponse> RunEngine::GetPositions(
    const v1::GetPositionsRequest& request, const CallContext& context) {
  EntryPtr entry;
  {
    const std::lock_guard lock(mutex_);
    auto found = FindIntact(request.name());
    if (!found.ok()) return found.status();
    entry = *std::move(found);
    const v1::Run& run = entry->controller.run();
    if (entry->controller.HasWorker() && run.state() != v1::RUN_STATE_STARTING) {
      v1::GetPositionsResponse response;
      for (const v1::OutputStatus& output : run.outputs()) {
        v1::Position* position = response.add_positions();
        position->set_output(output.name());
        position->set_place(output.place());
        position->set_row(output.position());
        position->set_is_complete(output.state() == v1::OUTPUT_STATE_SUCCEEDED);
      }
      return response;
    }
  }
  return AskPlaces(entry, {}, context);
}

absl::StatusOr<v1::ResetPositionsResponse> RunEngine::ResetPositions(
    const v1::ResetPositionsRequest& request, const CallContext& context) {
  EntryPtr entry;
  std::vector<std::string> outputs(request.outputs().begin(), request.outputs().end());
  {
    const std::lock_guard lock(mutex_);
    auto found = FindIntact(request.name());
    if (!found.ok()) return found.status();
    entry = *std::move(found);
    if (absl::Status status = RequireIdle(entry); !status.ok()) return status;
    if (!entry->controller.IsAtRest()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                       "The run has not ended, and its positions cannot be reset; stop it first.");
    }
    const v1::Run& run = entry->controller.run();
    for (const std::string& output : outputs) {
      if (absl::Status status = RequireOutput(run, "outputs", output); !status.ok()) return status;
    }
    if (outputs.empty()) outputs = OutputNames(run);
    entry->is_resetting = true;
    Reconsider(entry);
  }
  auto positions = AskPlaces(entry, outputs, context);
  const std::lock_guard lock(mutex_);
  entry->is_resetting = false;
  Reconsider(entry);
  if (!positions.ok()) return positions.status();
  v1::ResetPositionsResponse response;
  *response.mutable_positions() = positions->positions();
  absl::Status status = Do(entry, entry->controller.OnReset(response.positions()));
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::GetRunStatisticsResponse> RunEngine::GetRunStatistics(
    const v1::GetRunStatisticsRequest& request, const CallContext& context) {
  std::unique_lock lock(mutex_);
  const auto found = FindIntact(request.name());
  if (!found.ok()) return found.status();
  const EntryPtr& entry = *found;
  std::string output = request.output();
  if (!output.empty()) {
    absl::Status status = RequireOutput(entry->controller.run(), "output", output);
    if (!status.ok()) return status;
  }
  for (const v1::OutputSpec& spec : entry->controller.record().asked().outputs()) {
    if (output.empty() && spec.table() == v1::TABLE_INTERACTIONS) output = spec.name();
  }
  const auto none = [](std::string_view why) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_STATISTICS", why);
  };
  const WorkerId worker = entry->controller.HasWorker() ? entry->worker : 0;
  if (worker == 0) {
    for (const v1::GetRunStatisticsResponse& final : entry->controller.record().statistics()) {
      if (output == final.output()) return final;
    }
    return none(
        "There are no statistics: the run delivers nothing at present, and they are kept of "
        "outputs that have succeeded. Resume or restart it first.");
  }
  const int64_t id = ++last_question_;
  questions_[id];
  worker::v1::ToWorker question;
  question.mutable_get_statistics()->set_id(id);
  question.mutable_get_statistics()->set_output(output);
  parts_.workers->Send(worker, question);
  const bool is_over = changed_.wait_until(lock, context.cancelled, context.deadline, [&] {
    return questions_[id] || entry->worker != worker || is_stopping_;
  });
  const auto answer = questions_.extract(id).mapped();
  if (!answer && is_stopping_) return Stopping();
  if (!answer && is_over) {
    return MakeError(absl::StatusCode::kUnavailable, "WORKER_ENDED",
                     "The run's worker ended before it could tell; ask again.");
  }
  if (!answer) return NotAwaited(context);
  if (answer->code() == 0) return answer->statistics();
  return MakeError(static_cast<absl::StatusCode>(answer->code()), "NO_STATISTICS",
                   answer->message());
}

}  // namespace throng
