#include "server/delivery/delivery.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proto/json.h"
#include "server/control/status.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// Rows of a unit: about 0.7 MB of CSV, large enough for a write and small enough for a cache.
constexpr int64_t kUnitRows = 16'384;
// Near the present, the rows of a live unit span at most so much time; and from here on it is the
// past again, where any unit will do.
constexpr int64_t kLiveUnitMs = 10;
constexpr int64_t kPastMs = 1'000;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLastBackOff{2'000};
// Going back so often without a commit is not yet a reason to give up, however long it took.
constexpr int kFewAborts = 3;

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

// The lesser of two limits, of which 0 is none.
int64_t Least(int64_t a, int64_t b) { return a <= 0 ? b : b <= 0 ? a : std::min(a, b); }

int64_t NowMs() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t Milliseconds(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1000 + duration.nanos() / 1'000'000;
}

std::string StatisticsJson(const std::optional<v1::Statistics>& statistics) {
  return statistics ? ToJson(*statistics, JsonFields::kAll).dump() : "{}";
}

throng_bytes Bytes(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Delivery::Delivery(const OutputRequest& request, Place* place, const WalkSettings& settings,
                   const Environment& environment, ProgressMonitor* monitor)
    : request_(request),
      place_(*place),
      settings_(settings),
      environment_(environment),
      monitor_(*monitor),
      commit_rows_(Least(request.spec().commit_rows(), place_.opened().max_commit_rows)),
      commit_interval_(
          Least(Milliseconds(request.spec().commit_interval()), place_.opened().max_commit_ms)),
      commit_size_(milliseconds(place_.opened().max_commit_ms)),
      part_(place_.PartSlice()) {
  if (!request_.HasInteractions()) return;
  tally_.emplace(request_.table(), environment_, request_.slice(),
                 request_.IsRolled() ? std::optional(part_) : std::nullopt,
                 place_.opened().position.value_or(part_.first()),
                 place_.stored() ? place_.stored()->counts() : worker::v1::Counts(),
                 settings_.tuning->Get().threads);
}

absl::StatusOr<bool> Delivery::Run() {
  first_write_ = Clock::now();
  TakeTuning();
  monitor_.SetState(OutputState::kRunning);
  absl::StatusOr<Step> step = Start();
  while (true) {
    if (absl::IsAborted(step.status()) && walk_) {
      step = GoBack(step.status());
      continue;
    }
    if (!step.ok() || *step != Step::kContinue) break;
    step = Advance();
  }
  // What was written after the last commit will be written again, if anybody goes on.
  ShowCommitted();
  if (absl::IsCancelled(step.status()) && IsStopping()) return false;
  if (!step.ok()) return step.status();
  return *step == Step::kFinished;
}

absl::StatusOr<Delivery::Step> Delivery::Start() {
  part_ = place_.PartSlice();
  has_commit_ = place_.opened().position.has_value();
  committed_ = position_ = place_.opened().position.value_or(part_.first());
  ShowCommitted();
  MakeWalk();
  return Prologue();
}

void Delivery::TakeTuning() {
  tuning_version_ = settings_.tuning->version();
  const Tuning::Values values = settings_.tuning->Get();
  threads_ = std::max(1, values.threads);
  pacer_ = Pacer(values.pace, Pacer::TimeOf(values.profile_start_ms), Clock::now());
  live_rows_ = 0;
  monitor_.Change([](OutputProgress* progress) { progress->lag_ms.reset(); });
}

void Delivery::MakeWalk() {
  SetUnitRows();
  walk_.emplace(part_, unit_rows_, committed_, threads_,
                [this, encoding = &place_.encoding()]() -> absl::StatusOr<EncodingWalk::Fill> {
                  auto encoder = Encoder::Create(*encoding);
                  if (!encoder.ok()) return encoder.status();
                  return [this, e = std::shared_ptr<Encoder>(*std::move(encoder))](
                             const Unit& unit, Encoded* encoded) {
                    if (tally_) tally_->CountPending();
                    return e->Encode(unit, encoded);
                  };
                });
}

void Delivery::ShowCommitted() {
  monitor_.Change([this](OutputProgress* progress) {
    const Slice& slice = request_.slice();
    progress->position = committed_;
    progress->rows = progress->committed_rows = slice.RowsBelow(committed_);
    const bool goes_on = slice.IsEndless() && committed_ != slice.end();
    progress->total_rows = goes_on ? -1 : slice.RowsBelow(slice.end());
  });
}

absl::StatusOr<Delivery::Step> Delivery::StartNext() {
  walk_.reset();
  while (!place_.IsLast()) {
    if (IsStopping()) return Step::kStopped;
    absl::Status status = Retry([this] { return place_.OpenNext(); });
    if (!status.ok()) return status;
    const Slice part = place_.PartSlice();
    committed_ = position_ =
        place_.opened().is_complete ? part.end() : place_.opened().position.value_or(part.first());
    if (tally_) status = tally_->BeginPart(committed_);
    if (!status.ok()) return status;
    if (!place_.opened().is_complete) return Start();
  }
  if (absl::Status status = CountAll(); !status.ok()) return status;
  return Step::kFinished;
}

absl::StatusOr<Delivery::Step> Delivery::Advance() {
  if (IsStopping()) {
    if (uncommitted_rows_ > 0) {
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
    return Step::kStopped;
  }
  if (IsPaused()) {
    if (absl::Status status = Hold(); !status.ok()) return status;
    return Step::kContinue;
  }
  if (!IsTuned()) {
    if (absl::Status status = PutBack(); !status.ok()) return status;
    const int threads = threads_;
    TakeTuning();
    if (threads_ != threads) MakeWalk();
  }
  const int64_t unit_rows = UnitRows();
  const bool is_too_large = PacedRows() > 0 && unit_rows < unit_rows_;
  const bool is_too_small = unit_rows >= 4 * unit_rows_;  // to keep up
  if (is_too_large || is_too_small || (uncommitted_rows_ == 0 && unit_rows > unit_rows_)) {
    if (absl::Status status = PutBack(); !status.ok()) return status;
  }
  const auto block = walk_->Next();
  if (!block.ok()) return block.status();
  if (*block == nullptr) {
    if (absl::Status status = Finish(); !status.ok()) return status;
    return StartNext();
  }
  if (pacer_.HasRate() || pacer_.IsLive()) {
    const auto is_due = AwaitPace(**block);
    if (!is_due.ok()) return is_due.status();
    if (!*is_due) return Step::kContinue;
  }
  // Units are cut at rows of the dataset, so the next one may not fit into this commit.
  if (CommitRows() > 0 && uncommitted_rows_ > 0 &&
      uncommitted_rows_ + (*block)->unit.rows > CommitRows()) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  if (absl::Status status = Deliver(*block); !status.ok()) return status;
  if (IsCommitDue()) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  return Step::kContinue;
}

absl::Status Delivery::PutBack() {
  if (uncommitted_rows_ > 0) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  Rewind();
  return absl::OkStatus();
}

absl::StatusOr<bool> Delivery::AwaitPace(const EncodingWalk::Block& block) {
  while (!IsStopping()) {
    if (IsPaused()) {
      if (absl::Status status = Hold(); !status.ok()) return status;
      continue;
    }
    if (pacer_.IsLive()) LookAtTime(block);
    if (!IsTuned() || (PacedRows() > 0 && UnitRows() < unit_rows_)) {
      if (absl::Status status = PutBack(); !status.ok()) return status;
      return false;
    }
    const Clock::time_point due = DueTime(block);
    const Clock::time_point commit_due = first_write_ + commit_interval_;
    if (uncommitted_rows_ > 0 && commit_interval_.count() > 0 && commit_due < due) {
      SleepUntil(commit_due);
      if (Clock::now() < commit_due) continue;
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
    SleepUntil(due);
    const Clock::time_point now = Clock::now();
    if (now < due) continue;
    pacer_.HandOver(block.unit.rows, now);
    return true;
  }
  return false;
}

Delivery::Clock::time_point Delivery::DueTime(const EncodingWalk::Block& block) const {
  if (!pacer_.IsLive()) return pacer_.due();
  return tally_ ? Pacer::TimeOf(block.payload.seen.last_time) : Clock::now();
}

void Delivery::LookAtTime(const EncodingWalk::Block& block) {
  if (!tally_) return;  // only interactions have times
  const SeenRows& seen = block.payload.seen;
  const int64_t lag = NowMs() - seen.last_time;
  if (lag > kPastMs) {
    live_rows_ = 0;
  } else if (const int64_t span = seen.last_time - seen.first_time;
             lag < 0 && span > kLiveUnitMs && block.unit.rows > 1) {
    const int64_t rows = std::max<int64_t>(1, block.unit.rows * kLiveUnitMs / span);
    live_rows_ = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows)));
  }
}

int64_t Delivery::PacedRows() const {
  if (HasCuts()) return 0;
  if (pacer_.IsLive()) return live_rows_;
  return pacer_.HasRate() ? pacer_.MostRows(std::max(pacer_.due(), Clock::now())) : 0;
}

absl::Status Delivery::Hold() {
  if (uncommitted_rows_ > 0) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  AwaitResume();
  return absl::OkStatus();
}

void Delivery::AwaitResume() {
  if (!IsPaused()) return;
  // Paused again before it says that it runs, it goes on holding: whoever read PAUSED meanwhile
  // read the truth.
  do {
    monitor_.SetState(OutputState::kPaused);
    environment_.AwaitResume();
    if (IsStopping()) return;
    monitor_.SetState(OutputState::kRunning);
  } while (IsPaused());
  pacer_.Restart(Clock::now());
}

absl::StatusOr<Delivery::Step> Delivery::Prologue() {
  const std::string& prologue = place_.encoding().prologue.bytes;
  if (has_commit_ || prologue.empty()) return Step::kContinue;
  throng_records records{};
  records.struct_size = sizeof records;
  records.first_row = part_.first();
  records.bytes = Bytes(prologue);
  absl::Status status = Retry([&] { return place_.sink()->Write(records); });
  if (!status.ok()) return status;
  place_.WrotePrologue(prologue.size());
  return Step::kContinue;
}

absl::Status Delivery::Deliver(EncodingWalk::Block* block) {
  const bool is_messages = IsMessages();
  const Unit& unit = block->unit;
  Encoded& encoded = block->payload;
  throng_records records{};
  records.struct_size = sizeof records;
  records.rows = unit.rows;
  records.first_row = unit.first;
  records.bytes = Bytes(encoded.records.bytes());
  records.key_end = is_messages ? encoded.key_end.data() : nullptr;
  records.value_end = is_messages ? encoded.value_end.data() : nullptr;
  records.event_time = is_messages && tally_ ? encoded.time.data() : nullptr;
  absl::Status status = Retry([&] { return place_.sink()->Write(records); });
  if (!status.ok()) return status;
  if (!is_messages) place_.Wrote(unit, records.bytes.size, encoded.note);
  const int64_t last_time = encoded.seen.last_time;
  if (tally_) status = tally_->Add(unit, &encoded.seen);
  if (!status.ok()) return status;
  if (uncommitted_rows_ == 0) first_write_ = Clock::now();
  position_ = unit.next;
  uncommitted_rows_ += unit.rows;
  new_rows_ += unit.rows;
  monitor_.Change([&](OutputProgress* progress) {
    progress->rows = request_.slice().RowsBelow(position_);
    progress->new_rows = new_rows_;
    progress->bytes += static_cast<int64_t>(records.bytes.size);
    progress->asked_rate = pacer_.RateAt(Clock::now());
    if (pacer_.IsLive() && tally_) progress->lag_ms = NowMs() - last_time;
  });
  return absl::OkStatus();
}

int64_t Delivery::CommitRows() const { return Least(commit_rows_, commit_size_.rows()); }

bool Delivery::IsCommitDue() const {
  if (!has_own_commit_) return true;  // soon, so that whoever watches sees that the place works
  if (CommitRows() > 0 && uncommitted_rows_ >= CommitRows()) return true;
  return commit_interval_.count() > 0 && Clock::now() - first_write_ >= commit_interval_;
}

absl::Status Delivery::Commit() {
  const auto counts =
      tally_ && !statistics_ && place_.KeepsCounts() ? tally_->CountsAt(position_) : std::nullopt;
  const std::string host_state = place_.HostState(statistics_, counts);
  const Clock::time_point start = Clock::now();
  absl::Status status = Retry([&] { return place_.sink()->Commit(position_, host_state); });
  if (!status.ok()) return status;
  place_.Committed();
  commit_size_.Committed(uncommitted_rows_, std::exchange(in_sink_, {}));
  has_commit_ = has_own_commit_ = true;
  committed_ = position_;
  uncommitted_rows_ = 0;
  aborts_ = 0;
  const std::chrono::duration<double> took = Clock::now() - start;
  monitor_.Change([&](OutputProgress* progress) {
    progress->position = committed_;
    progress->committed_rows = request_.slice().RowsBelow(committed_);
    progress->commit_times.Add(took.count());
  });
  return absl::OkStatus();
}

absl::Status Delivery::CommitBeforeCounting(bool is_counted) {
  return is_counted || uncommitted_rows_ == 0 ? absl::OkStatus() : Commit();
}

absl::Status Delivery::CountAll() {
  if (!tally_ || statistics_) return absl::OkStatus();
  absl::Status status = CommitBeforeCounting(tally_->IsOutputCounted());
  if (!status.ok()) return status;
  auto counted = tally_->FinishOutput();
  if (!counted.ok()) return counted.status();
  statistics_ = *std::move(counted);
  return absl::OkStatus();
}

absl::Status Delivery::Finish() {
  if (place_.IsLast()) {
    if (absl::Status status = CountAll(); !status.ok()) return status;
  }
  std::optional<v1::Statistics> of_part = statistics_;
  if (tally_ && request_.IsRolled()) {
    absl::Status status = CommitBeforeCounting(tally_->IsPartCounted());
    if (!status.ok()) return status;
    auto counted = tally_->FinishPart();
    if (!counted.ok()) return counted.status();
    of_part = *std::move(counted);
  }
  position_ = part_.end();
  if (absl::Status status = Commit(); !status.ok()) return status;

  RecordBuffer epilogue;
  if (!IsMessages()) {
    const std::string statistics = StatisticsJson(of_part);
    throng_summary summary{};
    summary.struct_size = sizeof summary;
    summary.rows = part_.RowsBelow(position_);
    summary.statistics = statistics.c_str();
    const std::vector<throng_note> notes = place_.notes();
    summary.notes_count = static_cast<uint32_t>(notes.size());
    summary.notes = notes.data();
    summary.bytes = place_.bytes();
    Format::Prologue prologue;
    const auto format = BeginFormat(place_.encoding(), &prologue);
    if (!format.ok()) return format.status();
    absl::Status status = (*format)->End(summary, epilogue.abi());
    if (!status.ok()) return status;
  }
  const std::string manifest = place_.Manifest(of_part);
  throng_completion completion{};
  completion.struct_size = sizeof completion;
  completion.rows = part_.RowsBelow(position_);
  completion.epilogue = Bytes(epilogue.bytes());
  completion.manifest = manifest.c_str();
  return Retry([&] { return place_.sink()->Finish(completion); });
}

absl::StatusOr<Delivery::Step> Delivery::GoBack(const absl::Status& reason) {
  const Clock::time_point now = Clock::now();
  if (++aborts_ == 1) first_abort_ = now;
  const bool is_patient = settings_.retry_timeout.count() == 0;
  if (!is_patient && aborts_ > kFewAborts && now - first_abort_ > settings_.retry_timeout) {
    return absl::UnavailableError(reason.message());  // no longer a reason to go back
  }
  monitor_.SetState(OutputState::kBlocked, MessageOf(reason));
  SleepUntil(now + std::min(kFirstBackOff * (1 << std::min(aborts_ - 1, 10)), kLastBackOff));
  commit_size_.Aborted(uncommitted_rows_);
  in_sink_ = {};
  new_rows_ -= uncommitted_rows_;
  uncommitted_rows_ = 0;
  position_ = committed_;
  place_.GoBack();
  Rewind();
  monitor_.Change([this](OutputProgress* progress) {
    progress->state = OutputState::kRunning;
    progress->reason.clear();
    progress->rows = request_.slice().RowsBelow(committed_);
    progress->new_rows = new_rows_;
  });
  return Prologue();
}

void Delivery::Rewind() {
  SetUnitRows();
  walk_->Rewind(committed_, unit_rows_);
}

void Delivery::SetUnitRows() {
  unit_rows_ = UnitRows();
  place_.encoding().table->blocks()->Keep(WalkRing::Span(threads_, unit_rows_));
}

int64_t Delivery::UnitRows() const {
  if (HasCuts()) return place_.encoding().prologue.cut_rows;
  int64_t rows = kUnitRows;
  if (CommitRows() > 0) rows = std::min(rows, CommitRows());
  if (PacedRows() > 0) rows = std::min(rows, PacedRows());
  return rows;
}

void Delivery::SleepUntil(Clock::time_point due) const {
  for (auto now = Clock::now(); now < due && !IsStopping() && !IsPaused() && IsTuned();
       now = Clock::now()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(due - now, milliseconds(20)));
  }
}

absl::Status Delivery::Retry(const std::function<absl::Status()>& call) {
  const bool is_patient = settings_.retry_timeout.count() == 0;
  Clock::time_point patient_since = Clock::now();
  const auto progress_of_sink = [this] {
    return place_.sink() == nullptr ? 0 : place_.sink()->progress();
  };
  uint64_t progress = progress_of_sink();
  bool was_blocked = false;
  for (milliseconds back_off = kFirstBackOff;; back_off = std::min(2 * back_off, kLastBackOff)) {
    const Clock::time_point start = Clock::now();
    absl::Status status = call();
    const Clock::time_point now = Clock::now();
    in_sink_ += now - start;
    if (status.ok() && was_blocked) monitor_.SetState(OutputState::kRunning);
    if (status.ok() || !IsTransient(status)) return status;
    if (const uint64_t before = std::exchange(progress, progress_of_sink()); before != progress) {
      patient_since = now;
    }
    if (!is_patient && now - patient_since >= settings_.retry_timeout) return status;
    was_blocked = true;
    monitor_.SetState(OutputState::kBlocked, MessageOf(status));
    SleepUntil(Clock::now() + back_off);
    AwaitResume();  // with what it offers in hand
    if (IsStopping()) return absl::CancelledError("stopped while the sink was blocked");
  }
}

std::optional<Tally::Snapshot> Delivery::Peek() {
  if (!tally_) return std::nullopt;
  return tally_->Peek();
}

}  // namespace throng
