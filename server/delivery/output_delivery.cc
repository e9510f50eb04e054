// How an output meets its place: which part of it is open, what that holds, and what is delivered.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "proto/json.h"
#include "proto/option_text.h"
#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/delivery/output.h"
#include "server/host/behaviours.h"

namespace throng {

throng_target Output::Target() const {
  throng_target target{};
  target.struct_size = sizeof target;
  target.run_uid = run_uid_.c_str();
  target.output = spec_.name().c_str();
  target.identity = identity_.c_str();
  target.slice_mode = run_.slice().mode() == v1::SLICE_MODE_INTERLEAVED ? THRONG_SLICE_INTERLEAVED
                                                                        : THRONG_SLICE_CONTIGUOUS;
  target.slice_index = run_.slice().index();
  target.slice_count = std::max(1, run_.slice().count());
  target.part = part_;
  return target;
}

Slice Output::PartSlice() const {
  return IsRolled() ? slice_->Part(part_, spec_.roll_rows()) : *slice_;
}

absl::StatusOr<std::unique_ptr<Sink>> Output::MakeSink() const {
  if (absl::Status status = CheckPlace(); !status.ok()) return status;
  return Sink::Create(*sink_component_, environment_, sink_options_.values());
}

absl::StatusOr<Sink::Opened> Output::PeekPart() const {
  auto sink = MakeSink();
  if (!sink.ok()) return sink.status();
  return (*sink)->Peek(Target());
}

absl::StatusOr<Sink::Opened> Output::Peek(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!IsDurable() || BelongsToAnotherSlice()) return Sink::Opened();
  part_ = IsRolled() ? 0 : -1;
  auto opened = PeekPart();
  while (opened.ok() && opened->is_complete && !IsLastPart()) {
    ++part_;
    opened = PeekPart();
  }
  if (opened.ok() && !opened->position && part_ > 0) opened->position = PartSlice().first();
  return opened;
}

absl::Status Output::Reset(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!IsDurable() || BelongsToAnotherSlice()) return absl::OkStatus();
  part_ = IsRolled() ? 0 : -1;
  while (IsRolled()) {  // to the first part that is not there
    const auto opened = PeekPart();
    if (absl::IsUnimplemented(opened.status())) return opened.status();
    if (!opened.ok() || (!opened->position && !opened->is_complete)) break;
    ++part_;
  }
  // And back from it: what is left when this is interrupted is found by the next one.
  do {
    auto sink = MakeSink();
    if (!sink.ok()) return sink.status();
    if (absl::Status status = (*sink)->Reset(Target()); !status.ok()) return status;
  } while (--part_ >= 0);
  return absl::OkStatus();
}

// A link may have come in between since the path was checked.
absl::Status Output::CheckPlace() const {
  Problems problems;
  CheckRoots(&problems);
  return problems.empty() ? absl::OkStatus()
                          : absl::PermissionDeniedError(problems.front().message);
}

std::optional<Tally::Snapshot> Output::PeekStatistics() const {
  const std::lock_guard lock(delivery_mutex_);
  if (delivery_ != nullptr) return delivery_->Peek();
  if (statistics_) return Tally::Snapshot{*statistics_};
  return std::nullopt;
}

absl::Status Output::Open(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (BelongsToAnotherSlice()) return absl::OkStatus();
  stored_.reset();
  part_ = IsRolled() ? 0 : -1;
  absl::Status status = OpenPart();
  while (status.ok() && opened_.is_complete && !IsLastPart()) {
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it was opened");
    status = CheckPosition();
    if (!status.ok()) break;
    ++part_;
    status = OpenPart();
  }
  return status.ok() ? CheckNothingFollows() : status;
}

absl::Status Output::OpenPart() {
  sink_.reset();  // which gives the part before it free
  auto sink = MakeSink();
  if (!sink.ok()) return sink.status();
  sink_ = *std::move(sink);
  auto opened = sink_->Open(Target());
  if (!opened.ok()) return opened.status();
  opened_ = *std::move(opened);
  if (!opened_.position && !opened_.is_complete) return absl::OkStatus();
  worker::v1::HostState stored;
  if (!stored.ParseFromString(opened_.host_state) || !stored.has_dataset()) {
    return absl::DataLossError(fmt::format(
        "output `{}`: what {} keeps with its position, row {}, cannot be read. Start over with "
        "another place, or overwrite this one.",
        name(), Holder(), opened_.position.value_or(-1)));
  }
  if (stored_ && stored_->fingerprint() != stored.fingerprint()) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} was begun with another dataset than the part before it (relative times "
        "such as now-7d are resolved when an output begins). Delete its parts to start it over.",
        name(), Holder()));
  }
  stored_ = std::move(stored);
  return absl::OkStatus();
}

absl::StatusOr<OutputPart> Output::OpenNextPart() {
  ++part_;
  absl::Status status = OpenPart();
  if (status.ok() && stored_) status = CheckStored();
  if (status.ok() && !opened_.is_complete) status = BeginPart();
  if (status.ok()) return CurrentPart();
  --part_;
  return status;
}

absl::Status Output::CheckNothingFollows() {
  if (!IsRolled() || slice_->IsEndless()) return absl::OkStatus();
  const int64_t rows = std::max<int64_t>(1, slice_->RowsBelow(slice_->end()));
  const int64_t part = std::exchange(part_, (rows + spec_.roll_rows() - 1) / spec_.roll_rows());
  const auto beyond = PeekPart();
  const std::string holder = Holder();
  part_ = part;
  if (absl::IsUnimplemented(beyond.status())) return absl::OkStatus();
  if (!beyond.ok() || (!beyond->position && !beyond->is_complete)) return beyond.status();
  return absl::FailedPreconditionError(fmt::format(
      "output `{}`: {} is there already, and the rows that are asked for now end before "
      "it. Ask for as many as before, or start over with another place.",
      name(), holder));
}

void Output::Run(const Plan& plan, const WalkSettings& settings) {
  absl::StatusOr<bool> is_finished = false;
  try {
    is_finished = BelongsToAnotherSlice() ? true : Deliver(plan, settings);
  } catch (const std::bad_alloc&) {
    is_finished = absl::ResourceExhaustedError(
        "there is not enough memory for this world; ask for fewer users and items.");
  } catch (const std::exception& error) {  // of the standard library, such as no more threads
    is_finished = absl::InternalError(error.what());
  }
  if (!is_finished.ok()) return GiveUp(is_finished.status());
  monitor_.SetState(*is_finished ? OutputState::kSucceeded : OutputState::kStopped);
  sink_.reset();  // gives the place free
}

void Output::GiveUp(const absl::Status& reason) {
  if (absl::IsCancelled(reason) && environment_.IsStopping()) {
    monitor_.SetState(OutputState::kStopped);
  } else {
    monitor_.SetState(OutputState::kFailed, MessageOf(reason));
  }
  sink_.reset();
}

absl::StatusOr<bool> Output::Deliver(const Plan& plan, const WalkSettings& settings) {
  Problems problems;
  if (stored_) {
    host_state_ = *stored_;
    host_state_.clear_statistics();
  }
  Configure(plan, &problems);
  if (!problems.empty()) return absl::InvalidArgumentError(problems.front().message);
  *host_state_.mutable_dataset() = plan.spec();
  host_state_.set_fingerprint(plan.fingerprint());

  encoding_.format = format_;
  encoding_.options = &format_options_;
  encoding_.environment = &environment_;
  encoding_.table = table_.get();
  if (absl::Status status = BeginPatiently(settings.retry_timeout); !status.ok()) return status;
  auto fingerprint = RecordFingerprint();
  if (!fingerprint.ok()) return fingerprint.status();
  host_state_.set_record_fingerprint(*std::move(fingerprint));
  if (stored_) {
    if (absl::Status status = CheckStored(); !status.ok()) return status;
  }
  if (opened_.is_complete) {
    std::optional<v1::Statistics> statistics;
    if (stored_->has_statistics()) {
      statistics = stored_->statistics();
    } else if (HasInteractions()) {  // when its last part was finished, more were to follow
      auto counted = Tally(*table_, environment_, *slice_, slice_->end()).Finish();
      if (!counted.ok()) return counted.status();
      statistics = *std::move(counted);
    }
    {
      const std::lock_guard lock(delivery_mutex_);
      statistics_ = std::move(statistics);
    }
    monitor_.Change([&](OutputProgress* progress) {
      progress->position = opened_.position.value_or(slice_->end());
      progress->rows = progress->total_rows = slice_->RowsBelow(progress->position);
    });
    return true;
  }

  DeliveryJob job;
  job.encoding = &encoding_;
  job.slice = &*slice_;
  if (IsRolled()) job.open_next = [this] { return OpenNextPart(); };
  job.settings = settings;
  job.environment = &environment_;
  job.monitor = &monitor_;
  const auto least = [](int64_t a, int64_t b) { return a <= 0 ? b : b <= 0 ? a : std::min(a, b); };
  job.commit_rows = least(spec_.commit_rows(), opened_.max_commit_rows);
  const google::protobuf::Duration& interval = spec_.commit_interval();
  job.commit_interval = std::chrono::milliseconds(
      least(interval.seconds() * 1000 + interval.nanos() / 1'000'000, opened_.max_commit_ms));
  job.host_state = [this](const auto& statistics) { return HostState(statistics); };
  job.manifest = [this](const auto& statistics) { return Manifest(statistics); };
  job.statistics_json = [](const std::optional<v1::Statistics>& statistics) {
    return statistics ? ToJson(*statistics, JsonFields::kAll).dump() : "{}";
  };
  Delivery delivery(job, CurrentPart());
  const auto show = [this](const Delivery* shown) {
    const std::lock_guard lock(delivery_mutex_);
    delivery_ = shown;
  };
  show(&delivery);
  auto is_finished = delivery.Run();
  show(nullptr);
  const std::lock_guard lock(delivery_mutex_);
  if (is_finished.ok() && *is_finished) statistics_ = delivery.statistics();
  return is_finished;
}

OutputPart Output::CurrentPart() const {
  return {.slice = PartSlice(),
          .sink = sink_.get(),
          .position = opened_.position,
          .is_complete = opened_.is_complete};
}

absl::Status Output::BeginPatiently(std::chrono::milliseconds retry_timeout) {
  constexpr std::chrono::milliseconds kBackOff{200};
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    absl::Status status = BeginPart();
    const bool is_transient = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    const bool is_patient =
        retry_timeout.count() == 0 || std::chrono::steady_clock::now() - start < retry_timeout;
    if (!is_transient || !is_patient) return status;
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it began");
    monitor_.SetState(OutputState::kBlocked, MessageOf(status));
    std::this_thread::sleep_for(kBackOff);
    if (!environment_.IsPaused()) continue;
    monitor_.SetState(OutputState::kPaused);
    environment_.AwaitResume();
    monitor_.SetState(OutputState::kStarting);
  }
}

absl::Status Output::BeginPart() {
  encoding_.destination = Destination();
  auto prologue = Begin(encoding_.destination);
  if (!prologue.ok()) return prologue.status();
  encoding_.prologue = *std::move(prologue);
  if (!encoding_.prologue.state.empty()) host_state_.set_format_state(encoding_.prologue.state);
  encoding_.destination = Destination();
  if (opened_.max_commit_rows == 0 || encoding_.prologue.cut_rows <= opened_.max_commit_rows) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("output `{}`: the format `{}` is committed in cuts of {} rows, and the sink `{}` "
                  "takes commits of at most {}; choose another format.",
                  name(), format_->name, encoding_.prologue.cut_rows, sink_component_->name,
                  opened_.max_commit_rows));
}

absl::StatusOr<std::string> Output::RecordFingerprint() const {
  constexpr int64_t kRows = 16;
  Encoding encoding = encoding_;
  if (IsRolled()) {  // the same records, whichever part is open
    encoding.destination.first_row = slice_->first();
    auto prologue = Begin(encoding.destination);
    if (!prologue.ok()) return prologue.status();
    encoding.prologue = *std::move(prologue);
  }
  auto encoder = Encoder::Create(encoding);
  if (!encoder.ok()) return encoder.status();
  // Of the first rows, asked for or not: what is asked for may grow.
  const int64_t rows = table_->IsInteractions() ? plan_->spec().plan_size() : table_->rows();
  Unit unit;
  unit.rows = static_cast<uint32_t>(std::min(kRows, rows));
  Encoded encoded;
  if (absl::Status status = (*encoder)->Encode(unit, &encoded); !status.ok()) return status;
  return Digest().AddField(encoded.records.bytes()).Raw();
}

std::string Output::Holder() const {
  if (place().empty()) return fmt::format("sink `{}`", sink_component_->name);
  return IsRolled() ? fmt::format("part {} of {}", part_, place()) : place();
}

absl::Status Output::CheckStored() const {
  const bool is_same_plan = stored_->fingerprint() == host_state_.fingerprint();
  if (!is_same_plan || stored_->record_fingerprint() != host_state_.record_fingerprint()) {
    const auto& ours = is_same_plan ? host_state_.record_fingerprint() : host_state_.fingerprint();
    const auto& theirs = is_same_plan ? stored_->record_fingerprint() : stored_->fingerprint();
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} was begun by plugins, a processor or a C library that make other {} "
        "({} instead of {}). Go on where it was begun, or start over with another place.",
        name(), Holder(), is_same_plan ? "records" : "rows", ToHex(ours).substr(0, 16),
        ToHex(theirs).substr(0, 16)));
  }
  const bool holds_rows = opened_.position || opened_.is_complete;
  return holds_rows ? CheckPosition() : absl::OkStatus();  // else the part before it does
}

absl::Status Output::CheckPosition() const {
  const Slice slice = PartSlice();
  const int64_t position = opened_.position.value_or(slice.end());
  const int64_t end = slice.end();
  if (opened_.is_complete && position != end) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} is complete with {} rows; {} are asked for now. A finished file does not "
        "change: choose another path, or delete it.",
        name(), Holder(), slice.RowsBelow(position),
        slice.IsEndless() ? "more" : std::to_string(slice.RowsBelow(end))));
  }
  if (position < slice.first()) {
    return absl::DataLossError(
        fmt::format("output `{}`: {} says that it holds rows up to {}, which is before its first "
                    "row, {}. Start "
                    "over with another place.",
                    name(), Holder(), position, slice.first()));
  }
  if (position > end) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} already holds rows up to {}, and only those below {} are asked for now. "
        "Ask for at least as many, or start over with another place.",
        name(), Holder(), position, end));
  }
  return absl::OkStatus();
}

std::string Output::HostState(const std::optional<v1::Statistics>& statistics) const {
  worker::v1::HostState state = host_state_;
  if (statistics) *state.mutable_statistics() = *statistics;
  return state.SerializeAsString();
}

std::string Output::Manifest(const std::optional<v1::Statistics>& statistics) const {
  v1::RunSpec spec = run_;
  *spec.mutable_dataset() = plan_->spec();
  spec.clear_outputs();
  *spec.add_outputs() = ResolvedSpec();

  nlohmann::ordered_json manifest;
  manifest["table"] = table_->schema().table;
  const Slice rows = PartSlice();
  manifest["rows"] = rows.RowsBelow(rows.end());
  if (IsRolled()) manifest["part"] = part_;
  manifest["created"] = TimestampText(host_state_.created_ms());
  manifest["run_uid"] = run_uid_;
  manifest["output"] = spec_.name();
  manifest["fingerprint"] = ToHex(plan_->fingerprint());
  manifest["throng_version"] = THRONG_VERSION;
  nlohmann::ordered_json plugins = nlohmann::ordered_json::array();
  std::vector<const Component*> used = ComponentsOf(*plan_);
  used.push_back(format_);
  used.push_back(sink_component_);
  for (const Component* component : used) {
    plugins.push_back(
        {{"role", RoleName(component->role)},
         {"component", component->name},
         {"version", component->plugin->version()},
         {"file", std::filesystem::path(component->plugin->path()).filename().string()},
         {"sha256", component->plugin->digest()}});
  }
  manifest["plugins"] = std::move(plugins);
  manifest["spec"] = ToJson(spec);
  if (statistics) manifest["statistics"] = ToJson(*statistics, JsonFields::kAll);
  return manifest.dump(2);
}

}  // namespace throng
