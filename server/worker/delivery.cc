#include "server/worker/delivery.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/worker/status.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

// Rows of a unit: about 0.7 MB of CSV, large enough for a write and small enough for a cache.
constexpr int64_t kUnitRows = 16'384;
// At a given rate, a unit is at most this much time's rows.
constexpr double kPaceSeconds = 0.02;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLastBackOff{2'000};
// Going back so often without a commit is not yet a reason to give up, however long it took.
constexpr int kFewAborts = 3;

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

throng_bytes Bytes(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Delivery::Delivery(const DeliveryJob& job)
    : job_(job), is_interactions_(job.encoding->table->IsInteractions()) {}

Delivery::~Delivery() {
  is_abandoned_ = true;
  if (counting_.joinable()) counting_.join();
}

absl::StatusOr<bool> Delivery::Run() {
  absl::StatusOr<Step> step = Start();
  while (true) {
    if (absl::IsAborted(step.status())) {
      step = GoBack(step.status());
      continue;
    }
    if (!step.ok() || *step != Step::kContinue) break;
    step = Advance();
  }
  // What was written after the last commit will be written again, if anybody goes on.
  job_.monitor->Change(
      [this](OutputProgress* progress) { progress->rows = job_.slice->RowsBelow(committed_); });
  if (absl::IsCancelled(step.status()) && IsStopping()) return false;
  if (!step.ok()) return step.status();
  return *step == Step::kFinished;
}

absl::StatusOr<Delivery::Step> Delivery::Start() {
  has_commit_ = job_.position.has_value();
  committed_ = position_ = counted_ = job_.position.value_or(job_.slice->first());
  pace_start_ = first_write_ = Clock::now();
  job_.monitor->Change([this](OutputProgress* progress) {
    progress->state = OutputState::kRunning;
    progress->reason.clear();
    progress->position = committed_;
    progress->rows = job_.slice->RowsBelow(committed_);
    progress->total_rows = job_.slice->IsEndless() ? -1 : job_.slice->RowsBelow(job_.slice->end());
  });
  if (is_interactions_) {
    const std::lock_guard lock(statistics_mutex_);
    statistics_.emplace(job_.encoding->table->plan().world());
    if (committed_ > job_.slice->first()) {
      earlier_.emplace(job_.encoding->table->plan().world());
      counting_ = std::thread([this] { counting_status_ = CountEarlierRows(); });
    }
  }
  walk_.emplace(*job_.slice, UnitRows(), committed_, job_.settings.threads,
                [encoding = job_.encoding]() -> absl::StatusOr<Walk::Encode> {
                  auto encoder = Encoder::Create(*encoding);
                  if (!encoder.ok()) return encoder.status();
                  return [e = std::shared_ptr<Encoder>(*std::move(encoder))](Block* block) {
                    return e->Encode(block);
                  };
                });
  return Prologue();
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
  const absl::StatusOr<const Block*> block = walk_->Next();
  if (!block.ok()) return block.status();
  if (*block == nullptr) {
    if (absl::Status status = Finish(); !status.ok()) return status;
    return Step::kFinished;
  }
  if (job_.settings.rate > 0) {
    if (absl::Status status = AwaitPace(); !status.ok()) return status;
    if (IsStopping()) return Step::kContinue;
  }
  // Units are cut at rows of the dataset, so the next one may not fit into this commit.
  if (job_.commit_rows > 0 && uncommitted_rows_ > 0 &&
      uncommitted_rows_ + (*block)->unit.rows > job_.commit_rows) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  if (absl::Status status = Deliver(**block); !status.ok()) return status;
  if (IsCommitDue()) {
    if (absl::Status status = Commit(); !status.ok()) return status;
  }
  return Step::kContinue;
}

absl::Status Delivery::AwaitPace() {
  constexpr double kLongest = 1e9;  // seconds; more than any clock here holds is as good as never
  while (!IsStopping()) {
    if (IsPaused()) {
      if (absl::Status status = Hold(); !status.ok()) return status;
      continue;
    }
    const double seconds = static_cast<double>(new_rows_ - pace_rows_) / job_.settings.rate;
    const Clock::time_point due =
        pace_start_ + std::chrono::duration_cast<Clock::duration>(
                          std::chrono::duration<double>(std::min(seconds, kLongest)));
    const Clock::time_point commit_due = first_write_ + job_.commit_interval;
    if (uncommitted_rows_ > 0 && job_.commit_interval.count() > 0 && commit_due < due) {
      SleepUntil(commit_due);
      if (IsStopping() || IsPaused()) continue;
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
    SleepUntil(due);
    if (!IsPaused()) return absl::OkStatus();
  }
  return absl::OkStatus();
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
    job_.monitor->SetState(OutputState::kPaused);
    job_.environment->AwaitResume();
    if (IsStopping()) return;
    job_.monitor->SetState(OutputState::kRunning);
  } while (IsPaused());
  pace_start_ = Clock::now();
  pace_rows_ = new_rows_;
}

absl::StatusOr<Delivery::Step> Delivery::Prologue() {
  const std::string& prologue = job_.encoding->prologue.bytes;
  if (has_commit_ || prologue.empty()) return Step::kContinue;
  throng_records records{};
  records.struct_size = sizeof records;
  records.first_row = job_.slice->first();
  records.bytes = Bytes(prologue);
  absl::Status status = Retry([&] { return job_.sink->Write(records); });
  if (!status.ok()) return status;
  return Step::kContinue;
}

absl::Status Delivery::Deliver(const Block& block) {
  const bool is_messages = job_.encoding->destination.mode == THRONG_RECORDS_MESSAGES;
  throng_records records{};
  records.struct_size = sizeof records;
  records.rows = block.unit.rows;
  records.first_row = block.unit.first;
  records.bytes = Bytes(block.records.bytes());
  records.key_end = is_messages ? block.key_end.data() : nullptr;
  records.value_end = is_messages ? block.value_end.data() : nullptr;
  records.event_time = is_messages && is_interactions_ ? block.time.data() : nullptr;
  absl::Status status = Retry([&] { return job_.sink->Write(records); });
  if (!status.ok()) return status;
  if (is_interactions_ && block.unit.first >= counted_) {
    const std::lock_guard lock(statistics_mutex_);
    statistics_->Add(block.user, block.item, block.rating, block.time);
    counted_ = block.unit.next;
  }
  if (uncommitted_rows_ == 0) first_write_ = Clock::now();
  position_ = block.unit.next;
  uncommitted_rows_ += block.unit.rows;
  new_rows_ += block.unit.rows;
  job_.monitor->Change([&](OutputProgress* progress) {
    progress->rows = job_.slice->RowsBelow(position_);
    progress->new_rows = new_rows_;
    progress->bytes += static_cast<int64_t>(records.bytes.size);
  });
  return absl::OkStatus();
}

bool Delivery::IsCommitDue() const {
  if (!has_own_commit_) return true;  // soon, so that whoever watches sees that the place works
  if (job_.commit_rows > 0 && uncommitted_rows_ >= job_.commit_rows) return true;
  return job_.commit_interval.count() > 0 && Clock::now() - first_write_ >= job_.commit_interval;
}

absl::Status Delivery::Commit() {
  const std::string host_state = job_.host_state(derived_);
  absl::Status status = Retry([&] { return job_.sink->Commit(position_, host_state); });
  if (!status.ok()) return status;
  has_commit_ = has_own_commit_ = true;
  committed_ = position_;
  uncommitted_rows_ = 0;
  aborts_ = 0;
  job_.monitor->Change([this](OutputProgress* progress) { progress->position = committed_; });
  return absl::OkStatus();
}

absl::Status Delivery::Finish() {
  if (counting_.joinable()) {  // which may take a while: nothing is left uncommitted meanwhile
    if (uncommitted_rows_ > 0) {
      if (absl::Status status = Commit(); !status.ok()) return status;
    }
    counting_.join();
  }
  if (!counting_status_.ok()) return counting_status_;
  if (is_interactions_ && !derived_) {
    const std::lock_guard lock(statistics_mutex_);
    if (earlier_) statistics_->Merge(*earlier_);
    derived_ = statistics_->Derive();
  }
  position_ = job_.slice->end();
  if (absl::Status status = Commit(); !status.ok()) return status;

  RecordBuffer epilogue;
  if (job_.encoding->destination.mode == THRONG_RECORDS_STREAM) {
    const std::string statistics = job_.statistics_json(derived_);
    throng_summary summary{};
    summary.struct_size = sizeof summary;
    summary.rows = job_.slice->RowsBelow(position_);
    summary.statistics = statistics.c_str();
    auto format =
        Format::Create(*job_.encoding->format, *job_.environment, job_.encoding->options->values());
    if (!format.ok()) return format.status();
    const auto prologue = (*format)->Begin(job_.encoding->destination);
    if (!prologue.ok()) return prologue.status();
    absl::Status status = (*format)->End(summary, epilogue.abi());
    if (!status.ok()) return status;
  }
  const std::string manifest = job_.manifest(derived_);
  throng_completion completion{};
  completion.struct_size = sizeof completion;
  completion.rows = job_.slice->RowsBelow(position_);
  completion.epilogue = Bytes(epilogue.bytes());
  completion.manifest = manifest.c_str();
  return Retry([&] { return job_.sink->Finish(completion); });
}

absl::StatusOr<Delivery::Step> Delivery::GoBack(const absl::Status& reason) {
  const Clock::time_point now = Clock::now();
  if (++aborts_ == 1) first_abort_ = now;
  const bool is_patient = job_.settings.retry_timeout.count() == 0;
  if (!is_patient && aborts_ > kFewAborts && now - first_abort_ > job_.settings.retry_timeout) {
    return absl::UnavailableError(reason.message());  // no longer a reason to go back
  }
  job_.monitor->SetState(OutputState::kBlocked, MessageOf(reason));
  SleepUntil(now + kFirstBackOff);
  new_rows_ -= uncommitted_rows_;
  uncommitted_rows_ = 0;
  position_ = committed_;
  walk_->Rewind(committed_);
  job_.monitor->Change([this](OutputProgress* progress) {
    progress->state = OutputState::kRunning;
    progress->reason.clear();
    progress->rows = job_.slice->RowsBelow(committed_);
    progress->new_rows = new_rows_;
  });
  return Prologue();
}

int64_t Delivery::UnitRows() const {
  if (job_.encoding->prologue.cut_rows > 1) return job_.encoding->prologue.cut_rows;
  int64_t rows = kUnitRows;
  if (job_.commit_rows > 0) rows = std::min(rows, job_.commit_rows);
  if (job_.settings.rate > 0) {
    rows = std::min(rows,
                    std::max<int64_t>(1, static_cast<int64_t>(job_.settings.rate * kPaceSeconds)));
  }
  return rows;
}

void Delivery::SleepUntil(Clock::time_point due) const {
  for (auto now = Clock::now(); now < due && !IsStopping() && !IsPaused(); now = Clock::now()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(due - now, milliseconds(20)));
  }
}

absl::Status Delivery::Retry(const std::function<absl::Status()>& call) {
  const bool is_patient = job_.settings.retry_timeout.count() == 0;
  const Clock::time_point give_up =
      is_patient ? Clock::time_point::max() : Clock::now() + job_.settings.retry_timeout;
  bool was_blocked = false;
  for (milliseconds back_off = kFirstBackOff;; back_off = std::min(2 * back_off, kLastBackOff)) {
    absl::Status status = call();
    if (status.ok() && was_blocked) job_.monitor->SetState(OutputState::kRunning);
    if (status.ok() || !IsTransient(status) || Clock::now() >= give_up) return status;
    was_blocked = true;
    job_.monitor->SetState(OutputState::kBlocked, MessageOf(status));
    SleepUntil(Clock::now() + back_off);
    AwaitResume();  // with what it offers in hand
    if (IsStopping()) return absl::CancelledError("stopped while the sink was blocked");
  }
}

std::optional<Delivery::Snapshot> Delivery::Peek() const {
  const std::lock_guard lock(statistics_mutex_);
  if (!statistics_) return std::nullopt;
  if (derived_) return Snapshot{*derived_};
  Statistics sum(job_.encoding->table->plan().world());
  sum.Merge(*statistics_);
  int64_t rows_to_count = 0;
  if (earlier_ && is_counted_) sum.Merge(*earlier_);
  if (earlier_ && !is_counted_) rows_to_count = job_.slice->RowsBelow(*job_.position);
  return Snapshot{sum.Derive(), rows_to_count};
}

absl::Status Delivery::CountEarlierRows() {
  auto rows = TableRows::Create(*job_.encoding->table, static_cast<size_t>(kUnitRows));
  if (!rows.ok()) return rows.status();
  std::vector<uint32_t> user;
  std::vector<uint32_t> item;
  for (int64_t position = job_.slice->first(); position < *job_.position;) {
    if (is_abandoned_ || IsStopping()) return absl::CancelledError("stopped while counting");
    const auto unit = job_.slice->UnitAt(position, kUnitRows);
    const auto n =
        static_cast<uint32_t>(std::min<int64_t>(unit->rows, *job_.position - unit->first));
    if (absl::Status status = (*rows)->Fill(unit->first, n); !status.ok()) return status;
    const Columns& columns = (*rows)->interactions();
    user.assign(columns.user.begin(), columns.user.begin() + n);
    item.assign(columns.item.begin(), columns.item.begin() + n);
    earlier_->Add(user, item, {columns.rating.data(), n}, {columns.time.data(), n});
    position = unit->next;
  }
  is_counted_ = true;
  return absl::OkStatus();
}

}  // namespace throng
