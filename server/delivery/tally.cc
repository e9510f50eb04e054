#include "server/delivery/tally.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "server/delivery/walk.h"

namespace throng {
namespace {

constexpr int64_t kUnitRows = 16'384;
// So many units may wait for a thread that counts them; then the writer does.
constexpr size_t kMostPending = 16;
// Of counts that are kept with every position, in bytes: each user and item takes one at least.
constexpr int64_t kMostStored = int64_t{16} << 10;

}  // namespace

Tally::Tally(const Table& table, const Environment& environment, const Slice& slice,
             const std::optional<Slice>& part, int64_t position, const worker::v1::Counts& stored,
             int threads)
    : table_(table),
      environment_(environment),
      slice_(slice),
      threads_(threads),
      passed_(position) {
  const auto take_up = [&](const Slice& rows, const v1::StatisticsState& state,
                           std::optional<Counted>* counted) {
    counted->emplace(Counted{Statistics(table_.plan().world()), rows.RowsBelow(position)});
    const bool is_of_these = state.rows() == (*counted)->rows_to_count;
    if (is_of_these && (*counted)->statistics.Merge(state)) (*counted)->rows_to_count = 0;
  };
  take_up(slice_, stored.output(), &output_);
  if (part) take_up(*part, stored.part(), &part_);
  const Whose missing = {.output = !IsOutputCounted(), .part = !IsPartCounted()};
  if (!missing.output && !missing.part) return;
  earlier_ = std::thread([this, missing, position, first = (part ? *part : slice_).first()] {
    // Those of the part first, which may be finished long before the output.
    absl::Status status = Walk(first, position, missing);
    if (status.ok() && missing.output) status = Walk(slice_.first(), first, {.part = false});
    const std::lock_guard lock(mutex_);
    failure_.Update(status);
    changed_.notify_all();
  });
}

Tally::~Tally() {
  {
    const std::lock_guard lock(mutex_);
    is_abandoned_ = true;
  }
  if (earlier_.joinable()) earlier_.join();
}

absl::Status Tally::Add(const Unit& unit, SeenRows* rows) {
  if (unit.next <= passed_) return absl::OkStatus();
  if (unit.first < passed_) return Pass(unit.next);
  passed_ = unit.next;
  size_t pending = 0;
  {
    const std::lock_guard lock(pending_mutex_);
    std::swap(pending_.emplace_back(), *rows);
    if (!spare_.empty()) {
      *rows = std::move(spare_.back());
      spare_.pop_back();
    }
    pending = pending_.size();
  }
  if (pending <= kMostPending) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  Drain();
  return absl::OkStatus();
}

absl::Status Tally::Pass(int64_t position) {
  const int64_t from = std::exchange(passed_, position);
  {
    const std::lock_guard lock(mutex_);
    Drain();
    const int64_t rows = slice_.RowsBelow(position) - slice_.RowsBelow(from);
    output_->rows_to_count += rows;
    if (part_) part_->rows_to_count += rows;
  }
  return Walk(from, position, {});
}

absl::Status Tally::BeginPart(int64_t position) {
  {
    const std::lock_guard lock(mutex_);
    Drain();
    part_.emplace(Counted{Statistics(table_.plan().world())});
  }
  return Pass(position);
}

void Tally::CountPending() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock) Drain();
}

void Tally::Drain() {
  SeenRows rows;
  while (true) {
    {
      const std::lock_guard lock(pending_mutex_);
      if (!rows.user.empty()) spare_.push_back(std::move(rows));
      if (pending_.empty()) return;
      rows = std::move(pending_.front());
      pending_.pop_front();
    }
    Count(rows, {});
  }
}

void Tally::Count(const SeenRows& rows, Whose whose) {
  try {
    if (whose.output) output_->statistics.Add(rows);
    if (whose.part && part_) part_->statistics.Add(rows);
  } catch (const std::bad_alloc&) {
    failure_.Update(absl::ResourceExhaustedError(
        "there is not enough memory to count the rows of this world's users and items; ask for "
        "fewer of them."));
  }
}

bool Tally::IsCounted(const std::optional<Counted>& counted) const {
  const std::lock_guard lock(mutex_);
  return !counted || counted->rows_to_count == 0;
}

absl::StatusOr<v1::Statistics> Tally::Finish(const std::optional<Counted>& counted) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !failure_.ok() || counted->rows_to_count == 0; });
  Drain();
  if (!failure_.ok()) return failure_;
  return counted->statistics.Derive();
}

std::optional<worker::v1::Counts> Tally::CountsAt(int64_t position) {
  const throng_world& world = table_.plan().world();
  if (world.users > kMostStored || world.items > kMostStored) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Drain();
  const bool is_whole =
      output_->rows_to_count == 0 && (!part_ || part_->rows_to_count == 0) && failure_.ok();
  if (!is_whole || passed_ != position) return std::nullopt;  // it went back, say
  worker::v1::Counts counts;
  *counts.mutable_output() = output_->statistics.State();
  if (part_) *counts.mutable_part() = part_->statistics.State();
  if (counts.ByteSizeLong() > kMostStored) return std::nullopt;
  return counts;
}

Tally::Snapshot Tally::Peek() {
  const std::lock_guard lock(mutex_);
  Drain();
  return {output_->statistics.Derive(), output_->rows_to_count};
}

absl::Status Tally::Walk(int64_t from, int64_t to, Whose whose) {
  if (from >= to) return absl::OkStatus();
  const Slice rows = slice_.Below(to);
  try {
    throng::Walk<SeenRows> walk(
        rows, kUnitRows, from, threads_, [this]() -> absl::StatusOr<throng::Walk<SeenRows>::Fill> {
          auto made = TableRows::Create(table_, static_cast<size_t>(kUnitRows));
          if (!made.ok()) return made.status();
          return [filled = std::shared_ptr<TableRows>(*std::move(made))](const Unit& unit,
                                                                         SeenRows* seen) {
            absl::Status status = filled->Fill(unit.first, unit.rows);
            seen->Resize(unit.rows);
            if (status.ok()) seen->Take(filled->interactions(), 0, unit.rows);
            return status;
          };
        });
    while (true) {
      const auto block = walk.Next();
      if (!block.ok()) return block.status();
      if (*block == nullptr) return absl::OkStatus();
      const std::lock_guard lock(mutex_);
      if (is_abandoned_ || environment_.IsStopping()) {
        return absl::CancelledError("stopped while counting");
      }
      Count((*block)->payload, whose);
      if (whose.output) output_->rows_to_count -= (*block)->unit.rows;
      if (whose.part && part_) part_->rows_to_count -= (*block)->unit.rows;
      changed_.notify_all();
    }
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("there is not enough memory to count earlier rows.");
  } catch (const std::exception& error) {  // of the standard library, such as no more threads
    return absl::InternalError(error.what());
  }
}

}  // namespace throng
