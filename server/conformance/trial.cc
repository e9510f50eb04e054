#include "server/conformance/trial.h"

#include <algorithm>
#include <cstring>

#include "server/control/digest.h"
#include "server/host/process.h"

namespace throng {
namespace {

constexpr size_t kGuardRows = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<BehaviourTrial>> BehaviourTrial::Create(
    const CheckContext& context, const StandInDataset& dataset,
    const std::map<std::string, std::string>& options) {
  auto parsed = ParseOptions(context, options);
  if (!parsed.ok()) return parsed.status();
  std::unique_ptr<BehaviourTrial> trial(
      new BehaviourTrial(context.component->role, dataset, *std::move(parsed)));
  const throng_value* values = trial->options_.values();
  throng_dataset made_for = dataset.For(context.component->role);
  LentMemory lent_for_call;
  const throng_dataset* lent = &made_for;
  if (context.is_lending) {
    trial->is_lending_ = true;
    values = trial->lent_for_life_.Options(values, context.component->options.size());
    made_for.world = trial->lent_for_life_.World(*made_for.world);
    made_for.kinds = trial->lent_for_life_.Kinds(made_for.kinds, made_for.kinds_count);
    lent = lent_for_call.Copy(made_for);
  }
  NoteStep("create");
  auto behaviour = PluginBehaviour::Create(*context.component, context.environment, *lent, values);
  if (!behaviour.ok()) return behaviour.status();
  trial->behaviour_ = *std::move(behaviour);
  NoteStep("block_rows");
  trial->block_rows_ = trial->behaviour_->BlockRows();
  if (trial->block_rows_ > Segments::kMostBlockRows) {
    return Fault("it wishes for blocks of {} rows; {} are allowed.", trial->block_rows_,
                 Segments::kMostBlockRows);
  }
  if (absl::Status status = trial->TakeSegments(); !status.ok()) return status;
  if (context.component->role != Role::kChoice) return trial;
  NoteStep("kinds");
  const auto kinds = trial->behaviour_->Kinds();
  if (!kinds.ok()) return kinds.status();
  trial->kinds_ = *kinds;
  return trial;
}

BehaviourTrial::BehaviourTrial(Role role, const StandInDataset& dataset, OptionValues options)
    : role_(role), dataset_(dataset), options_(std::move(options)) {}

BehaviourTrial::~BehaviourTrial() { NoteStep("destroy"); }

unsigned BehaviourTrial::Own() const {
  switch (role_) {
    case Role::kActivity:
      return kUserBit | kUserRowBit | kUserRowsBit | kRunRowBit | kRunRowsBit;
    case Role::kClock:
      return kTimeBit;
    case Role::kChoice:
      return kinds_.empty() ? kItemBit : kItemBit | kKindBit | kKindRowBit;
    default:
      return kRatingBit;
  }
}

std::unique_ptr<Columns> BehaviourTrial::MakeColumns() const {
  return std::make_unique<Columns>(static_cast<size_t>(rows()), asked_);
}

std::vector<BehaviourTrial::Batch> BehaviourTrial::Batches(int64_t batch_rows) const {
  std::vector<Batch> batches;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto more = BatchesOf(epoch, 0, plan_size(), batch_rows);
    batches.insert(batches.end(), more.begin(), more.end());
  }
  return batches;
}

std::vector<BehaviourTrial::Batch> BehaviourTrial::BatchesOf(int64_t epoch, int64_t begin,
                                                             int64_t end,
                                                             int64_t batch_rows) const {
  const Segments& segments = segments_.at(epoch);
  std::vector<Batch> batches;
  for (int64_t row = HasBlocks() ? segments.At(begin).first : begin; row < end;) {
    const SegmentRange range = segments.At(row);
    const int64_t rows = HasBlocks() ? range.rows : std::min({range.rows, batch_rows, end - row});
    batches.emplace_back(epoch * plan_size() + row, rows);
    row += rows;
  }
  return batches;
}

absl::Status BehaviourTrial::TakeSegments() {
  NoteStep("sorts");
  sorts_ = role_ == Role::kClock && behaviour_->Sorts();
  if (sorts_ && !HasBlocks()) {
    return Fault("it wants its rows sorted and wishes for no blocks to sort.");
  }
  NoteStep("segments");
  for (const int64_t epoch : {int64_t{0}, int64_t{1}, kFarEpoch}) {
    auto first_rows = behaviour_->Segments(epoch);
    if (!first_rows.ok()) return first_rows.status();
    absl::Status status = Segments::Check(*first_rows, plan_size());
    if (!status.ok()) return status;
    if (epoch > 0 && first_rows->size() != segments_[0].count()) {
      return Fault("epoch {} has {} segments and epoch 0 has {}; one without rows keeps its place.",
                   epoch, first_rows->size(), segments_[0].count());
    }
    segments_[epoch] = Segments(*std::move(first_rows), plan_size(), block_rows_);
  }
  return absl::OkStatus();
}

void BehaviourTrial::Prepare(int64_t first, int64_t rows, uint8_t poison) {
  const size_t size = static_cast<size_t>(rows) + 2 * kGuardRows;
  cells_.emplace(size, asked_);
  ForEachColumn(*cells_, *cells_, [&](unsigned, const char*, const auto&, auto& column) {
    std::memset(column.data(), poison, column.size() * sizeof column[0]);
  });
  batch_ = cells_->At(kGuardRows);
  for (size_t i = 0; i < asked_.size(); ++i) {
    std::memset(cells_->Further(i, 0), poison, size * asked_[i].width());
    extra_[asked_[i].index] = cells_->Further(i, kGuardRows);
  }
  if (!asked_.empty()) batch_.extra = extra_;
  batch_.rows = static_cast<uint32_t>(rows);
  batch_.first_row = first;
  batch_.epoch = first / dataset_.plan_size();
  batch_.epoch_row = first % dataset_.plan_size();
  const Segments& segments = segments_.at(batch_.epoch);
  const SegmentRange range = segments.At(batch_.epoch_row);
  batch_.segment = range.segment;
  batch_.segments_count = static_cast<int64_t>(segments.count());
  batch_.segments = segments.first_rows().data();
  dataset_.FillBefore(role_, batch_);
  NoteStep(fmt::format("fill of rows {} to {}", first, first + rows - 1));
}

absl::Status BehaviourTrial::Fill(int64_t first, int64_t rows, uint8_t poison, Columns* all,
                                  int64_t base) {
  Prepare(first, rows, poison);
  LentMemory lent;
  absl::Status status = behaviour_->Fill(is_lending_ ? *lent.Batch(batch_) : batch_);
  if (!status.ok()) return status;
  ForEachColumn(*cells_, *all, [&](unsigned, const char*, const auto& from, auto& to) {
    std::copy_n(from.begin() + kGuardRows, rows, to.begin() + (first - base));
  });
  for (size_t i = 0; i < asked_.size(); ++i) {
    std::memcpy(all->Further(i, static_cast<size_t>(first - base)), cells_->Further(i, kGuardRows),
                static_cast<size_t>(rows) * asked_[i].width());
  }
  if (sorts_) all->SortByTime(static_cast<size_t>(first - base), static_cast<size_t>(rows));
  return absl::OkStatus();
}

absl::Status BehaviourTrial::Learn(int64_t first, int64_t rows) {
  Prepare(first, rows, kPoison);
  if (absl::Status status = behaviour_->Fill(batch_); !status.ok()) return status;
  if (role_ == Role::kChoice) {
    for (size_t i = 0; i < batch_.rows; ++i) {
      batch_.rating[i] = 100 + 50 * static_cast<int32_t>(batch_.item[i] % 9);
    }
  }
  NoteStep("learn");
  return behaviour_->Learn(batch_);
}

absl::Status BehaviourTrial::FillAll(int64_t batch_rows, uint8_t poison, Columns* all) {
  for (const auto& [first, rows] : Batches(batch_rows)) {
    if (absl::Status status = Fill(first, rows, poison, all); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status BehaviourTrial::FillGuarded(int64_t first, int64_t rows) {
  Prepare(first, rows, kPoison);
  const Columns before = *cells_;
  if (absl::Status status = behaviour_->Fill(batch_); !status.ok()) return status;
  absl::Status fault;
  ForEachColumn(before, *cells_, [&](unsigned bit, const char* name, const auto& was, auto& is) {
    for (size_t i = 0; i < was.size() && fault.ok(); ++i) {
      const bool is_inside = i >= kGuardRows && i < kGuardRows + static_cast<size_t>(rows);
      if (was[i] == is[i] || (is_inside && (Own() & bit) != 0)) continue;
      const int64_t row = first + static_cast<int64_t>(i) - static_cast<int64_t>(kGuardRows);
      if (is_inside) {
        fault =
            Fault("it changed the column {} at row {}, which is not its own to fill.", name, row);
      } else {
        fault = Fault("given rows {} to {}, it wrote row {} of the column {}.", first,
                      first + rows - 1, row, name);
      }
    }
  });
  return fault;
}

absl::Status CompareOwn(const BehaviourTrial& trial, const Columns& expected, Columns& found,
                        int64_t first, std::string_view how) {
  absl::Status fault;
  ForEachColumn(expected, found, [&](unsigned bit, const char* name, const auto& a, const auto& b) {
    if ((trial.Own() & bit) == 0 || !fault.ok()) return;
    const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin());
    if (at_a == a.end()) return;
    fault = Fault("{} of row {} is {} in order and in batches of 4096, and {} {}.", name,
                  first + (at_a - a.begin()), *at_a, *at_b, how);
  });
  return fault;
}

std::string OwnDigest(const BehaviourTrial& trial, Columns& rows) {
  std::string digest;
  ForEachColumn(rows, rows, [&](unsigned bit, const char* name, const auto& column, auto&) {
    if ((trial.Own() & bit) == 0) return;
    digest += fmt::format("{} {}\n", name,
                          Digest().Add(column.data(), column.size() * sizeof column[0]).Hex());
  });
  return digest;
}

}  // namespace throng
