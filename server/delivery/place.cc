#include "server/delivery/place.h"

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "proto/json.h"
#include "proto/option_text.h"
#include "server/control/digest.h"
#include "server/control/status.h"
#include "server/host/behaviours.h"

namespace throng {

using google::protobuf::util::MessageDifferencer;

Place::Place(const OutputRequest& request, const Environment& environment)
    : request_(request),
      environment_(environment),
      quiet_(environment),
      part_(request.first_part()) {
  quiet_.log = nullptr;
  host_state_.set_created_ms(request.now());
}

throng_target Place::Target() const {
  throng_target target{};
  target.struct_size = sizeof target;
  target.run_uid = run_uid_.c_str();
  target.output = request_.name().c_str();
  target.identity = request_.identity().c_str();
  target.slice_mode = request_.run().slice().mode() == v1::SLICE_MODE_INTERLEAVED
                          ? THRONG_SLICE_INTERLEAVED
                          : THRONG_SLICE_CONTIGUOUS;
  target.slice_index = request_.run().slice().index();
  target.slice_count = std::max(1, request_.run().slice().count());
  target.part = part_;
  target.has_unique_keys = request_.table().HasUniqueKeys() ? 1 : 0;
  target.sends_again = sends_again_ ? 1 : 0;
  return target;
}

absl::StatusOr<Sink::Opened> Place::PeekPart(const Environment& environment) const {
  auto sink = request_.MakeSink(part_, environment);
  if (!sink.ok()) return sink.status();
  return (*sink)->Peek(Target());
}

bool Place::IsForeign(const Sink::Opened& opened) const {
  if (!opened.position && !opened.is_complete) return false;
  worker::v1::HostState stored;
  const bool is_readable = stored.ParseFromString(opened.host_state) && stored.has_dataset();
  return is_readable && stored.identity() != request_.identity();
}

absl::Status Place::RefuseForeign(const Sink::Opened& opened) const {
  worker::v1::HostState stored;
  stored.ParseFromString(opened.host_state);
  const int64_t plan_size = stored.dataset().plan_size();
  v1::DatasetSpec like_ours = stored.dataset();
  v1::DatasetSpec ours = request_.plan().spec();
  for (v1::DatasetSpec* dataset : {&like_ours, &ours}) {
    dataset->clear_interactions();
    dataset->clear_plan_size();
    dataset->clear_size();
  }
  const bool is_of_other_size = plan_size != request_.plan().spec().plan_size() &&
                                MessageDifferencer::Equals(like_ours, ours);
  const auto& options = request_.sink().options;
  const bool may_overwrite = std::any_of(
      options.begin(), options.end(),
      [](const throng_option& option) { return option.name == std::string_view("overwrite"); });
  const std::string remedy =
      fmt::format("choose another place, {}delete what is there{}", may_overwrite ? "" : "or ",
                  may_overwrite ? ", or set overwrite: true" : "");
  const int64_t interactions = stored.dataset().interactions();
  if (const auto why = request_.WhyItCannotGrow(stored.identity(), interactions)) {
    return absl::AlreadyExistsError(
        fmt::format("{} holds this dataset with {} interactions, and cannot get more or fewer: {}. "
                    "Or {}.",
                    Holder(), interactions, *why, remedy));
  }
  return absl::AlreadyExistsError(fmt::format(
      "{} holds another output, not this dataset in this form; {}.{}", Holder(), remedy,
      is_of_other_size
          ? fmt::format(" Another number of interactions is another dataset, unless "
                        "dataset.plan_size is the same. Or set dataset.plan_size to {}, as it is "
                        "there.",
                        plan_size)
          : ""));
}

absl::Status Place::WithPlanSize(const absl::Status& status) const {
  const v1::DatasetSpec& dataset = request_.plan().spec();
  const bool may_be_of_other_size =
      dataset.has_interactions() && dataset.plan_size() == dataset.interactions();
  if (!absl::IsAlreadyExists(status) || !may_be_of_other_size) return status;
  return absl::AlreadyExistsError(
      fmt::format("{} Another number of interactions is another dataset, unless dataset.plan_size "
                  "is the same.",
                  MessageOf(status)));
}

absl::Status Place::CheckPath(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!request_.IsPath() || !request_.IsDurable() || request_.BelongsToAnotherSlice()) {
    return absl::OkStatus();
  }
  part_ = request_.first_part();
  absl::Status status = PeekPart(quiet_).status();
  return absl::IsInvalidArgument(status) ? status : absl::OkStatus();
}

absl::StatusOr<Sink::Opened> Place::Peek(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!request_.IsDurable() || request_.BelongsToAnotherSlice()) return Sink::Opened();
  part_ = request_.first_part();
  auto opened = PeekPart(environment_);
  while (opened.ok() && !IsForeign(*opened) && HoldsAll(*opened) && !IsLast()) {
    ++part_;
    opened = PeekPart(environment_);
  }
  if (opened.ok() && IsForeign(*opened)) return RefuseForeign(*opened);
  if (opened.ok() && !opened->position && part_ > 0) opened->position = PartSlice().first();
  if (opened.ok()) opened->is_complete = HoldsAll(*opened);
  return opened;
}

absl::Status Place::Reset(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!request_.IsDurable() || request_.BelongsToAnotherSlice()) return absl::OkStatus();
  part_ = request_.first_part();
  while (true) {  // to the first part that is not there
    const auto opened = PeekPart(environment_);
    if (opened.ok() && IsForeign(*opened)) return RefuseForeign(*opened);
    if (!request_.IsRolled()) break;
    if (absl::IsUnimplemented(opened.status())) return opened.status();
    if (!opened.ok() || (!opened->position && !opened->is_complete)) break;
    ++part_;
  }
  // And back from it: what is left when this is interrupted is found by the next one.
  do {
    auto sink = request_.MakeSink(part_, environment_);
    if (!sink.ok()) return sink.status();
    if (absl::Status status = (*sink)->Reset(Target()); !status.ok()) return status;
  } while (--part_ >= 0);
  return absl::OkStatus();
}

absl::Status Place::Open(const std::string& run_uid, bool sends_again) {
  run_uid_ = run_uid;
  sends_again_ = sends_again;
  if (request_.BelongsToAnotherSlice()) return absl::OkStatus();
  stored_.reset();
  part_ = request_.first_part();
  absl::Status status = OpenPart();
  while (status.ok() && HoldsAll(opened_) && !IsLast()) {
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it was opened");
    status = CheckPosition();
    if (!status.ok()) break;
    ++part_;
    status = OpenPart();
  }
  return status.ok() ? CheckNothingFollows() : status;
}

absl::Status Place::OpenPart() {
  sink_.reset();  // which gives the part before it free
  if (request_.IsDurable()) {
    // To open may drop what somebody else has not committed. What keeps a sink from telling is its
    // to say when it is opened, unless it may tell later.
    const auto found = PeekPart(quiet_);
    if (found.ok() && IsForeign(*found)) return RefuseForeign(*found);
    if (absl::IsUnavailable(found.status()) || absl::IsResourceExhausted(found.status())) {
      return found.status();
    }
  }
  auto sink = request_.MakeSink(part_, environment_);
  if (!sink.ok()) return sink.status();
  sink_ = *std::move(sink);
  auto opened = sink_->Open(Target());
  if (!opened.ok()) return WithPlanSize(opened.status());
  opened_ = *std::move(opened);
  if (!opened_.position && !opened_.is_complete) return absl::OkStatus();
  worker::v1::HostState stored;
  if (!stored.ParseFromString(opened_.host_state) || !stored.has_dataset()) {
    return absl::DataLossError(fmt::format(
        "output `{}`: what {} keeps with its position, row {}, cannot be read. Start over with "
        "another place, or overwrite this one.",
        request_.name(), Holder(), opened_.position.value_or(-1)));
  }
  if (IsForeign(opened_)) return RefuseForeign(opened_);
  if (stored_ && stored_->fingerprint() != stored.fingerprint()) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} was begun with another dataset than the part before it (relative times "
        "such as now-7d are resolved when an output begins). Delete its parts to start it over.",
        request_.name(), Holder()));
  }
  stored_ = std::move(stored);
  return absl::OkStatus();
}

absl::Status Place::OpenNext() {
  ++part_;
  absl::Status status = OpenPart();
  if (status.ok() && stored_) status = CheckStored();
  if (status.ok() && !HoldsAll(opened_)) status = Begin();
  if (status.ok()) status = Grow();
  if (!status.ok()) --part_;
  return status;
}

absl::Status Place::CheckNothingFollows() {
  if (!request_.IsRolled() || request_.slice().IsEndless()) return absl::OkStatus();
  const int64_t rows = std::max<int64_t>(1, request_.slice().RowsBelow(request_.slice().end()));
  const int64_t part =
      std::exchange(part_, (rows + request_.spec().roll_rows() - 1) / request_.spec().roll_rows());
  const auto beyond = PeekPart(environment_);
  const std::string holder = Holder();
  part_ = part;
  if (absl::IsUnimplemented(beyond.status())) return absl::OkStatus();
  if (!beyond.ok() || (!beyond->position && !beyond->is_complete)) return beyond.status();
  return absl::FailedPreconditionError(fmt::format(
      "output `{}`: {} is there already, and the rows that are asked for now end before "
      "it. Ask for as many as before, or start over with another place.",
      request_.name(), holder));
}

void Place::TakeUp() {
  if (stored_) {
    host_state_ = *stored_;
    host_state_.clear_statistics();
    host_state_.clear_counts();
  }
  host_state_.set_identity(request_.identity());
  *host_state_.mutable_dataset() = request_.plan().spec();
  host_state_.set_fingerprint(request_.plan().fingerprint());
  v1::RunSpec* run = host_state_.mutable_run();
  run->Clear();
  *run->add_outputs() = request_.ResolvedSpec();
  *run->mutable_slice() = request_.run().slice();
}

absl::Status Place::Begin() {
  host_state_.set_bytes(opened_.position ? stored_->bytes() : 0);
  host_state_.clear_notes();
  host_state_.clear_last_cut();
  if (opened_.position) {
    *host_state_.mutable_notes() = stored_->notes();
    if (stored_->has_last_cut()) *host_state_.mutable_last_cut() = stored_->last_cut();
  }
  Committed();
  const auto encoding = [this] {
    return request_.EncodingOf(part_, host_state_.created_ms(), host_state_.format_state());
  };
  encoding_ = encoding();
  Format::Prologue prologue;
  if (const auto format = BeginFormat(encoding_, &prologue); !format.ok()) return format.status();
  if (!prologue.state.empty()) {
    host_state_.set_format_state(prologue.state);
    encoding_ = encoding();
  }
  encoding_.prologue = std::move(prologue);
  if (opened_.max_commit_rows == 0 || encoding_.prologue.cut_rows <= opened_.max_commit_rows) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("output `{}`: the format `{}` is committed in cuts of {} rows, and the sink `{}` "
                  "takes commits of at most {}; choose another format.",
                  request_.name(), request_.format().name, encoding_.prologue.cut_rows,
                  request_.sink().name, opened_.max_commit_rows));
}

absl::StatusOr<std::string> Place::RecordFingerprint() const {
  constexpr int64_t kRows = 16;
  Encoding encoding = encoding_;
  if (request_.IsRolled()) {  // the same records, whichever part is open
    encoding.destination.first_row = request_.slice().first();
    const auto format = BeginFormat(encoding, &encoding.prologue);
    if (!format.ok()) return format.status();
  }
  auto encoder = Encoder::Create(encoding);
  if (!encoder.ok()) return encoder.status();
  // Of the first rows, asked for or not: what is asked for may grow.
  const int64_t rows = request_.table().IsInteractions() ? request_.plan().spec().plan_size()
                                                         : request_.table().rows();
  Unit unit;
  unit.rows = static_cast<uint32_t>(std::min(kRows, rows));
  Encoded encoded;
  if (absl::Status status = (*encoder)->Encode(unit, &encoded); !status.ok()) return status;
  return Digest().AddField(encoded.records.bytes()).Raw();
}

absl::Status Place::Verify() {
  auto fingerprint = RecordFingerprint();
  if (!fingerprint.ok()) return fingerprint.status();
  host_state_.set_record_fingerprint(*std::move(fingerprint));
  return stored_ ? CheckStored() : absl::OkStatus();
}

bool Place::HasShortCut() const {
  if (!opened_.position || encoding_.prologue.cut_rows <= 1 || !stored_->has_last_cut())
    return false;
  const int64_t row = stored_->last_cut().row();
  const auto cut = PartSlice().UnitAt(row, encoding_.prologue.cut_rows);
  return cut && row < *opened_.position && cut->first + cut->rows > *opened_.position;
}

absl::Status Place::Grow() {
  const bool has_short_cut = HasShortCut();
  if (!IsShort(opened_) && !has_short_cut) return absl::OkStatus();
  const Slice rows = PartSlice();
  const int64_t held = rows.RowsBelow(*opened_.position);
  const bool has_cuts = encoding_.prologue.cut_rows > 1 && held > 0;
  if (!sink_->Reopens() || (has_cuts && !stored_->has_last_cut())) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} holds {} rows, and {}, so that no more can follow. Choose another place, "
        "or overwrite this one.",
        request_.name(), Holder(), held,
        sink_->Reopens() ? "was written by a version of Throng that did not note where its last "
                           "block begins"
                         : fmt::format("the sink `{}` cannot take back its last block, which is "
                                       "short",
                                       request_.sink().name)));
  }
  int64_t position = std::max(*opened_.position, rows.first());  // it may have had no row at all
  int64_t bytes = stored_->bytes();
  if (has_short_cut) {
    position = stored_->last_cut().row();
    bytes = stored_->last_cut().offset();
    host_state_.clear_last_cut();
  }
  host_state_.set_bytes(bytes);
  auto* notes = host_state_.mutable_notes();
  while (!notes->empty() && notes->rbegin()->offset() >= bytes) notes->RemoveLast();
  const std::string host_state = HostState(std::nullopt, std::nullopt);
  absl::Status status = sink_->Reopen(position, bytes, host_state);
  if (!status.ok()) return status;
  opened_.position = position;
  opened_.is_complete = false;
  stored_ = host_state_;
  Committed();
  return absl::OkStatus();
}

std::string Place::Holder() const {
  if (request_.destination().empty()) return fmt::format("sink `{}`", request_.sink().name);
  return request_.IsRolled() ? fmt::format("part {} of {}", part_, request_.destination())
                             : request_.destination();
}

absl::Status Place::CheckStored() const {
  const bool is_same_plan = stored_->fingerprint() == host_state_.fingerprint();
  if (!is_same_plan || stored_->record_fingerprint() != host_state_.record_fingerprint()) {
    const auto& ours = is_same_plan ? host_state_.record_fingerprint() : host_state_.fingerprint();
    const auto& theirs = is_same_plan ? stored_->record_fingerprint() : stored_->fingerprint();
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} was begun by plugins, a processor or a C library that make other {} "
        "({} instead of {}). Go on where it was begun, or start over with another place.",
        request_.name(), Holder(), is_same_plan ? "records" : "rows", ToHex(ours).substr(0, 16),
        ToHex(theirs).substr(0, 16)));
  }
  const bool holds_rows = opened_.position || opened_.is_complete;
  return holds_rows ? CheckPosition() : absl::OkStatus();  // else the part before it does
}

absl::Status Place::CheckPosition() const {
  const Slice rows = PartSlice();
  const int64_t position = opened_.position.value_or(rows.end());
  const int64_t end = rows.end();
  if (opened_.is_complete && position > end) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} is complete with rows up to {}, and only those below {} are asked for "
        "now. "
        "A finished file does not lose rows: ask for at least as many, choose another place, or "
        "delete this one.",
        request_.name(), Holder(), position, end));
  }
  if (IsShort(opened_)) {
    if (sink_->Reopens()) return absl::OkStatus();
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} is complete with {} rows; {} are asked for now. The sink `{}` does not go "
        "on with what it finished: choose another place, or delete this one.",
        request_.name(), Holder(), rows.RowsBelow(position),
        rows.IsEndless() ? "more" : std::to_string(rows.RowsBelow(end)), request_.sink().name));
  }
  if (position < rows.first()) {
    return absl::DataLossError(
        fmt::format("output `{}`: {} says that it holds rows up to {}, which is before its first "
                    "row, {}. Start "
                    "over with another place.",
                    request_.name(), Holder(), position, rows.first()));
  }
  if (position > end) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} already holds rows up to {}, and only those below {} are asked for now. "
        "Ask for at least as many, or start over with another place.",
        request_.name(), Holder(), position, end));
  }
  return absl::OkStatus();
}

void Place::WrotePrologue(size_t bytes) {
  host_state_.set_bytes(host_state_.bytes() + static_cast<int64_t>(bytes));
}

void Place::Wrote(const Unit& unit, size_t bytes, const std::optional<std::string>& note) {
  const int64_t offset = host_state_.bytes();
  host_state_.set_bytes(offset + static_cast<int64_t>(bytes));
  if (encoding_.prologue.cut_rows > 1) {
    host_state_.mutable_last_cut()->set_row(unit.first);
    host_state_.mutable_last_cut()->set_offset(offset);
  }
  if (!note) return;
  worker::v1::CutNote* kept = host_state_.add_notes();
  kept->set_offset(offset);
  kept->set_size(static_cast<int64_t>(bytes));
  kept->set_rows(unit.rows);
  kept->set_note(*note);
}

void Place::Committed() {
  committed_bytes_ = host_state_.bytes();
  committed_notes_ = host_state_.notes_size();
  committed_cut_.reset();
  if (host_state_.has_last_cut()) committed_cut_ = host_state_.last_cut();
}

void Place::GoBack() {
  host_state_.set_bytes(committed_bytes_);
  host_state_.clear_last_cut();
  if (committed_cut_) *host_state_.mutable_last_cut() = *committed_cut_;
  while (host_state_.notes_size() > committed_notes_) host_state_.mutable_notes()->RemoveLast();
}

std::vector<throng_note> Place::notes() const {
  std::vector<throng_note> notes;
  for (const worker::v1::CutNote& note : host_state_.notes()) {
    notes.push_back(
        {note.offset(), note.size(), note.rows(), {note.note().data(), note.note().size()}});
  }
  return notes;
}

bool Place::KeepsCounts() const { return request_.IsDurable() && !request_.IsMessages(); }

std::string Place::HostState(const std::optional<v1::Statistics>& statistics,
                             const std::optional<worker::v1::Counts>& counts) const {
  worker::v1::HostState more;  // a message that follows another one adds to it
  if (statistics) *more.mutable_statistics() = *statistics;
  if (counts) *more.mutable_counts() = *counts;
  return host_state_.SerializeAsString() + more.SerializeAsString();
}

std::string Place::Manifest(const std::optional<v1::Statistics>& statistics) const {
  v1::RunSpec spec = request_.run();
  *spec.mutable_dataset() = request_.plan().spec();
  spec.clear_outputs();
  *spec.add_outputs() = request_.ResolvedSpec();

  nlohmann::ordered_json manifest;
  manifest["table"] = request_.table().schema().table;
  const Slice rows = PartSlice();
  manifest["rows"] = rows.RowsBelow(rows.end());
  if (request_.IsRolled()) manifest["part"] = part_;
  manifest["created"] = TimestampText(host_state_.created_ms());
  manifest["run_uid"] = run_uid_;
  manifest["output"] = request_.name();
  manifest["fingerprint"] = ToHex(request_.plan().fingerprint());
  manifest["throng_version"] = THRONG_VERSION;
  nlohmann::ordered_json plugins = nlohmann::ordered_json::array();
  std::vector<const Component*> used = ComponentsOf(request_.plan());
  used.push_back(&request_.format());
  used.push_back(&request_.sink());
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
