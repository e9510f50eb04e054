#include "server/worker/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "proto/json.h"
#include "proto/option_text.h"
#include "server/worker/digest.h"
#include "server/worker/roots.h"
#include "server/worker/status.h"

namespace throng {
namespace {

std::map<std::string, std::string> OptionsOf(const v1::Component& component) {
  return {component.options().begin(), component.options().end()};
}

std::string_view ModeName(uint32_t modes) {
  return modes == THRONG_RECORDS_STREAM     ? "a stream"
         : modes == THRONG_RECORDS_MESSAGES ? "messages"
                                            : "a stream or messages";
}

// Rows of the table that an output covers: its range, before slices.
std::pair<int64_t, int64_t> RangeOf(const v1::OutputSpec& spec, int64_t table_rows) {
  if (spec.has_share()) {
    // 0.29 of 100 rows are 29, though the product of the doubles is a little less.
    const auto row = [rows = static_cast<double>(table_rows)](double share) {
      const double exact = share * rows;
      const double whole = std::round(exact);
      return static_cast<int64_t>(
          std::abs(exact - whole) <= 1e-9 + 1e-15 * rows ? whole : std::floor(exact));
    };
    return {row(spec.share().from()), spec.share().has_to() ? row(spec.share().to()) : table_rows};
  }
  if (spec.has_rows()) {
    return {spec.rows().from(), spec.rows().has_to() ? spec.rows().to() : table_rows};
  }
  return {0, table_rows};
}

}  // namespace

Output::Output(const v1::RunSpec& run, int index, const Catalogue& catalogue,
               const Environment& environment, int64_t now, Problems* problems)
    : run_(run),
      spec_(run.outputs(index)),
      field_(fmt::format("outputs[{}]", index)),
      environment_(environment),
      monitor_(environment.on_progress) {
  const auto find = [&](Role role, const v1::Component& spec, OptionValues* options) {
    const std::string field = fmt::format("{}.{}", field_, RoleName(role));
    const auto found = catalogue.Find(role, spec.component());
    if (!found.ok()) {
      problems->push_back({field + ".component", MessageOf(found.status())});
      return static_cast<const Component*>(nullptr);
    }
    *options = OptionValues::Parse(**found, OptionsOf(spec), field, now, problems,
                                   environment_.source_roots);
    return *found;
  };
  format_ = find(Role::kFormat, spec_.format(), &format_options_);
  sink_component_ = find(Role::kSink, spec_.sink(), &sink_options_);
  host_state_.set_created_ms(now);
  if (format_ == nullptr || sink_component_ == nullptr) return;
  CheckRoots(problems);
  const uint32_t common = format_->format.modes & sink_component_->sink.modes;
  mode_ = (common & THRONG_RECORDS_STREAM) != 0 ? THRONG_RECORDS_STREAM : THRONG_RECORDS_MESSAGES;
  if (common == 0) {
    problems->push_back(
        {field_, fmt::format("the format `{}` makes {} and the sink `{}` takes {}; choose another.",
                             format_->name, ModeName(format_->format.modes), sink_component_->name,
                             ModeName(sink_component_->sink.modes))});
  }
}

void Output::CheckRoots(Problems* problems) const {
  if (environment_.output_roots.empty()) return;
  const auto check = [&](const Component& component, const OptionValues& values,
                         std::string_view role) {
    for (size_t i = 0; i < component.options.size(); ++i) {
      const throng_option& option = component.options[i];
      const throng_value& value = values.values()[i];
      if ((option.flags & THRONG_OPTION_PATH) == 0 || value.is_set == 0) continue;
      const std::string path(value.text.data, value.text.size);
      if (LiesBelow(path, environment_.output_roots)) continue;
      problems->push_back({fmt::format("{}.{}.options.{}", field_, role, option.name),
                           fmt::format("{} lies outside the output roots ({}); choose a path below "
                                       "one of them.",
                                       path, fmt::join(environment_.output_roots, ", "))});
    }
  };
  check(*format_, format_options_, "format");
  check(*sink_component_, sink_options_, "sink");
}

void Output::Configure(const Plan& plan, Problems* problems) {
  plan_ = &plan;
  table_ = std::make_unique<Table>(spec_, plan);
  const auto [from, to] = RangeOf(spec_, table_->rows());

  slice_.emplace(table_->IsInteractions() ? Slice(from, to, run_.slice()) : Slice(from, to));

  if (mode_ == THRONG_RECORDS_MESSAGES && table_->key_column() < 0) {
    problems->push_back({field_ + ".key", fmt::format("\"{}\" is not among the output's columns; "
                                                      "add it to them or name another key.",
                                                      spec_.key())});
  }

  // Does it matter how many interactions were asked for? It does where bounds depend on it, or
  // what a format writes first.
  bool depends_on_size = spec_.has_share() || (run_.slice().count() > 1 &&
                                               run_.slice().mode() != v1::SLICE_MODE_INTERLEAVED);
  if (mode_ == THRONG_RECORDS_STREAM) {
    throng_destination destination = Destination();
    const auto prologue = Begin(destination);
    if (!prologue.ok()) {
      const std::string option = OptionOf(prologue.status());
      problems->push_back({field_ + ".format" + (option.empty() ? "" : ".options." + option),
                           MessageOf(prologue.status())});
      return;
    }
    if (destination.rows >= 0) ++destination.rows;
    if (destination.interactions >= 0) ++destination.interactions;
    const auto of_larger = Begin(destination);
    depends_on_size = depends_on_size || !of_larger.ok() || of_larger->bytes != prologue->bytes;
  }
  identity_ = Identity(depends_on_size);
}

std::string Output::Identity(bool depends_on_size) const {
  Digest digest;
  digest.AddField("throng output 1").AddField(plan_->identity());
  digest.AddField(fmt::format("table {} from {} to {}", table_->schema().table, spec_.rows().from(),
                              spec_.rows().has_to() ? spec_.rows().to() : -1));
  if (spec_.has_share()) {
    digest.AddField(fmt::format("share from {} to {}", spec_.share().from(),
                                spec_.share().has_to() ? spec_.share().to() : 1));
  }
  for (const v1::Column& column : spec_.columns()) {
    digest.AddField(column.column()).AddField(column.name());
  }
  if (mode_ == THRONG_RECORDS_MESSAGES) digest.AddField(spec_.key());
  if (run_.slice().count() > 1) {
    digest.AddField(fmt::format("slice {} of {} mode {}", run_.slice().index(),
                                run_.slice().count(), static_cast<int>(run_.slice().mode())));
  }
  digest.AddField(format_->name).AddField(format_options_.Canonical(true));
  digest.AddField(sink_component_->name).AddField(sink_options_.Canonical(true));
  if (depends_on_size) digest.AddField(std::to_string(table_->rows()));
  return digest.Hex();
}

throng_destination Output::Destination() const {
  const v1::DatasetSpec& dataset = plan_->spec();
  throng_destination d{};
  d.struct_size = sizeof d;
  d.mode = mode_;
  d.schema = &table_->schema();
  d.key_column = table_->key_column();
  d.slice_mode = run_.slice().mode() == v1::SLICE_MODE_INTERLEAVED ? THRONG_SLICE_INTERLEAVED
                                                                   : THRONG_SLICE_CONTIGUOUS;
  // A side table is whole, whatever slice it is written with.
  d.slice_index = table_->IsInteractions() ? run_.slice().index() : 0;
  d.slice_count = table_->IsInteractions() ? std::max(1, run_.slice().count()) : 1;
  d.name = sink_options_.place().c_str();
  d.fingerprint = {plan_->fingerprint().data(), plan_->fingerprint().size()};
  d.created = host_state_.created_ms();
  d.users = dataset.world().users();
  d.items = dataset.world().items();
  d.interactions = dataset.has_interactions() ? dataset.interactions() : -1;
  d.first_row = slice_->first();
  d.rows = slice_->IsEndless() ? -1 : slice_->RowsBelow(slice_->end());
  d.state = {host_state_.format_state().data(), host_state_.format_state().size()};
  return d;
}

absl::StatusOr<Format::Prologue> Output::Begin(const throng_destination& destination) const {
  auto format = Format::Create(*format_, environment_, format_options_.values());
  if (!format.ok()) return format.status();
  return (*format)->Begin(destination);
}

absl::StatusOr<Format::Prologue> Output::BeginPatiently(const throng_destination& destination,
                                                        std::chrono::milliseconds retry_timeout) {
  constexpr std::chrono::milliseconds kBackOff{200};
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    auto prologue = Begin(destination);
    const bool is_transient =
        absl::IsUnavailable(prologue.status()) || absl::IsResourceExhausted(prologue.status());
    const bool is_patient =
        retry_timeout.count() == 0 || std::chrono::steady_clock::now() - start < retry_timeout;
    if (!is_transient || !is_patient) return prologue;
    if (environment_.IsStopping()) return absl::CancelledError("stopped before it began");
    monitor_.SetState(OutputState::kBlocked, MessageOf(prologue.status()));
    std::this_thread::sleep_for(kBackOff);
    if (!environment_.IsPaused()) continue;
    monitor_.SetState(OutputState::kPaused);
    environment_.AwaitResume();
    monitor_.SetState(OutputState::kStarting);
  }
}

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
  target.part = -1;
  return target;
}

absl::StatusOr<Sink::Opened> Output::Peek(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!IsDurable() || BelongsToAnotherSlice()) return Sink::Opened();
  if (absl::Status status = CheckPlace(); !status.ok()) return status;
  auto sink = Sink::Create(*sink_component_, environment_, sink_options_.values());
  if (!sink.ok()) return sink.status();
  return (*sink)->Peek(Target());
}

absl::Status Output::Reset(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (!IsDurable() || BelongsToAnotherSlice()) return absl::OkStatus();
  if (absl::Status status = CheckPlace(); !status.ok()) return status;
  auto sink = Sink::Create(*sink_component_, environment_, sink_options_.values());
  if (!sink.ok()) return sink.status();
  return (*sink)->Reset(Target());
}

// A link may have come in between since the path was checked.
absl::Status Output::CheckPlace() const {
  Problems problems;
  CheckRoots(&problems);
  return problems.empty() ? absl::OkStatus()
                          : absl::PermissionDeniedError(problems.front().message);
}

std::optional<Delivery::Snapshot> Output::PeekStatistics() const {
  const std::lock_guard lock(delivery_mutex_);
  if (delivery_ != nullptr) return delivery_->Peek();
  if (statistics_) return Delivery::Snapshot{*statistics_};
  return std::nullopt;
}

absl::Status Output::Open(const std::string& run_uid) {
  run_uid_ = run_uid;
  if (BelongsToAnotherSlice()) return absl::OkStatus();
  if (absl::Status status = CheckPlace(); !status.ok()) return status;
  auto sink = Sink::Create(*sink_component_, environment_, sink_options_.values());
  if (!sink.ok()) return sink.status();
  sink_ = *std::move(sink);
  const throng_target target = Target();
  auto opened = sink_->Open(target);
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
  stored_ = std::move(stored);
  return absl::OkStatus();
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
  encoding_.destination = Destination();
  auto prologue = BeginPatiently(encoding_.destination, settings.retry_timeout);
  if (!prologue.ok()) return prologue.status();
  encoding_.prologue = *std::move(prologue);
  if (!encoding_.prologue.state.empty()) host_state_.set_format_state(encoding_.prologue.state);
  encoding_.destination = Destination();
  auto fingerprint = RecordFingerprint();
  if (!fingerprint.ok()) return fingerprint.status();
  host_state_.set_record_fingerprint(*std::move(fingerprint));
  if (stored_) {
    if (absl::Status status = CheckStored(); !status.ok()) return status;
  }
  if (opened_.is_complete) {
    if (stored_->has_statistics()) {
      const std::lock_guard lock(delivery_mutex_);
      statistics_ = stored_->statistics();
    }
    monitor_.Change([&](OutputProgress* progress) {
      progress->position = opened_.position.value_or(slice_->end());
      progress->rows = progress->total_rows = slice_->RowsBelow(progress->position);
    });
    return true;
  }

  if (opened_.max_commit_rows > 0 && encoding_.prologue.cut_rows > opened_.max_commit_rows) {
    return absl::InvalidArgumentError(fmt::format(
        "output `{}`: the format `{}` is committed in cuts of {} rows, and the sink `{}` takes "
        "commits of at most {}; choose another format.",
        name(), format_->name, encoding_.prologue.cut_rows, sink_component_->name,
        opened_.max_commit_rows));
  }

  DeliveryJob job;
  job.encoding = &encoding_;
  job.slice = &*slice_;
  job.sink = sink_.get();
  job.position = opened_.position;
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
  Delivery delivery(job);
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

absl::StatusOr<std::string> Output::RecordFingerprint() const {
  constexpr int64_t kRows = 16;
  auto encoder = Encoder::Create(encoding_);
  if (!encoder.ok()) return encoder.status();
  Block block;
  // Of the first rows, asked for or not: what is asked for may grow.
  const int64_t rows = table_->IsInteractions() ? plan_->spec().plan_size() : table_->rows();
  block.unit.rows = static_cast<uint32_t>(std::min(kRows, rows));
  if (absl::Status status = (*encoder)->Encode(&block); !status.ok()) return status;
  return Digest().AddField(block.records.bytes()).Raw();
}

std::string Output::Holder() const {
  return place().empty() ? fmt::format("sink `{}`", sink_component_->name) : place();
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
  const int64_t position = opened_.position.value_or(slice_->end());
  const int64_t end = slice_->end();
  if (opened_.is_complete && position != end) {
    return absl::FailedPreconditionError(fmt::format(
        "output `{}`: {} is complete with {} rows; {} are asked for now. A finished file does not "
        "change: choose another path, or delete it.",
        name(), Holder(), slice_->RowsBelow(position),
        slice_->IsEndless() ? "more" : std::to_string(slice_->RowsBelow(end))));
  }
  if (position < slice_->first()) {
    return absl::DataLossError(
        fmt::format("output `{}`: {} says that it holds rows up to {}, which is before its first "
                    "row, {}. Start "
                    "over with another place.",
                    name(), Holder(), position, slice_->first()));
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

v1::OutputSpec Output::ResolvedSpec() const {
  v1::OutputSpec spec = spec_;
  const auto resolve = [](const OptionValues& values, v1::Component* component) {
    component->clear_options();
    for (const auto& [name, text] : values.resolved()) (*component->mutable_options())[name] = text;
  };
  resolve(format_options_, spec.mutable_format());
  resolve(sink_options_, spec.mutable_sink());
  return spec;
}

std::string Output::Manifest(const std::optional<v1::Statistics>& statistics) const {
  v1::RunSpec spec = run_;
  *spec.mutable_dataset() = plan_->spec();
  spec.clear_outputs();
  *spec.add_outputs() = ResolvedSpec();

  nlohmann::ordered_json manifest;
  manifest["table"] = table_->schema().table;
  manifest["rows"] = slice_->RowsBelow(slice_->end());
  manifest["created"] = TimestampText(host_state_.created_ms());
  manifest["run_uid"] = run_uid_;
  manifest["output"] = spec_.name();
  manifest["fingerprint"] = ToHex(plan_->fingerprint());
  manifest["throng_version"] = THRONG_VERSION;
  nlohmann::ordered_json plugins = nlohmann::ordered_json::array();
  std::vector<const Component*> used = plan_->components();
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
